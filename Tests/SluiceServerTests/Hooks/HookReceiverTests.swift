import NIOCore
import NIOHTTP1
import SluiceBase
import SluiceRelay
import Testing

@testable import SluiceServer

@Suite("What receivers of hooks read")
struct HookReceiverTests {
    /// The example of the specification's own libraries.
    @Test("A signature is what Standard Webhooks says, one for each secret")
    func signature() throws {
        let known = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
        let expected = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
        let other = "whsec_" + String(repeating: "A", count: 43) + "="
        func signature(_ content: String) throws -> String {
            try HookSecret(Array(content.utf8))
                .signature(
                    id: "msg_p5jXN8AQM9LWM0D4loKWxJek",
                    timestamp: 1_614_265_330,
                    body: Array(#"{"test": 2432232314}"#.utf8)
                )
        }
        #expect(try signature(known + "\n") == expected)
        let both = try signature("\(other)\r\n\(known)").split(separator: " ")
        #expect(both.count == 2 && both[1] == expected && both[0] != expected)
    }

    @Test(
        "Of something else no secret is made",
        arguments: ["MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_", "whsec_c2hvcnQ=", "whsec_%%%%", "whsec_c2hvcnQ=\nx"]
    )
    func noSecret(content: String) {
        #expect(throws: ConfigurationProblem.self) { try HookSecret(Array(content.utf8)) }
    }

    @Test("An event is told with what is known of its scan")
    func body() throws {
        var event = ScanEvent(.failed, scanID: try #require(ScanID("a-1")), epoch: "k3", seq: 7)
        event.owner = "u"
        event.error = "no \"route\""
        let expected =
            #"{"type":"scanFailed","timestamp":"1970-01-01T00:00:01.500Z","data":{"scanId":"a-1","epoch":"k3","seq":7,"#
            + #""owner":"u","name":null,"error":"no \"route\""}}"#
        #expect(String(decoding: event.body(at: WallTime(milliseconds: 1500)), as: UTF8.self) == expected)
        event = ScanEvent(.stalled, scanID: event.scanID, epoch: "k3", seq: 7)
        event.silentFor = 60
        let text = String(decoding: event.body(at: WallTime(milliseconds: 0)), as: UTF8.self)
        #expect(text.hasSuffix(#""owner":null,"name":null,"silentFor":60}}"#))
    }

    @Test("Answers: made, not now, not this one, never; a redirect is not followed")
    func answers() {
        let cases: [(UInt, String?, HookSchedule.Outcome)] = [
            (200, nil, .delivered), (204, nil, .delivered), (301, nil, .refused), (404, nil, .refused),
            (410, nil, .gone), (429, "7", .failed(retryAfter: .seconds(7))), (503, "soon", .failed(retryAfter: nil)),
            (500, "-1", .failed(retryAfter: nil)), (503, "99999999999", .failed(retryAfter: .seconds(86_400))),
        ]
        for (status, retryAfter, outcome) in cases {
            var head = HTTPResponseHead(version: .http1_1, status: HTTPResponseStatus(statusCode: Int(status)))
            head.headers.add(contentsOf: retryAfter.map { [("Retry-After", $0)] } ?? [])
            #expect(HookSchedule.Outcome(head) == outcome)
        }
    }
}
