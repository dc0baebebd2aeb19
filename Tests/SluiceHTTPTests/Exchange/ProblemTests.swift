import NIOCore
import NIOHTTP1
import Testing

@testable import SluiceHTTP

@Suite struct ProblemTests {
    private static func body(_ problem: Problem) -> String {
        String(buffer: problem.body(allocator: ByteBufferAllocator()))
    }

    private static func headers(_ problem: Problem) -> [String] {
        problem.response(allocator: ByteBufferAllocator()).headers.map { "\($0.name): \($0.value)" }
    }

    @Test func `a problem says its title, status, detail and code, and what else there is`() {
        let problem = Problem(
            .invalidMessage,
            #"an "odd" byte"#,
            members: ["index": .integer(3), "line": .string("a\n\u{1}\\\t"), "fatal": .boolean(true)]
        )
        #expect(
            Self.body(problem) == #"{"title":"Invalid message","status":400,"detail":"an \"odd\" byte","#
                + #""code":"invalid_message","index":3,"line":"a\n\u0001\\\t","fatal":true}"#
        )
    }

    @Test func `some statuses bring the field that belongs to them`() {
        #expect(Self.headers(Problem(.rateLimited, retryAfterSeconds: 7)) == ["Retry-After: 7"])
        #expect(Self.headers(Problem(.draining)) == ["Retry-After: 1"])
        #expect(Self.headers(Problem(.missingToken)) == [#"WWW-Authenticate: Bearer error="invalid_token""#])
        #expect(Self.headers(Problem(.methodNotAllowed, allow: "GET, HEAD")) == ["Allow: GET, HEAD"])
        #expect(
            Self.headers(Problem(.unsupportedWebSocketVersion)) == [
                "Upgrade: websocket", "Connection: upgrade", "Sec-WebSocket-Version: 13",
            ]
        )
        #expect(Self.headers(Problem(.forbidden)).isEmpty)
    }

    @Test(arguments: ProblemCode.allCases)
    func `every code is snake case, and stands for an error`(code: ProblemCode) {
        #expect(code.rawValue.allSatisfy { $0 == "_" || $0.isLowercase })
        #expect(code.status.code >= 400)
        #expect(!code.title.isEmpty)
    }
}
