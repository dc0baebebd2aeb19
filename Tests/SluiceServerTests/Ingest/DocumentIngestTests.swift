import NIOCore
import NIOEmbedded
import SluiceRelay
import TestSupport
import Testing

@testable import SluiceServer

@Suite("Documents")
struct DocumentIngestTests {
    private static func document(_ count: Int, last: String = "") -> String {
        let message = #"{"type":"t","x":""# + String(repeating: "x", count: 990) + #""}"#
        return "[" + (Array(repeating: message, count: count) + (last.isEmpty ? [] : [last])).joined(separator: ",")
            + "]"
    }

    private static func post(_ connection: TestGateway.Connection, _ document: String, _ fields: String...) throws {
        let all = ["Content-Type: application/json", "Content-Length: \(document.utf8.count)"] + fields
        try connection.begin("POST /api/scans/s/progress", all.joined(separator: "\r\n"))
        try connection.send(document)
    }

    @Test("A long one is looked at in slices, between which the loop turns")
    func slices() throws {
        let gateway = try TestGateway()
        let connection = try gateway.connect()
        try Self.post(connection, Self.document(2000))
        var turns = 0
        var answer = try connection.received()
        while answer.isEmpty, turns < 100 {
            gateway.loop.advanceTime(by: .microseconds(50))
            turns += 1
            answer = try connection.received()
        }
        #expect(answer.contains(#""accepted":2000,"firstSeq":1,"lastSeq":2000}"#))
        // 2,020,001 bytes: let in by 256 KiB a turn, then checked by 260 messages of 1,009 bytes and a comma, and then
        // numbered by 130 (256 KiB and 128 KiB, each up to the end of a message). What ends one is the next one's first.
        #expect(turns == (8 - 1) + (8 - 1) + (16 - 1))
    }

    @Test("It is still all or nothing")
    func allOrNothing() throws {
        let gateway = try TestGateway()
        let connection = try gateway.connect()
        try Self.post(connection, Self.document(2000, last: #"{"type":1}"#))
        gateway.loop.advanceTime(by: .seconds(1))
        let answer = try connection.received()
        #expect(HTTPTestConnection.statuses(in: answer) == [400])
        #expect(answer.contains(#""index":2000"#))
        #expect(gateway.services.relay.scans == 0)
    }

    @Test("A repeated key is known by the whole body")
    func idempotency() throws {
        let gateway = try TestGateway()
        var answers: [String] = []
        for document in [Self.document(1000), Self.document(1000), Self.document(1000, last: #"{"type":"u"}"#)] {
            let connection = try gateway.connect()
            try Self.post(connection, document, "Idempotency-Key: k")
            gateway.loop.advanceTime(by: .seconds(1))
            answers.append(try connection.received())
        }
        #expect(answers.map { HTTPTestConnection.statuses(in: $0) } == [[202], [202], [422]])
        #expect(answers[1].contains("\r\nIdempotent-Replayed: true\r\n"))
        #expect(answers[1].hasSuffix(#""accepted":1000,"firstSeq":1,"lastSeq":1000}"#))
    }

    @Test("Of a producer who leaves in between nothing is posted")
    func leaves() throws {
        let gateway = try TestGateway()
        let connection = try gateway.connect()
        try Self.post(connection, Self.document(2000))
        connection.channel.close(promise: nil)
        gateway.loop.advanceTime(by: .seconds(1))
        #expect(gateway.services.relay.scans == 0)
    }
}
