import NIOCore
import NIOEmbedded
import SluiceHTTP
import TestSupport
import Testing

@testable import SluiceServer

/// The cost to the gateway of a subscriber's frames whose answers are not taken.
@Suite struct SubscriptionAnswerTests {
    /// A WebSocket of many scans, upgraded.
    private static func socket(_ gateway: TestGateway) throws -> TestGateway.Connection {
        let connection = try gateway.connect()
        try connection.begin(
            "GET /api/ws",
            "Connection: Upgrade",
            "Upgrade: websocket",
            "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="
        )
        #expect(try connection.received().hasPrefix("HTTP/1.1 101"))
        return connection
    }

    private static func send(_ text: String, to connection: TestGateway.Connection) throws {
        try connection.send(ByteBuffer(bytes: ClientBytes.text(text)))
    }

    private static let longID = String(repeating: "i", count: 16_000)

    @Test("Of pings with long ids that nobody takes one is answered, and 1013 follows after the timeout")
    func pings() throws {
        let gateway = try TestGateway()
        let connection = try Self.socket(gateway)
        connection.socket.isOpen = false
        for _ in 0..<3 {
            try Self.send(#"{"action":"ping","id":"\#(Self.longID)"}"#, to: connection)
        }
        // Nothing more of it is read.
        let reads = connection.socket.readCount
        for _ in 0..<25 {
            connection.channel.read()
            gateway.loop.advanceTime(by: .seconds(1))
        }
        #expect(connection.channel.isActive && connection.socket.readCount == reads)
        gateway.loop.advanceTime(by: .seconds(15))
        #expect(!connection.channel.isActive)
        #expect(connection.socket.peakBytes < 17 * 1024)
        #expect(gateway.services.metrics.snapshot.closed.filter { $0.value > 0 } == ["1013": 1])
        #expect(gateway.services.metrics.snapshot.refused["slow_reader"] == 1)
    }

    @Test("A subscriber that takes nothing is closed with 1013 after the timeout, also below max_buffered")
    func stuck() throws {
        let gateway = try TestGateway()
        let connection = try Self.socket(gateway)
        connection.socket.isOpen = false
        try Self.send(#"{"action":"ping"}"#, to: connection)
        for _ in 0..<28 {
            gateway.loop.advanceTime(by: .seconds(1))
            try connection.send(ByteBuffer(bytes: ClientBytes.frame(0xA)))
        }
        #expect(gateway.services.metrics.snapshot.closed.values.allSatisfy { $0 == 0 })
        for _ in 0..<10 where connection.channel.isActive {
            gateway.loop.advanceTime(by: .seconds(1))
            try connection.send(ByteBuffer(bytes: ClientBytes.frame(0xA)))
        }
        #expect(!connection.channel.isActive)
        #expect(gateway.services.metrics.snapshot.closed.filter { $0.value > 0 } == ["1013": 1])
        #expect(gateway.services.metrics.snapshot.refused["slow_reader"] == 1)
    }

    private static func post(_ messages: String, to scan: String, _ gateway: TestGateway) throws {
        let producer = try gateway.connect()
        try producer.begin(
            "POST /api/scans/\(scan)/progress",
            "Content-Type: application/json",
            "Content-Length: \(messages.utf8.count)"
        )
        try producer.send(messages)
        gateway.loop.advanceTime(by: .milliseconds(10))
        #expect(HTTPTestConnection.statuses(in: try producer.received()) == [202])
    }

    @Test("No subscription begins while the socket is full, and what the client sends meanwhile stays in its socket")
    func subscribes() throws {
        let gateway = try TestGateway { $0.clients.maxBuffered = 16 * 1024 }
        try Self.post(#"{"type":"t"}"#, to: "s", gateway)
        let connection = try Self.socket(gateway)
        connection.socket.isOpen = false
        try Self.send(#"{"action":"ping","id":"\#(Self.longID)"}"#, to: connection)
        connection.socket.setFull()
        for _ in 0..<3 {
            try Self.send(#"{"action":"subscribe","scanId":"s","since":0,"id":"\#(Self.longID)"}"#, to: connection)
        }
        gateway.loop.run()
        #expect(connection.socket.waitingBytes < 17 * 1024)
        let reads = connection.socket.readCount
        connection.channel.read()
        #expect(connection.socket.readCount == reads)
        connection.socket.isOpen = true
        gateway.loop.advanceTime(by: .milliseconds(1))
        let frames = try connection.received()
        #expect(frames.parts(between: #"{"type":"subscribed""#).count == 4)
        #expect(connection.socket.readCount == reads + 1)
    }

    @Test("A socket that is always full of one scan's history begins to follow another, and is answered")
    func alwaysFull() throws {
        let gateway = try TestGateway { $0.clients.maxBuffered = 16 * 1024 }
        let message = #"{"type":"t","x":"\#(String(repeating: "x", count: 1000))"}"#
        try Self.post("[" + Array(repeating: message, count: 900).joined(separator: ",") + "]", to: "s", gateway)
        try Self.post(#"{"type":"u"}"#, to: "t", gateway)
        let connection = try Self.socket(gateway)
        connection.socket.isOpen = false
        try Self.send(#"{"action":"subscribe","scanId":"s","since":0}"#, to: connection)
        gateway.loop.advanceTime(by: .milliseconds(1))
        for text in [#"{"action":"ping","id":1}"#, #"{"action":"subscribe","scanId":"t","id":2}"#] {
            try Self.send(text, to: connection)
        }
        var frames = ""
        for _ in 0..<6 {
            connection.socket.setFull()
            connection.socket.take()
            gateway.loop.advanceTime(by: .milliseconds(1))
            frames += try connection.received()
        }
        #expect(frames.contains(#"{"type":"pong","id":1}"#) && frames.contains(#""scanId":"t""#))
        // It was not because there was nothing else to be sent.
        #expect(frames.utf8.count < 300_000)
    }
}
