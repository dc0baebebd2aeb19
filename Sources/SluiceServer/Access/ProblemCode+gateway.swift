internal import NIOHTTP1
internal import SluiceHTTP

/// The gateway's refusals, by subject.
extension ProblemCode {
    /// RFC 6750, section 3: the scheme, and why the token was not taken.
    private static let bearer = #"Bearer error="invalid_token""#

    // The posted content
    static let invalidScanID = Self("invalid_scan_id", .badRequest, "Invalid scan id")
    static let invalidMessage = Self("invalid_message", .badRequest, "Invalid message")
    static let reservedField = Self("reserved_field", .badRequest, "Reserved field")
    static let reservedType = Self("reserved_type", .badRequest, "Reserved message type")
    static let scanIDMismatch = Self("scan_id_mismatch", .badRequest, "Scan id does not match the path")
    static let invalidOwner = Self("invalid_owner", .badRequest, "Invalid owner")
    static let invalidIdempotencyKey = Self("invalid_idempotency_key", .badRequest, "Invalid idempotency key")
    static let idempotencyUnsupported = Self(
        "idempotency_unsupported",
        .badRequest,
        "Idempotency keys are not supported here"
    )
    static let idempotencyConflict = Self(
        "idempotency_conflict",
        .unprocessableEntity,
        "Idempotency key used with another body"
    )
    static let ownerConflict = Self("owner_conflict", .conflict, "Scan has another owner")
    static let scanDeleted = Self("scan_deleted", .conflict, "Scan was deleted meanwhile")
    static let tooManyMessages = Self("too_many_messages", .payloadTooLarge, "Too many messages")
    static let messageTooLarge = Self("message_too_large", .payloadTooLarge, "Message too large")
    static let unsupportedMediaType = Self("unsupported_media_type", .unsupportedMediaType, "Unsupported media type")
    static let unsupportedContentEncoding = Self(
        "unsupported_content_encoding",
        .unsupportedMediaType,
        "Unsupported content encoding"
    )

    // The request
    static let invalidParameter = Self("invalid_parameter", .badRequest, "Invalid parameter")
    static let invalidBody = Self("invalid_body", .badRequest, "Invalid body")
    static let scanNotFound = Self("scan_not_found", .notFound, "Scan channel not found")
    static let notAcceptable = Self("not_acceptable", .notAcceptable, "Not acceptable")

    // The caller
    static let missingToken = Self(
        "missing_token",
        .unauthorized,
        "Authentication required",
        fields: ["WWW-Authenticate": Self.bearer]
    )
    static let invalidToken = Self(
        "invalid_token",
        .unauthorized,
        "Invalid token",
        fields: ["WWW-Authenticate": Self.bearer]
    )
    static let invalidTicket = Self(
        "invalid_ticket",
        .unauthorized,
        "Invalid ticket",
        fields: ["WWW-Authenticate": Self.bearer]
    )
    static let invalidCertificate = Self(
        "invalid_certificate",
        .unauthorized,
        "Client certificate without a name",
        fields: ["WWW-Authenticate": Self.bearer]
    )
    static let notSignedIn = Self(
        "not_signed_in",
        .unauthorized,
        "Not signed in",
        fields: ["WWW-Authenticate": Self.bearer]
    )
    static let authUnavailable = Self("auth_unavailable", .serviceUnavailable, "Sign-in unavailable")
    static let originRefused = Self("origin_refused", .forbidden, "Origin not allowed")

    // Routes
    static let upstreamUnreachable = Self("upstream_unreachable", .badGateway, "Upstream unreachable")
    static let upstreamBroken = Self("upstream_broken", .badGateway, "Upstream's answer broken")
    static let upstreamTimeout = Self("upstream_timeout", .gatewayTimeout, "Upstream timeout")
    static let upstreamBusy = Self("upstream_busy", .serviceUnavailable, "Too many requests to upstreams")

    // How much
    static let rateLimited = Self("rate_limited", .tooManyRequests, "Too many requests")
    static let tooManyConnections = Self("too_many_connections", .tooManyRequests, "Too many connections")
    static let tooManyScans = Self("too_many_scans", .serviceUnavailable, "Too many scans")
    static let draining = Self("draining", .serviceUnavailable, "Shutting down")
    static let storageUnavailable = Self("storage_unavailable", .serviceUnavailable, "Storage unavailable")
    static let certificateUnavailable = Self(
        "certificate_unavailable",
        .serviceUnavailable,
        "No certificate to show"
    )
    static let internalError = Self("internal_error", .internalServerError, "Internal error")

    /// Every code that there is.
    static let all: [ProblemCode] =
        Self.ofTransport + [
            .invalidScanID, .invalidMessage, .reservedField, .reservedType, .scanIDMismatch, .invalidOwner,
            .invalidIdempotencyKey, .idempotencyUnsupported, .idempotencyConflict, .ownerConflict, .scanDeleted,
            .tooManyMessages, .messageTooLarge, .unsupportedMediaType, .unsupportedContentEncoding,
            .invalidParameter, .invalidBody, .scanNotFound, .notAcceptable, .missingToken, .invalidToken,
            .invalidTicket, .invalidCertificate, .notSignedIn, .authUnavailable, .originRefused, .rateLimited,
            .tooManyConnections, .tooManyScans, .draining, .storageUnavailable, .certificateUnavailable, .internalError,
            .upstreamUnreachable, .upstreamBroken,
            .upstreamTimeout, .upstreamBusy,
        ]
}
