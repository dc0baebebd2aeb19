internal import SluiceHTTP

/// The gateway's own codes, and what the metrics call a close.
extension WebSocketCloseCode {
    /// The token expired or was revoked: come back with another.
    static let tokenExpired = Self(rawValue: 4401)
    /// The client may not do this: do not come back as you are.
    static let forbidden = Self(rawValue: 4403)
    /// There is no such scan.
    static let scanNotFound = Self(rawValue: 4404)
    /// A newer connection of the same user took this one's place.
    static let replaced = Self(rawValue: 4429)

    /// Those that the gateway closes with, or an ordinary client.
    static let common: Set<WebSocketCloseCode> = [
        .normal, .goingAway, .protocolError, .unsupportedData, .noStatus, .abnormal, .invalidPayload,
        .policyViolation, .messageTooBig, .internalError, .tryAgainLater, .tokenExpired, .forbidden, .scanNotFound,
        .replaced,
    ]

    /// Whether it is one of them.
    var isCommon: Bool { Self.common.contains(self) }

    /// What was refused, by the name that the metrics have for it; nil where the code says of no refusal.
    var refusal: String? {
        switch self {
        case .protocolError: "protocol_error"
        case .unsupportedData: "unsupported_data"
        case .invalidPayload: "invalid_payload"
        case .messageTooBig: "frame_too_large"
        default: nil
        }
    }
}
