package import NIOHTTP1

/// A reason for which a request is refused: a stable code with its status and title.
///
/// The client's next step follows from the status: 400 to 422, do not repeat it unchanged; 401, come with another
/// token; 403, ask for the right; 408, 429 and 503, come again after `Retry-After`. The codes here are the refusals of
/// HTTP and WebSocket themselves; a router adds its own as further constants.
package struct ProblemCode: Sendable, Hashable {
    /// The code, in lower case with underscores.
    package let rawValue: String
    /// The status that the answer has: an error's.
    package let status: HTTPResponseStatus
    /// The kind of problem, in a few words that do not change from one occurrence to the next.
    package let title: String
    /// Fields that every answer with this code has.
    package let fields: KeyValuePairs<String, String>

    package init(
        _ rawValue: String,
        _ status: HTTPResponseStatus,
        _ title: String,
        fields: KeyValuePairs<String, String> = [:]
    ) {
        precondition(status.code >= 400, "a problem is answered with an error's status")
        self.rawValue = rawValue
        self.status = status
        self.title = title
        self.fields = fields
    }

    package static func == (one: ProblemCode, other: ProblemCode) -> Bool {
        one.rawValue == other.rawValue
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(self.rawValue)
    }
}

/// The refusals of HTTP and WebSocket themselves.
extension ProblemCode {
    package static let bodyTooLarge = Self("body_too_large", .payloadTooLarge, "Body too large")
    package static let badRequest = Self("bad_request", .badRequest, "Bad request")
    package static let invalidTarget = Self("invalid_target", .badRequest, "Invalid request target")
    package static let notFound = Self("not_found", .notFound, "Not found")
    package static let methodNotAllowed = Self("method_not_allowed", .methodNotAllowed, "Method not allowed")
    package static let expectationFailed = Self("expectation_failed", .expectationFailed, "Expectation failed")
    package static let upgradeRequired = Self(
        "upgrade_required",
        .upgradeRequired,
        "Upgrade required",
        fields: ["Upgrade": "websocket", "Connection": "upgrade"]
    )
    package static let invalidHandshake = Self("invalid_handshake", .badRequest, "Invalid WebSocket handshake")
    package static let unsupportedWebSocketVersion = Self(
        "unsupported_websocket_version",
        .upgradeRequired,
        "Unsupported WebSocket version",
        fields: ["Upgrade": "websocket", "Connection": "upgrade", "Sec-WebSocket-Version": "13"]
    )
    package static let headersTooLarge = Self(
        "headers_too_large",
        .requestHeaderFieldsTooLarge,
        "Request header fields too large"
    )
    package static let requestTimeout = Self("request_timeout", .requestTimeout, "Request timeout")
    package static let notImplemented = Self("not_implemented", .notImplemented, "Not implemented")
    package static let versionNotSupported = Self(
        "version_not_supported",
        .httpVersionNotSupported,
        "HTTP version not supported"
    )
    package static let forbidden = Self("forbidden", .forbidden, "Forbidden")
    package static let overloaded = Self("overloaded", .serviceUnavailable, "Overloaded")

    /// All of these.
    package static let ofTransport: [ProblemCode] = [
        .bodyTooLarge, .badRequest, .invalidTarget, .notFound, .methodNotAllowed, .expectationFailed,
        .upgradeRequired, .invalidHandshake, .unsupportedWebSocketVersion, .headersTooLarge, .requestTimeout,
        .notImplemented, .versionNotSupported, .forbidden, .overloaded,
    ]
}
