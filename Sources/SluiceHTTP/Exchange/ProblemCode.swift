package import NIOHTTP1

/// Every reason for which a request is refused: stable codes, each with its status and title.
///
/// The client's next step follows from the status: 400 to 422, do not repeat it unchanged; 401, come with another
/// token; 403, ask for the right; 408, 429 and 503, come again after `Retry-After`.
package enum ProblemCode: String, Sendable, CaseIterable {
    // What was posted
    case invalidScanID = "invalid_scan_id"
    case invalidMessage = "invalid_message"
    case reservedField = "reserved_field"
    case reservedType = "reserved_type"
    case scanIDMismatch = "scan_id_mismatch"
    case invalidOwner = "invalid_owner"
    case invalidIdempotencyKey = "invalid_idempotency_key"
    case idempotencyUnsupported = "idempotency_unsupported"
    case idempotencyConflict = "idempotency_conflict"
    case ownerConflict = "owner_conflict"
    case scanDeleted = "scan_deleted"
    case tooManyMessages = "too_many_messages"
    case messageTooLarge = "message_too_large"
    case bodyTooLarge = "body_too_large"
    case unsupportedMediaType = "unsupported_media_type"
    case unsupportedContentEncoding = "unsupported_content_encoding"
    // What was asked for
    case badRequest = "bad_request"
    case invalidTarget = "invalid_target"
    case invalidParameter = "invalid_parameter"
    case invalidBody = "invalid_body"
    case notFound = "not_found"
    case scanNotFound = "scan_not_found"
    case methodNotAllowed = "method_not_allowed"
    case notAcceptable = "not_acceptable"
    case expectationFailed = "expectation_failed"
    case upgradeRequired = "upgrade_required"
    case invalidHandshake = "invalid_handshake"
    case unsupportedWebSocketVersion = "unsupported_websocket_version"
    case headersTooLarge = "headers_too_large"
    case requestTimeout = "request_timeout"
    case notImplemented = "not_implemented"
    case versionNotSupported = "version_not_supported"
    // Who asked
    case missingToken = "missing_token"
    case invalidToken = "invalid_token"
    case invalidCertificate = "invalid_certificate"
    case forbidden = "forbidden"
    case originRefused = "origin_refused"
    // How much
    case rateLimited = "rate_limited"
    case tooManyConnections = "too_many_connections"
    case tooManyScans = "too_many_scans"
    case overloaded = "overloaded"
    case draining = "draining"
    case storageUnavailable = "storage_unavailable"
    case internalError = "internal_error"

    /// The status that the answer has.
    package var status: HTTPResponseStatus {
        switch self {
        case .invalidScanID, .invalidMessage, .reservedField, .reservedType, .scanIDMismatch, .invalidOwner,
            .invalidIdempotencyKey, .idempotencyUnsupported, .badRequest, .invalidTarget, .invalidParameter,
            .invalidBody, .invalidHandshake:
            .badRequest
        case .missingToken, .invalidToken, .invalidCertificate: .unauthorized
        case .forbidden, .originRefused: .forbidden
        case .notFound, .scanNotFound: .notFound
        case .methodNotAllowed: .methodNotAllowed
        case .notAcceptable: .notAcceptable
        case .requestTimeout: .requestTimeout
        case .ownerConflict, .scanDeleted: .conflict
        case .tooManyMessages, .messageTooLarge, .bodyTooLarge: .payloadTooLarge
        case .unsupportedMediaType, .unsupportedContentEncoding: .unsupportedMediaType
        case .expectationFailed: .expectationFailed
        case .idempotencyConflict: .unprocessableEntity
        case .upgradeRequired, .unsupportedWebSocketVersion: .upgradeRequired
        case .rateLimited, .tooManyConnections: .tooManyRequests
        case .headersTooLarge: .requestHeaderFieldsTooLarge
        case .internalError: .internalServerError
        case .notImplemented: .notImplemented
        case .tooManyScans, .overloaded, .draining, .storageUnavailable: .serviceUnavailable
        case .versionNotSupported: .httpVersionNotSupported
        }
    }

    /// What is wrong, in a few words that do not change from one occurrence to the next.
    package var title: String {
        switch self {
        case .invalidScanID: "Invalid scan id"
        case .invalidMessage: "Invalid message"
        case .reservedField: "Reserved field"
        case .reservedType: "Reserved message type"
        case .scanIDMismatch: "Scan id does not match the path"
        case .invalidOwner: "Invalid owner"
        case .invalidIdempotencyKey: "Invalid idempotency key"
        case .idempotencyUnsupported: "Idempotency keys are not supported here"
        case .idempotencyConflict: "Idempotency key used with another body"
        case .ownerConflict: "Scan has another owner"
        case .scanDeleted: "Scan was deleted meanwhile"
        case .tooManyMessages: "Too many messages"
        case .messageTooLarge: "Message too large"
        case .bodyTooLarge: "Body too large"
        case .unsupportedMediaType: "Unsupported media type"
        case .unsupportedContentEncoding: "Unsupported content encoding"
        case .badRequest: "Bad request"
        case .invalidTarget: "Invalid request target"
        case .invalidParameter: "Invalid parameter"
        case .invalidBody: "Invalid body"
        case .notFound: "Not found"
        case .scanNotFound: "Scan channel not found"
        case .methodNotAllowed: "Method not allowed"
        case .notAcceptable: "Not acceptable"
        case .expectationFailed: "Expectation failed"
        case .upgradeRequired: "Upgrade required"
        case .invalidHandshake: "Invalid WebSocket handshake"
        case .unsupportedWebSocketVersion: "Unsupported WebSocket version"
        case .headersTooLarge: "Request header fields too large"
        case .requestTimeout: "Request timeout"
        case .notImplemented: "Not implemented"
        case .versionNotSupported: "HTTP version not supported"
        case .missingToken: "Authentication required"
        case .invalidToken: "Invalid token"
        case .invalidCertificate: "Client certificate without a name"
        case .forbidden: "Forbidden"
        case .originRefused: "Origin not allowed"
        case .rateLimited: "Too many requests"
        case .tooManyConnections: "Too many connections"
        case .tooManyScans: "Too many scans"
        case .overloaded: "Overloaded"
        case .draining: "Shutting down"
        case .storageUnavailable: "Storage unavailable"
        case .internalError: "Internal error"
        }
    }
}
