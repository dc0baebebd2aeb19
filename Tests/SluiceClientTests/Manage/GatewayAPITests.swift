import Foundation
import NIOHTTP1
import SluiceBase
import Testing

@testable import SluiceClient

@Suite(.timeLimit(.minutes(1)))
struct GatewayAPITests {
    /// Asks a gateway that answers so; what came of it, and what it was asked.
    private static func ask<Value>(
        _ answers: [FakeGateway.Answer],
        _ body: (GatewayAPI) async throws -> Value
    ) async throws -> (value: Value, requests: [FakeGateway.Request]) {
        let gateway = FakeGateway { _, index in answers[min(index, answers.count - 1)] }
        let port = try await gateway.start()
        let value: Value
        do {
            value = try await body(
                GatewayAPI(try GatewayConnection(url: "http://127.0.0.1:\(port)/base/", token: "secret"))
            )
        } catch {
            try await gateway.stop()
            throw error
        }
        try await gateway.stop()
        #expect(gateway.requests.allSatisfy { $0.headers["Authorization"] == ["Bearer secret"] })
        return (value, gateway.requests)
    }

    private static func page(_ scans: String, next: String) -> FakeGateway.Answer {
        FakeGateway.Answer(status: 200, body: #"{"scans":[\#(scans)],"next":\#(next)}"#)
    }

    @Test("All pages are read, each after the last scan of the one before")
    func pages() async throws {
        var query = ScanQuery()
        query.part = "a&b c"
        query.outcome = .failed
        query.order = .lastMessage
        let wanted = query
        let (scans, requests) = try await Self.ask([
            Self.page(#"{"scan_id":"a","x":[1, 2]},{"scan_id":"b"}"#, next: #""b""#),
            Self.page(#"{"scan_id":"c"}"#, next: "null"),
        ]) { try await $0.scans(wanted) }
        #expect(scans.map { $0.json } == [#"{"scan_id":"a","x":[1, 2]}"#, #"{"scan_id":"b"}"#, #"{"scan_id":"c"}"#])
        let first = "/base/api/scans/stats?sort=-last_message&limit=1000&outcome=failed&q=a%26b%20c"
        #expect(requests.map(\.path) == [first, first + "&after=b"])
    }

    @Test("No more scans are read than are wanted")
    func limit() async throws {
        var query = ScanQuery()
        query.maximumCount = 2
        query.order = .id
        query.isDescending = false
        let wanted = query
        let page = Self.page(#"{"scan_id":"a"},{"scan_id":"b"},{"scan_id":"c"}"#, next: #""c""#)
        let (scans, requests) = try await Self.ask([page]) { try await $0.scans(wanted) }
        #expect(scans.count == 2)
        #expect(requests.map(\.path) == ["/base/api/scans/stats?sort=id&limit=2"])
    }

    @Test("A gateway that names the same place again is not asked for ever")
    func repeated() async throws {
        let page = Self.page(#"{"scan_id":"a"}"#, next: #""a""#)
        let (scans, requests) = try await Self.ask([page]) { try await $0.scans(ScanQuery()) }
        #expect(scans.count == 2 && requests.count == 2)
    }

    @Test("Names of users and keys are one segment of the path, whatever is in them")
    func segments() async throws {
        let closed = FakeGateway.Answer(status: 200, body: #"{"closed":3}"#)
        let (count, requests) = try await Self.ask([closed]) { api in
            try await api.disconnect(user: "a/b?c#d e%ü") + api.disconnect(ingestKey: "..")
        }
        #expect(count == 6)
        #expect(
            requests.map(\.path) == [
                "/base/api/users/a%2Fb%3Fc%23d%20e%25%C3%BC/disconnect", "/base/api/ingest-keys/%2E%2E/disconnect",
            ]
        )
    }

    @Test(
        "Revocations",
        arguments: [
            (TokenRevocation.tokenID(#"a"b"#), #"{"jti":"a\"b"}"#),
            (.user("alice", issuedBefore: nil), #"{"sub":"alice","issuedBefore":"now"}"#),
            (.user("alice", issuedBefore: 1_795_728_473.25), #"{"sub":"alice","issuedBefore":1795728473.25}"#),
        ]
    )
    func revocation(_ revocation: TokenRevocation, body: String) async throws {
        let (_, requests) = try await Self.ask([FakeGateway.Answer(status: 204, body: "")]) {
            try await $0.revoke(revocation)
        }
        #expect(requests.map { String(decoding: $0.body, as: UTF8.self) } == [body])
        #expect(requests[0].headers["Content-Type"] == ["application/json"])
    }

    @Test("What comes too fast is asked again, as often as is of use; another refusal is not")
    func tooFast() async throws {
        let limited = FakeGateway.Answer(status: 429, headers: [("Retry-After", "0")])
        let done = FakeGateway.Answer(status: 200, body: #"{"closed":1}"#)
        let (count, requests) = try await Self.ask([limited, limited, done]) { try await $0.disconnect(user: "a") }
        #expect(count == 1 && requests.count == 3)
        await #expect(throws: GatewayAPI.Failure.self) {
            _ = try await Self.ask([FakeGateway.Answer(status: 403, body: #"{"code":"forbidden"}"#), done]) {
                try await $0.disconnect(user: "a")
            }
        }
    }

    @Test("An answer that is none is told, not read", arguments: ["", "[]", "<html>", "{}", #"{"scans":1}"#])
    func noAnswer(body: String) async throws {
        await #expect(throws: GatewayAPI.Failure.self) {
            _ = try await Self.ask([FakeGateway.Answer(status: 200, body: body)]) { try await $0.scans(ScanQuery()) }
        }
    }
}
