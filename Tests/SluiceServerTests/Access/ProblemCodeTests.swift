import NIOCore
import SluiceHTTP
import Testing

@testable import SluiceServer

@Suite("The gateway's own refusals")
struct ProblemCodeTests {
    private static let codes: [ProblemCode] = [
        .invalidScanID, .invalidMessage, .reservedField, .reservedType, .scanIDMismatch, .invalidOwner,
        .invalidIdempotencyKey, .idempotencyUnsupported, .idempotencyConflict, .ownerConflict, .scanDeleted,
        .tooManyMessages, .messageTooLarge, .unsupportedMediaType, .unsupportedContentEncoding, .invalidParameter,
        .invalidBody, .scanNotFound, .notAcceptable, .missingToken, .invalidToken, .invalidCertificate,
        .originRefused, .rateLimited, .tooManyConnections, .tooManyScans, .overloaded, .draining,
        .storageUnavailable, .internalError, .badRequest, .invalidTarget, .bodyTooLarge, .expectationFailed,
        .headersTooLarge, .requestTimeout, .notImplemented, .versionNotSupported, .upgradeRequired,
        .invalidHandshake, .unsupportedWebSocketVersion, .notFound, .methodNotAllowed, .forbidden,
    ]

    @Test("Every code is snake case, is one of its kind, and stands for an error")
    func names() {
        for code in Self.codes {
            #expect(code.rawValue.allSatisfy { $0 == "_" || $0.isLowercase })
            #expect(code.status.code >= 400)
            #expect(!code.title.isEmpty)
        }
        #expect(Set(Self.codes.map(\.rawValue)).count == Self.codes.count)
    }

    @Test("Whoever is not known is told the scheme", arguments: [.missingToken, .invalidToken] as [ProblemCode])
    func challenge(code: ProblemCode) {
        let headers = Problem(code).response(allocator: ByteBufferAllocator()).headers
        #expect(headers.map { "\($0.name): \($0.value)" } == [#"WWW-Authenticate: Bearer error="invalid_token""#])
    }
}
