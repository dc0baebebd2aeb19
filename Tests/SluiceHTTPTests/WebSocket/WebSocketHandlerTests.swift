import NIOCore
import NIOEmbedded
import TestSupport
import Testing

@testable import SluiceHTTP

@Suite struct WebSocketHandlerTests {
    /// A connection with its clock in the test's hand.
    final class Connection {
        let channel = EmbeddedChannel()
        let session = RecordingSession()
        let wheel: ConnectionWheel

        init(_ configuration: WebSocketConfiguration = WebSocketConfiguration()) throws {
            self.wheel = ConnectionWheel(
                eventLoop: self.channel.embeddedEventLoop,
                interval: configuration.tickInterval
            )
            try self.channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
            try WebSocketHandler.install(
                in: self.channel,
                session: self.session,
                deflate: nil,
                configuration: configuration,
                wheel: self.wheel
            )
        }

        func receive(_ bytes: [UInt8]) throws {
            try self.channel.writeInbound(ByteBuffer(bytes: bytes))
        }

        func advance(_ time: TimeAmount) {
            self.channel.embeddedEventLoop.advanceTime(by: time)
        }

        /// The bytes written and flushed after the last call.
        func sent() throws -> [UInt8] {
            var bytes: [UInt8] = []
            while let buffer = try self.channel.readOutbound(as: ByteBuffer.self) {
                bytes += buffer.readableBytesView
            }
            return bytes
        }
    }

    static func close(_ code: UInt16, _ reason: String = "") -> [UInt8] {
        [0x88, UInt8(2 + reason.utf8.count), UInt8(code >> 8), UInt8(code & 0xFF)] + Array(reason.utf8)
    }

    @Test("Messages reach the session, and what it sends leaves as unmasked frames")
    func messages() throws {
        let connection = try Connection()
        connection.session.onText = { socket, text in
            socket.send(text: text + "!")
            socket.send(binary: ByteBuffer(bytes: [1]))
        }
        try connection.receive(ClientBytes.text("hi") + ClientBytes.frame(0x2, [2, 3]))
        #expect(connection.session.calls == [.opened, .text("hi"), .binary([2, 3])])
        #expect(try connection.sent() == [0x81, 3] + Array("hi!".utf8) + [0x82, 1, 1])
    }

    @Test("The client closes: its code comes back, and the session hears of it once")
    func clientCloses() throws {
        let connection = try Connection()
        try connection.receive(ClientBytes.close(1001, Array("bye".utf8)) + ClientBytes.text("too late"))
        #expect(try connection.sent() == Self.close(1001))
        let closure = WebSocketClosure(code: .goingAway, reason: "bye", origin: .client)
        #expect(connection.session.calls == [.opened, .closing, .closed(closure)])
        #expect(!connection.channel.isActive)
        #expect(connection.wheel.count == 0)
    }

    @Test("This end closes: the client is heard until it answers, and nothing more is written")
    func gatewayCloses() throws {
        let connection = try Connection()
        let socket = try #require(connection.session.socket)
        socket.close(code: .normal, reason: "scan completed")
        socket.close(code: .goingAway, reason: "again")
        socket.send(text: "too late")
        #expect(try connection.sent() == Self.close(1000, "scan completed"))
        try connection.receive(ClientBytes.text("still here") + ClientBytes.frame(0x9, [1]))
        #expect(connection.channel.isActive)
        #expect(try connection.sent() == [])
        try connection.receive(ClientBytes.close(1000))
        #expect(try connection.sent() == [])
        let closure = WebSocketClosure(code: .normal, reason: "scan completed", origin: .gateway)
        #expect(connection.session.calls == [.opened, .closing, .closed(closure)])
    }

    @Test("A client that does not answer the close is cut off after the close timeout")
    func closeTimeout() throws {
        let connection = try Connection()
        connection.session.socket?.close(code: .goingAway, reason: "draining")
        connection.advance(.milliseconds(4900))
        #expect(connection.channel.isActive)
        connection.advance(.milliseconds(1200))
        #expect(!connection.channel.isActive)
        let closure = WebSocketClosure(code: .goingAway, reason: "draining", origin: .gateway)
        #expect(connection.session.calls.last == .closed(closure))
    }

    @Test(
        "A fault is told with its code",
        arguments: [
            (ClientBytes.frame(0x1, [0x61], key: nil), 1002, "frame is not masked"),
            (ClientBytes.frame(0x1, [0xFF]), 1007, "text is not UTF-8"),
            (ClientBytes.announcing(70_000), 1009, "message is too big"),
        ] as [([UInt8], UInt16, String)]
    )
    func faults(bytes: [UInt8], code: UInt16, reason: String) throws {
        let connection = try Connection()
        try connection.receive(bytes)
        #expect(try connection.sent() == Self.close(code, reason))
        #expect(!connection.channel.isActive)
        #expect(connection.session.calls.count == 3)
    }

    @Test("A lost connection ends without a code")
    func lost() throws {
        let connection = try Connection()
        connection.channel.close(promise: nil)
        #expect(connection.session.calls == [.opened, .closed(.lost)])
        #expect(connection.wheel.count == 0)
    }

    @Test("A session may close from within a message, and gets no other")
    func closesWithin() throws {
        let connection = try Connection()
        connection.session.onText = { socket, _ in socket.close(code: .policyViolation, reason: "too fast") }
        try connection.receive(ClientBytes.text("a") + ClientBytes.text("b"))
        #expect(connection.session.calls == [.opened, .text("a"), .closing])
        #expect(try connection.sent() == Self.close(1008, "too fast"))
    }

