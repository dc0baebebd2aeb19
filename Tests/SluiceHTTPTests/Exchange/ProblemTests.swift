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
            .badRequest,
            #"an "odd" byte"#,
            members: ["index": .integer(3), "line": .string("a\n\u{1}\\\t"), "fatal": .boolean(true)]
        )
        #expect(
            Self.body(problem) == #"{"title":"Bad request","status":400,"detail":"an \"odd\" byte","#
                + #""code":"bad_request","index":3,"line":"a\n\u0001\\\t","fatal":true}"#
        )
    }

    @Test func `some statuses bring the field that belongs to them`() {
        let busy = ProblemCode("busy", .serviceUnavailable, "Busy", fields: ["A": "b"])
        #expect(Self.headers(Problem(busy, retryAfterSeconds: 7)) == ["A: b", "Retry-After: 7"])
        #expect(Self.headers(Problem(busy)) == ["A: b", "Retry-After: 1"])
        #expect(Self.headers(Problem(.methodNotAllowed, allow: "GET, HEAD")) == ["Allow: GET, HEAD"])
        #expect(
            Self.headers(Problem(.unsupportedWebSocketVersion)) == [
                "Upgrade: websocket", "Connection: upgrade", "Sec-WebSocket-Version: 13",
            ]
        )
        #expect(Self.headers(Problem(.forbidden)).isEmpty)
    }
}
