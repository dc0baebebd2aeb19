internal import SluiceHTTP
internal import SluiceRelay

/// Why the gateway ends a live connection, whatever its protocol.
enum Closing: Sendable, Equatable {
    /// The token's time is over.
    case tokenExpired
    /// The token was revoked.
    case tokenRevoked
    /// An administrator ended the connections of the user or the key.
    case disconnected
    /// The configuration, as it was reloaded, no longer admits it.
    case notAdmitted
    /// The token's key is no longer among those of its issuer: a newer token will do.
    case keyWithdrawn
    /// The operator has the claims of tokens read in another way: the same token will do, if it still gives the right.
    case claimsChanged
    /// The application does not know the visitor any more.
    case signedOut
    /// The application, or what it says of the visitor, does not allow this any more.
    case notAllowed
    /// The application says now that the visitor is somebody else.
    case otherUser
    /// The application has not answered for too long.
    case unverified
    /// The user opened another connection, and this was the oldest.
    case replaced
    /// More than one may have were let in on several nodes, while nodes came or went.
    case surplus
    /// The gateway stops; come back after this many milliseconds.
    case draining(retryAfterMilliseconds: Int)
    /// Nothing drained for too long.
    case slowClient
    /// The gateway has no room.
    case overloaded

    /// The WebSocket close code (RFC 6455 section 7.4; 44xx are the gateway's own).
    var code: UInt16 {
        switch self {
        case .tokenExpired, .tokenRevoked, .keyWithdrawn, .claimsChanged, .signedOut, .unverified: 4401
        case .disconnected, .notAdmitted, .notAllowed, .otherUser: 4403
        case .replaced, .surplus: 4429
        case .draining: 1001
        case .slowClient, .overloaded: 1013
        }
    }

    /// The reason that goes with the code, at most 123 bytes.
    var reason: String {
        switch self {
        case .tokenExpired: "token expired"
        case .tokenRevoked: "token revoked"
        case .disconnected: "disconnected by an administrator"
        case .notAdmitted: "no longer admitted"
        case .keyWithdrawn: "key withdrawn"
        case .claimsChanged: "claims are read anew"
        case .signedOut: "signed out"
        case .notAllowed: "no longer allowed"
        case .otherUser: "signed in as another user"
        case .unverified: "sign-in unavailable"
        case .replaced: "replaced by a newer connection"
        case .surplus: "too many connections"
        case .draining(let milliseconds): "{\"retryAfterMs\":\(milliseconds)}"
        case .slowClient: "nothing drained for too long"
        case .overloaded: "overloaded"
        }
    }

    /// The same as a refusal of a request that was under way.
    var problem: Problem {
        switch self {
        case .tokenExpired: Problem(.invalidToken, "the token expired while the request was under way")
        case .tokenRevoked: Problem(.invalidToken, "the token was revoked")
        case .disconnected: Problem(.forbidden, "an administrator ended the connections of this user or key")
        case .notAdmitted: Problem(.forbidden, "the configuration, as it was reloaded, does not admit this any more")
        case .keyWithdrawn: Problem(.invalidToken, "the token's key was withdrawn; get a new token")
        case .claimsChanged: Problem(.invalidToken, "the claims of tokens are read in another way now; try again")
        case .signedOut: Problem(.notSignedIn, "the application does not know you any more; sign in again")
        case .notAllowed: Problem(.forbidden, "the application does not allow this any more")
        case .otherUser: Problem(.forbidden, "the application says that you are another user now")
        case .unverified: Problem(.notSignedIn, "the application has not said for too long who you are; come again")
        case .replaced: Problem(.tooManyConnections, "replaced by a newer connection of the same user")
        case .surplus: Problem(.tooManyConnections, "as many connections are open as may be")
        case .draining(let milliseconds):
            Problem(
                .draining,
                "the gateway is about to stop; try again",
                retryAfterSeconds: (milliseconds + 999) / 1000
            )
        case .slowClient, .overloaded: Problem(.overloaded)
        }
    }
}

extension SubscriptionEnd {
    /// How a socket of one scan is closed, and the notice to a socket of many.
    var closure: (code: WebSocketCloseCode, reason: String) {
        switch self {
        case .scanCompleted: (.normal, "scan completed")
        case .scanIdle: (.normal, "scan idle")
        case .scanDeleted: (.normal, "scan deleted")
        case .scanNotFound: (.scanNotFound, "no such scan")
        case .storageUnavailable: (.tryAgainLater, "storage unavailable")
        }
    }
}

/// The gateway's own codes, and the names of closes in the metrics.
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

    /// The refusal, by its name in the metrics; nil if the code is not a refusal.
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
