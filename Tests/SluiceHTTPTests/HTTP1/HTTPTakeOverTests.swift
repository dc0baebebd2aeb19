import NIOCore
import NIOEmbedded
import NIOHTTP1
import TestSupport
import Testing

@testable import SluiceHTTP

@Suite struct HTTPTakeOverTests {
    /// The handler on the connection after HTTP.
    private final class Successor: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        private(set) var received = ""

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            self.received += String(buffer: self.unwrapInboundIn(data))
        }
    }

    private static let handshake =
        "GET /later HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"

    private static func takeOver(_ connection: HTTPTestConnection, by successor: Successor) {
        connection.lastHandler.exchange?.takeOver(status: .switchingProtocols, headers: [("Upgrade", "websocket")]) {
            try? $0.pipeline.syncOperations.addHandler(successor)
        }
    }

    @Test func `the connection is handed over with what was read too far`() throws {
        let connection = try HTTPTestConnection()
        let successor = Successor()
        _ = try connection.channel.writeInbound(ByteBuffer(string: Self.handshake + "first"))
        Self.takeOver(connection, by: successor)
        _ = try connection.channel.writeInbound(ByteBuffer(string: "second"))
        connection.channel.embeddedEventLoop.run()
        connection.send("third")
        #expect(successor.received == "firstsecondthird")
        let answer = connection.received()
        #expect(answer.hasPrefix("HTTP/1.1 101 Switching Protocols\r\n"))
        #expect(answer.hasSuffix("\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"))
        #expect(!answer.contains("Content-Length"))
        #expect(connection.lastHandler.events == ["start"])
    }

    @Test func `where what was read too far was thrown away nothing is handed over`() throws {
        let connection = try HTTPTestConnection(requests: RequestMemory(limit: 20 * 1024))
        let successor = Successor()
        connection.send(Self.handshake)
        connection.send(String(repeating: "x", count: 30 * 1024))
        Self.takeOver(connection, by: successor)
        connection.channel.embeddedEventLoop.run()
        #expect(connection.statuses() == [503] && successor.received.isEmpty)
        #expect(connection.lastHandler.events == ["start", "aborted overloaded"])
        #expect(connection.router.refusals == [.overloaded])
    }

    @Test func `nothing of HTTP is left in the pipeline, not even its time limits`() throws {
        let connection = try HTTPTestConnection()
        connection.send(Self.handshake)
        Self.takeOver(connection, by: Successor())
        connection.channel.embeddedEventLoop.run()
        let pipeline = connection.channel.pipeline.syncOperations
        #expect(throws: (any Error).self) { try pipeline.handler(type: HTTPConnectionHandler.self) }
        #expect(throws: (any Error).self) { try pipeline.handler(type: HTTPByteGate.self) }
        #expect(throws: (any Error).self) { try pipeline.handler(type: ByteToMessageHandler<HTTPRequestDecoder>.self) }
        connection.advance(.hours(1))
        #expect(connection.isOpen)
        #expect(connection.router.closedCount == 0)
        try connection.channel.close().wait()
        connection.channel.embeddedEventLoop.run()
        #expect(connection.router.closedCount == 1)
    }

    @Test func `a body that ends with the connection is written by whoever takes over`() throws {
        let connection = try HTTPTestConnection()
        connection.send("GET /later HTTP/1.1\r\nHost: a\r\n\r\n")
        connection.lastHandler.exchange?.takeOver(status: .ok, headers: [("Content-Type", "text/event-stream")]) {
            $0.writeAndFlush(ByteBuffer(string: ": hello\n\n"), promise: nil)
        }
        connection.channel.embeddedEventLoop.run()
        let answer = connection.received()
        #expect(answer.hasPrefix("HTTP/1.1 200 OK\r\n"))
        #expect(answer.hasSuffix("\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n: hello\n\n"))
    }

    @Test func `a connection that closes meanwhile is not handed over`() throws {
        let connection = try HTTPTestConnection()
        connection.send(Self.handshake)
        var isTaken = false
        connection.lastHandler.exchange?.takeOver(status: .switchingProtocols, headers: []) { _ in isTaken = true }
        connection.channel.close(promise: nil)
        connection.channel.embeddedEventLoop.run()
        #expect(!isTaken)
        #expect(connection.lastHandler.events == ["start", "aborted peerClosed"])
    }

    @Test func `a handshake that is refused ends the connection`() throws {
        let connection = try HTTPTestConnection()
        connection.send(Self.handshake)
        connection.lastHandler.exchange?.respond(problem: Problem(.unsupportedWebSocketVersion))
        let answer = connection.received()
        #expect(answer.contains("\r\nSec-WebSocket-Version: 13\r\n"))
        #expect(answer.contains("\r\nConnection: close\r\n"))
        #expect(!connection.isOpen)
    }
}
