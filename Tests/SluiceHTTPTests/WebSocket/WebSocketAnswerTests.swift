import NIOCore
import NIOEmbedded
import TestSupport
import Testing

@testable import SluiceHTTP

/// How answers that a client does not take are treated.
@Suite struct WebSocketAnswerTests {
    /// A connection over a socket in the test's hand, whose session answers every text with as many bytes as it names.
    private final class Connection {
        let inner: WebSocketHandlerTests.Connection
        let socket: SlowSocket
        let reads = ReadCounter()

        init(_ configuration: WebSocketConfiguration = WebSocketConfiguration()) throws {
            self.inner = try WebSocketHandlerTests.Connection(configuration)
            self.socket = try SlowSocket(self.inner.channel, high: 1 << 20)
            try self.inner.channel.pipeline.syncOperations.addHandler(self.reads, position: .first)
            self.inner.session.onText = { socket, text in
                socket.send(text: String(repeating: "a", count: Int(text) ?? 0))
            }
        }

        var calls: [RecordingSession.Call] { self.inner.session.calls }

        /// The messages acted on.
        var asked: [String] {
            self.calls.compactMap { call in if case .text(let text) = call { text } else { nil } }
        }

        /// The client sends a frame whose answer has this many bytes in all.
        func ask(_ byteCount: Int) throws {
            try self.inner.receive(ClientBytes.text(String(byteCount - (byteCount > 65_539 ? 10 : 4))))
        }

        /// Whether the client's next bytes would be read.
        var isHeard: Bool {
            let before = self.reads.count
            self.inner.channel.read()
            return self.reads.count > before
        }
    }

    private final class ReadCounter: ChannelOutboundHandler {
        typealias OutboundIn = ByteBuffer
        private(set) var count = 0

        func read(context: ChannelHandlerContext) {
            self.count += 1
            context.read()
        }
    }

    @Test("Up to 64 KiB of answers wait; one byte more closes with 1013, and is not written")
    func limit() throws {
        let connection = try Connection()
        let socket = try #require(connection.inner.session.socket)
        for _ in 0..<4 {
            socket.send(frames: ByteBuffer(repeating: 0x61, count: 16 * 1024))
        }
        #expect(connection.socket.waitingBytes == 64 * 1024)
        #expect(!connection.calls.contains(.closing))
        socket.send(text: "")
        #expect(connection.calls.last == .closing)
        connection.socket.take()
        let sent = try connection.inner.sent()
        #expect(sent.count == 64 * 1024 + 2 + 2 + WebSocketHandler.unreadAnswers.utf8.count)
        #expect(sent.suffix(24)[...] == WebSocketHandlerTests.close(1013, "answers are not taken").suffix(24))
    }

    @Test("While an answer waits the next message is held, and nothing is read behind it")
    func input() throws {
        let connection = try Connection()
        #expect(connection.isHeard)
        try connection.ask(500)
        #expect(connection.isHeard, "control frames are")
        try connection.ask(600)
        #expect(!connection.isHeard)
        #expect(connection.asked == ["496"])
        let before = connection.reads.count
        connection.socket.take()
        #expect(connection.asked == ["496", "596"])
        #expect(connection.reads.count == before + 1, "it is read on by itself")
        #expect(connection.isHeard)
    }

    @Test("What came in one go is acted on message by message, each when the answer to the one before was taken")
    func oneByOne() throws {
        let connection = try Connection()
        try connection.inner.receive((0..<50).flatMap { ClientBytes.text("\(16_000 + $0)") })
        for count in 1...50 {
            #expect(connection.asked.count == count)
            connection.socket.take()
        }
        #expect(connection.asked == (0..<50).map { "\(16_000 + $0)" })
        #expect(connection.socket.peakBytes == 16_049 + 4)
        #expect(connection.isHeard)
    }

    @Test("A socket that takes answers at once is not waited for")
    func taken() throws {
        let connection = try Connection()
        connection.socket.isOpen = true
        try connection.inner.receive((0..<50).flatMap { _ in ClientBytes.text("16000") })
        #expect(connection.asked.count == 50 && connection.isHeard)
        #expect(connection.socket.peakBytes == 16_004)
    }

