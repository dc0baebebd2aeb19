import Foundation
import NIOHTTP1
import Testing

@testable import SluiceClient

@Suite(.timeLimit(.minutes(1))) struct ExporterTests {
    private static let limited = FakeGateway.Answer(status: 429, headers: [("Retry-After", "0")])
    private static let unavailable = FakeGateway.Answer(
        status: 503,
        headers: [("Retry-After", "0")],
        body: #"{"code":"storage_unavailable"}"#
    )

    private static func page(
        _ messages: String,
        _ times: String,
        next: String = "null",
        epoch: String = "e",
        more: String = ""
    ) -> FakeGateway.Answer {
        FakeGateway.Answer(
            status: 200,
            body: #"{"scanId":"s","epoch":"\#(epoch)","messages":[\#(messages)],"times":[\#(times)],"#
                + #""next":\#(next)\#(more)}"#
        )
    }

    /// The export from a gateway with these answers, and the paths that it was asked for.
    private func export(
        _ answers: [FakeGateway.Answer],
        lineLimit: Int = .max
    ) async throws -> (outcome: ExportOutcome, lines: [String], paths: [String]) {
        let gateway = FakeGateway { _, index in answers[min(index, answers.count - 1)] }
        let port = try await gateway.start()
        let connection = try GatewayConnection(url: "http://127.0.0.1:\(port)/base", token: "secret")
        let lines = Collected<String>()
        let outcome = try await Exporter(scanID: "s", connection: connection)
            .export { line in
                lines.append(String(decoding: line, as: UTF8.self))
                return lines.all.count < lineLimit
            }
        try await gateway.stop()
        #expect(gateway.requests.allSatisfy { $0.headers["Authorization"] == ["Bearer secret"] })
        return (outcome, lines.all, gateway.requests.map(\.path))
    }

    @Test("pages become lines with their times, and each message is as it was posted")
    func pages() async throws {
        let deep = String(repeating: "[", count: 63) + String(repeating: "]", count: 63)
        let result = try await self.export([
            Self.page(#"{"seq":3, "type" : "a","x":1.0e1},{"seq":4,"type":"\u0062"}"#, "1000,1001", next: "4"),
            Self.limited,
            Self.page(#"{"seq":9,"type":"c","deep":\#(deep)}"#, "2000"),
        ])
        #expect(result.outcome == .completed(damaged: 0))
        #expect(
            result.lines == [
                "{\"at\":1000,\"seq\":3,\"message\":{ \"type\" : \"a\",\"x\":1.0e1}}\n",
                "{\"at\":1001,\"seq\":4,\"message\":{\"type\":\"\\u0062\"}}\n",
                "{\"at\":2000,\"seq\":9,\"message\":{\"type\":\"c\",\"deep\":\(deep)}}\n",
            ]
        )
        let query = "/base/api/scans/s/messages?since=%&limit=1000&times=true"
        #expect(result.paths == ["0", "4", "4"].map { query.replacing("%", with: $0) })
        #expect(throws: Never.self) { try RecordedInput(Data(result.lines.joined().utf8), speed: 0) }
    }

    @Test("what the gateway refuses at the beginning is told, and what it cannot give for a while is asked for again")
    func refusals() async throws {
        let gone = FakeGateway.Answer(status: 404, body: #"{"code":"scan_not_found"}"#)
        guard case .refused(let problem) = try await self.export([gone]).outcome else {
            Issue.record("not refused")
            return
        }
        #expect(problem.code == "scan_not_found")
        guard case .refused(let first) = try await self.export([Self.unavailable]).outcome else {
            Issue.record("not refused")
            return
        }
        #expect(first.code == "storage_unavailable")
        let result = try await self.export([
            Self.page(#"{"seq":1,"type":"a"}"#, "1", next: "1"), Self.unavailable,
            Self.page(#"{"seq":2,"type":"a"}"#, "2", more: #","damaged":2"#),
        ])
        #expect(result.outcome == .completed(damaged: 2) && result.lines.count == 2)
    }

    @Test("a scan that was replaced meanwhile, and answers without times, are no whole export")
    func useless() async throws {
        let first = Self.page(#"{"seq":1,"type":"a"}"#, "1", next: "1")
        guard case .failed = try await self.export([first, Self.page("", "", epoch: "f")]).outcome else {
            Issue.record("another epoch was taken")
            return
        }
        let older = FakeGateway.Answer(status: 200, body: #"{"scanId":"s","epoch":"e","messages":[],"next":null}"#)
        guard case .failed = try await self.export([older]).outcome else {
            Issue.record("an answer without times was taken")
            return
        }
        guard case .failed = try await self.export([Self.page(#"{"seq":1,"type":"a"}"#, "1,2")]).outcome else {
            Issue.record("times that do not fit were taken")
            return
        }
    }

    @Test("it ends when nobody takes the lines any more")
    func outputClosed() async throws {
        let page = Self.page(#"{"seq":1,"type":"a"},{"seq":2,"type":"a"}"#, "1,1", next: "2")
        let result = try await self.export([page], lineLimit: 1)
        #expect(result.outcome == .outputClosed && result.lines.count == 1)
    }
}
