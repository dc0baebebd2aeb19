import NIOCore
import NIOEmbedded
import SluiceBase
import SluiceRelay
import TestSupport
import Testing

@testable import SluiceServer

@Suite("Streams of lines")
struct LineIngestTests {
    private static func stream(_ gateway: TestGateway) throws -> TestGateway.Connection {
        let connection = try gateway.connect()
        try connection.begin(
            "POST /api/scans/s/progress",
            "Content-Type: application/x-ndjson",
            "Transfer-Encoding: chunked"
        )
        return connection
    }

    private static func chunk(_ text: String) -> String {
        "\(String(text.utf8.count, radix: 16))\r\n\(text)\r\n"
    }

    private static let line = #"{"type":"t"}"# + "\n"

    @Test("A stream that is slowed is let go with its connection, and no timer holds it")
    func slowed() throws {
        weak var connection: EmbeddedChannel?
        let gateway = try TestGateway { $0.limits.ingest = GatewayConfiguration.Limits.Bucket(rate: 0.001, burst: 1) }
        do {
            let stream = try Self.stream(gateway)
            connection = stream.channel
            try stream.send(Self.chunk(String(repeating: Self.line, count: 10)))
            #expect(gateway.services.connections.count == 1)
            stream.channel.close(promise: nil)
            gateway.loop.run()
            #expect(gateway.services.connections.count == 0)
        }
        gateway.loop.advanceTime(by: .seconds(1))
        #expect(connection == nil, "the wait for the rate would have held it for an hour")
    }

    @Test("What was taken is part of a refusal in the gateway's own time, too")
    func timedOut() throws {
        let gateway = try TestGateway()
        let stream = try Self.stream(gateway)
        try stream.send(Self.chunk(Self.line + Self.line + Self.line))
        gateway.loop.advanceTime(by: .minutes(6))
        let answer = try stream.received()
        #expect(HTTPTestConnection.statuses(in: answer) == [408])
        #expect(answer.contains(#""code":"request_timeout","accepted":3,"lastSeq":3,"requestId":""#))
        #expect(!stream.channel.isActive)
        #expect(gateway.services.connections.count == 0)
    }

    @Test("And of one whose framing breaks")
    func malformed() throws {
        let gateway = try TestGateway()
        let stream = try Self.stream(gateway)
        try stream.send(Self.chunk(Self.line + Self.line))
        try stream.send("nonsense\r\n")
        let answer = try stream.received()
        #expect(HTTPTestConnection.statuses(in: answer) == [400])
        #expect(answer.contains(#""code":"bad_request","accepted":2,"lastSeq":2,"requestId":""#))
    }

    @Test("Where the storage fails, what was numbered is part of the answer, and nothing more is numbered")
    func notStored() throws {
        let store = HeldStore()
        let gateway = try TestGateway(store: store)
        let stream = try Self.stream(gateway)
        for _ in 0..<4 {
            try stream.send(Self.chunk(Self.line))
        }
        for isStored in [true, true, true] {
            store.settle(isStored: isStored)
        }
        // The fourth has its number, and the disk is full.
        store.settle(isStored: false)
        let answer = try stream.received()
        #expect(HTTPTestConnection.statuses(in: answer) == [503])
        #expect(answer.contains(#""code":"storage_unavailable","accepted":4,"lastSeq":4,"requestId":""#))
        #expect(answer.contains("\r\nConnection: close\r\n") && answer.contains("\r\nRetry-After: 5\r\n"))
    }

    @Test("A stream that is slowed is refused as soon as what is on its way has arrived")
    func slowedAndRefused() throws {
        let store = HeldStore()
        let gateway = try TestGateway(store: store) {
            $0.limits.ingest = GatewayConfiguration.Limits.Bucket(rate: 0.001, burst: 1)
        }
        let stream = try Self.stream(gateway)
        try stream.send(Self.chunk(Self.line + Self.line))
        _ = gateway.services.connections.closeAll(.disconnected, on: gateway.loop) { _ in true }
        gateway.loop.run()
        #expect(try stream.received() == "")
        store.settle(isStored: true)
        let answer = try stream.received()
        #expect(HTTPTestConnection.statuses(in: answer) == [403])
        #expect(answer.contains(#""accepted":2,"lastSeq":2,"#))
    }

    @Test("A refusal that overtakes what was numbered before it waits, and what comes behind it is not numbered")
    func overtaken() throws {
        let store = HeldStore()
        let gateway = try TestGateway(store: store)
        let stream = try Self.stream(gateway)
        try stream.send(Self.chunk(Self.line + Self.line))
        // Both are on their way to the storage; the next is refused at once.
        store.isAvailable = false
        try stream.send(Self.chunk(Self.line))
        store.isAvailable = true
        try stream.send(Self.chunk(Self.line))
        #expect(try stream.received() == "", "the answer waits for what is on its way")
        while store.waitingCount > 0 {
            store.settle(isStored: true)
        }
        let answer = try stream.received()
        #expect(HTTPTestConnection.statuses(in: answer) == [503])
        #expect(answer.contains(#""accepted":2,"lastSeq":2,"#))
        #expect(store.handed == [1, 2])
    }

    @Test("Of a stream that was broken off no post is taken, also one that is on its way already")
    func brokenStream() throws {
        let gateway = try TestGateway()
        let parser = MessageParser(
            rules: MessageRules(RelayConfiguration()),
            scanID: try #require(ScanID("s")),
            maximumMessageBytes: 1000
        )
        let message = try #require(try parser.parseLine(ByteBuffer(string: Self.line)))
        let scanID = try #require(ScanID("s"))
        var request = IngestRequest(scanID: scanID, messages: [message], at: WallTime(milliseconds: 0), owner: "a")
        let stream = IngestStream()
        request.stream = stream
        let taken = gateway.services.relay.ingest(request, on: gateway.loop)
        request.owner = "b"
        let refused = gateway.services.relay.ingest(request, on: gateway.loop)
        request.owner = "a"
        let late = gateway.services.relay.ingest(request, on: gateway.loop)
        gateway.loop.run()
        #expect(try taken.wait().seqs == 1...1)
        #expect(throws: RelayRefusal.ownerConflict) { try refused.wait() }
        #expect(throws: RelayRefusal.storageUnavailable) { try late.wait() }
        #expect(stream.isBroken)
    }

    @Test("A line that is refused says what went before it; nothing taken, no number")
    func brokenLine() throws {
        for count in 0..<3 {
            let gateway = try TestGateway()
            let stream = try Self.stream(gateway)
            try stream.send(Self.chunk(String(repeating: Self.line, count: count) + "{]\n"))
            let answer = try stream.received()
            #expect(HTTPTestConnection.statuses(in: answer) == [400])
            #expect(answer.contains("\"line\":\(count + 1)"))
            #expect(answer.contains("\"accepted\":\(count)" + (count > 0 ? ",\"lastSeq\":\(count)," : ",")))
        }
    }
}
