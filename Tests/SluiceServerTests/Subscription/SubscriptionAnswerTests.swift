import NIOCore
import NIOEmbedded
import Testing

@testable import SluiceServer

/// What a subscriber's frames cost the gateway whose answers are not taken.
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

    @Test("Pings with long ids end in 1013 after 64 KiB that nobody took")
    func pings() throws {
        let gateway = try TestGateway()
        let connection = try Self.socket(gateway)
        connection.socket.isOpen = false
        for _ in 0..<20 where connection.channel.isActive {
            try Self.send(#"{"action":"ping","id":"\#(Self.longID)"}"#, to: connection)
        }
        #expect(connection.socket.peakBytes < 65 * 1024)
        gateway.loop.advanceTime(by: .seconds(7))
        #expect(!connection.channel.isActive)
        #expect(gateway.services.metrics.snapshot.closed["1013"] == 1)
        #expect(gateway.services.metrics.snapshot.refused["unread_answers"] == 1)
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
        #expect(gateway.services.metrics.snapshot.closed.isEmpty)
        for _ in 0..<10 where connection.channel.isActive {
            gateway.loop.advanceTime(by: .seconds(1))
            try connection.send(ByteBuffer(bytes: ClientBytes.frame(0xA)))
        }
        #expect(!connection.channel.isActive)
        #expect(gateway.services.metrics.snapshot.closed == ["1013": 1])
        #expect(gateway.services.metrics.snapshot.refused["slow_reader"] == 1)
    }

    @Test("No subscription begins while the socket is full, and those that wait are bounded in bytes")
    func subscribes() throws {
        let gateway = try TestGateway {
            $0.clients.maxBuffered = 16 * 1024
            $0.limits.clientFrames = GatewayConfiguration.Limits.Bucket(rate: 1000, burst: 1000)
        }
        let producer = try gateway.connect()
        try producer.begin("POST /api/scans/s/progress", "Content-Type: application/json", "Content-Length: 12")
        try producer.send(#"{"type":"t"}"#)
        #expect(HTTPTestConnection.statuses(in: try producer.received()) == [202])

        let connection = try Self.socket(gateway)
        connection.socket.isOpen = false
        try Self.send(#"{"action":"ping","id":"\#(Self.longID)"}"#, to: connection)
        connection.socket.setFull()
        for _ in 0..<50 {
            try Self.send(#"{"action":"subscribe","scanId":"s","since":0,"id":"\#(Self.longID)"}"#, to: connection)
        }
        gateway.loop.run()
        #expect(connection.socket.waitingBytes < 17 * 1024)
        // Nothing more of it is read.
        let reads = connection.socket.readCount
        connection.channel.read()
        #expect(connection.socket.readCount == reads)
        connection.socket.isOpen = true
        gateway.loop.advanceTime(by: .milliseconds(1))
        let frames = try connection.received()
        #expect(frames.parts(between: #"{"type":"subscribed""#).count == 51)
        #expect(connection.socket.readCount == reads + 1)
    }
}