    @Test("While the socket is full of what others sent, messages are held, and pongs are heard")
    func full() throws {
        let connection = try Connection()
        connection.socket.setFull()
        try connection.inner.receive(ClientBytes.frame(0xA, [1]))
        #expect(connection.isHeard)
        connection.inner.advance(.seconds(25))
        try connection.inner.receive(ClientBytes.frame(0xA, [1]))
        connection.inner.advance(.seconds(25))
        #expect(!connection.calls.contains(.closing), "a pong is a sign of life")
        try connection.ask(500)
        #expect(connection.asked.isEmpty && !connection.isHeard)
        connection.inner.session.onWritable = { _ in #expect(connection.asked == ["496"], "before it is full again") }
        connection.socket.take()
        #expect(connection.asked == ["496"] && connection.isHeard)
    }

    @Test("Nobody who is not heard is closed for his silence")
    func heartbeat() throws {
        let connection = try Connection()
        try connection.ask(500)
        try connection.ask(500)
        connection.inner.advance(.minutes(10))
        #expect(!connection.calls.contains(.closing))
        #expect(connection.inner.session.tickCount > 500, "the session judges whether it drains")
        connection.socket.isOpen = true
        #expect(connection.asked.count == 2)
        connection.inner.advance(.seconds(28))
        #expect(!connection.calls.contains(.closing))
        connection.inner.advance(.seconds(4))
        #expect(connection.calls.last == .closing)
        #expect(try connection.inner.sent().suffix(21) == WebSocketHandlerTests.close(1000, "heartbeat timeout")[...])
    }

    @Test("Pongs never close a connection: of many pings the newest is answered once there is room")
    func pongs() throws {
        let connection = try Connection()
        connection.inner.session.socket?.send(frames: ByteBuffer(repeating: 0x61, count: 32 * 1024))
        for number in UInt8(0)..<200 {
            try connection.inner.receive(ClientBytes.frame(0x9, [UInt8](repeating: number, count: 125)))
        }
        // One is over the half.
        #expect(connection.socket.waitingBytes == 32 * 1024 + 127)
        #expect(!connection.calls.contains(.closing))
        connection.socket.isOpen = true
        #expect(try connection.inner.sent().suffix(127) == [0x8A, 125] + [UInt8](repeating: 199, count: 125))
    }

    @Test("The client's close is heard and answered also where its frames were not")
    func closes() throws {
        let connection = try Connection()
        try connection.ask(500)
        try connection.ask(500)
        #expect(!connection.isHeard)
        // The gateway's own close: from now on it waits for the client's, and ignores the held message.
        connection.inner.session.socket?.close(code: .goingAway, reason: "")
        #expect(connection.isHeard && connection.asked.count == 1)
        try connection.inner.receive(ClientBytes.close(1001))
        connection.socket.take()
        #expect(!connection.inner.channel.isActive)
        #expect(try connection.inner.sent().suffix(4) == WebSocketHandlerTests.close(1001)[...])
    }

    @Test("A session may leave the client's messages in its socket")
    func session() throws {
        let connection = try Connection()
        connection.socket.isOpen = true
        let socket = try #require(connection.inner.session.socket)
        socket.isInputHeld = true
        try connection.ask(500)
        #expect(!connection.isHeard && connection.asked.isEmpty)
        connection.inner.advance(.minutes(2))
        #expect(!connection.calls.contains(.closing))
        let before = connection.reads.count
        socket.isInputHeld = false
        #expect(connection.asked.count == 1)
        #expect(connection.reads.count == before + 1)
    }

    @Test("A client that sends without reading, and then leaves, is answered once, and what it left is not kept")
    func flood() throws {
        let connection = try Connection()
        // The bytes that the system held for it are read at once when it leaves.
        let frames = ByteBuffer(bytes: (0..<100).flatMap { _ in ClientBytes.text("16000") })
        for _ in 0..<60 {
            try connection.inner.channel.writeInbound(frames)
        }
        #expect(connection.inner.channel.isActive)
        for _ in 0..<3 where connection.inner.channel.isActive {
            try connection.inner.channel.writeInbound(frames)
        }
        #expect(!connection.inner.channel.isActive)
        #expect(connection.asked.count == 1 && connection.socket.peakBytes == 16_004)
        #expect(connection.calls.last == .closed(.lost))
    }
}