    @Test("Pings go out every interval, a silent client is closed with 1000 and then cut off")
    func heartbeat() throws {
        let connection = try Connection()
        connection.advance(.milliseconds(6000))
        #expect(try connection.sent() == [0x89, 8, 0, 0, 0, 0, 0, 0, 0, 1])
        // A pong is a sign of life like any other whole frame; half a frame is none.
        try connection.receive(ClientBytes.frame(0xA, [0, 0, 0, 0, 0, 0, 0, 1]))
        #expect(connection.session.socket?.roundTrip != nil)
        connection.advance(.seconds(15))
        try connection.receive(Array(ClientBytes.text("half").dropLast()))
        _ = try connection.sent()
        connection.advance(.milliseconds(14_500))
        let pings = try connection.sent()
        #expect(pings.count.isMultiple(of: 10) && pings.first == 0x89)
        connection.advance(.milliseconds(1800))
        #expect(Array(try connection.sent().suffix(21)) == Self.close(1000, "heartbeat timeout"))
        #expect(connection.channel.isActive)
        connection.advance(.seconds(6))
        #expect(!connection.channel.isActive)
        let closure = WebSocketClosure(code: .normal, reason: "heartbeat timeout", origin: .gateway)
        #expect(connection.session.calls == [.opened, .closing, .closed(closure)])
        #expect(connection.session.tickCount >= 30)
    }

    @Test("Intervals below a second are kept too")
    func shortHeartbeat() throws {
        var configuration = WebSocketConfiguration()
        configuration.heartbeatInterval = .milliseconds(200)
        configuration.timeout = .seconds(1)
        let connection = try Connection(configuration)
        connection.advance(.milliseconds(950))
        #expect((3...5).contains(try connection.sent().count / 10))
        connection.advance(.milliseconds(150))
        #expect(try connection.sent().suffix(21) == Self.close(1000, "heartbeat timeout")[...])
    }

    @Test("Pings are answered one by one, and of a flood the newest")
    func pings() throws {
        let connection = try Connection()
        try connection.receive((0..<10).flatMap { ClientBytes.frame(0x9, [$0]) })
        #expect(try connection.sent() == (0..<10).flatMap { [0x8A, 1, $0] })
        try connection.receive((0..<200).flatMap { ClientBytes.frame(0x9, [$0]) })
        #expect(try connection.sent() == ((0..<16) + [199]).flatMap { [0x8A, 1, $0] })
    }

    @Test("Pongs do not pile up in front of a socket that takes nothing")
    func pongsWhileBlocked() throws {
        let connection = try Connection()
        connection.channel.isWritable = false
        connection.channel.pipeline.fireChannelWritabilityChanged()
        for number in UInt8(0)..<50 {
            try connection.receive(ClientBytes.frame(0x9, [number]))
        }
        #expect(try connection.sent() == [])
        connection.channel.isWritable = true
        connection.channel.pipeline.fireChannelWritabilityChanged()
        #expect(try connection.sent() == [0x8A, 1, 49])
        #expect(connection.session.calls == [.opened, .writable(false), .writable(true)])
    }

    @Test("A socket that the session fills whenever it can be is pinged in between")
    func pingBeforeMore() throws {
        let connection = try Connection()
        connection.session.onWritable = { $0.send(text: "more") }
        connection.channel.isWritable = false
        connection.channel.pipeline.fireChannelWritabilityChanged()
        connection.advance(.seconds(6))
        #expect(try connection.sent() == [])
        connection.channel.isWritable = true
        connection.channel.pipeline.fireChannelWritabilityChanged()
        let more = [0x81, 4] + Array("more".utf8)
        #expect(try connection.sent() == [0x89, 8, 0, 0, 0, 0, 0, 0, 0, 1] + more)
        connection.channel.pipeline.fireChannelWritabilityChanged()
        #expect(try connection.sent() == more)
    }

    @Test("Whoever floods the connection with control frames waits for the next second")
    func readsPause() throws {
        final class ReadCounter: ChannelOutboundHandler {
            typealias OutboundIn = ByteBuffer
            var count = 0

            func read(context: ChannelHandlerContext) {
                self.count += 1
                context.read()
            }
        }
        let connection = try Connection()
        let counter = ReadCounter()
        try connection.channel.pipeline.syncOperations.addHandler(counter, position: .first)
        connection.channel.read()
        #expect(counter.count == 1)
        try connection.receive((0..<1001).flatMap { _ in ClientBytes.frame(0xA) })
        let before = counter.count
        connection.channel.read()
        connection.channel.read()
        #expect(counter.count == before)
        connection.advance(.milliseconds(1001))
        #expect(counter.count == before + 1)
        connection.channel.read()
        #expect(counter.count == before + 2)
    }

    @Test("Prebuilt frames leave as they are, also through the context")
    func prebuilt() throws {
        let connection = try Connection()
        let socket = try #require(connection.session.socket)
        socket.send(frames: ByteBuffer(bytes: [0x81, 1, 0x61]))
        let context = try #require(socket.context)
        context.write(NIOAny(ByteBuffer(bytes: [0x81, 1, 0x62])), promise: nil)
        context.flush()
        #expect(try connection.sent() == [0x81, 1, 0x61, 0x81, 1, 0x62])
    }
}
