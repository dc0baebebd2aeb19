import NIOCore
import NIOEmbedded
import NIOHTTP1
import Testing

@testable import SluiceHTTP

@Suite struct TunnelTests {
    /// Says that it would ask for another protocol, and nothing more.
    private final class Nobody: UpstreamReceiver {
        func upstreamInformed(_ answer: UpstreamAnswer) {}
        func upstreamAnswered(_ answer: UpstreamAnswer) {}
        func upstreamSent(_ bytes: ByteBuffer) {}
        func upstreamEnded(trailers: HeaderFields?) {}
        func upstreamFailed(_ detail: String, isUntouched: Bool) {}
        func upstreamWritabilityChanged(isWritable: Bool) {}
    }

    /// A client that takes bytes only when it is told to.
    private final class Slow: ChannelOutboundHandler {
        typealias OutboundIn = ByteBuffer

        private var waiting: [EventLoopPromise<Void>?] = []

        func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
            self.waiting.append(promise)
        }

        func take() {
            for promise in self.waiting { promise?.succeed() }
            self.waiting = []
        }
    }

    private let client = EmbeddedChannel()
    private let slow = Slow()
    private var loop: EmbeddedEventLoop { self.client.embeddedEventLoop }

    init() throws {
        try self.client.pipeline.syncOperations.addHandler(self.slow)
        try self.client.connect(to: SocketAddress(ipAddress: "192.0.2.7", port: 4321)).wait()
    }

    /// The connection of an upstream that switched protocols, said something, and left, all at once.
    private func left(saying text: String) throws -> UpstreamConnection {
        let channel = EmbeddedChannel(loop: self.loop)
        let connection = UpstreamConnection(limits: HTTPLimits(), memory: RequestMemory(), isTLS: false)
        try channel.pipeline.syncOperations.addHandler(connection)
        try channel.connect(to: SocketAddress(ipAddress: "192.0.2.8", port: 80)).wait()
        let request = UpstreamRequest(
            method: .GET,
            target: "/",
            fields: HeaderFields(),
            contentLength: nil,
            isChunked: false,
            asksForUpgrade: true
        )
        connection.begin(request, receiver: Nobody())
        connection.finish()
        try channel.writeInbound(ByteBuffer(string: "HTTP/1.1 101 Switching Protocols\r\n\r\n" + text))
        _ = try? channel.finish(acceptAlreadyClosed: true)
        return connection
    }

    @Test func `the last bytes of an upstream that has left are a tunnel until they are taken`() throws {
        var overCount = 0
        let isOpen = Tunnel.join(self.client, try self.left(saying: "bye"), idle: .seconds(5)) { overCount += 1 }
        #expect(isOpen && overCount == 0 && self.client.isActive)
        self.loop.advanceTime(by: .seconds(4))
        #expect(overCount == 0 && self.client.isActive)
        self.slow.take()
        self.loop.run()
        #expect(overCount == 1 && !self.client.isActive)
        self.loop.advanceTime(by: .seconds(60))
        #expect(overCount == 1)
    }

    @Test func `a client that does not take them has the time of any tunnel`() throws {
        var overCount = 0
        let isOpen = Tunnel.join(self.client, try self.left(saying: "bye"), idle: .seconds(5)) { overCount += 1 }
        self.loop.advanceTime(by: .seconds(4))
        _ = try? self.client.writeInbound(ByteBuffer(string: "I am still here"))
        self.loop.advanceTime(by: .seconds(2))
        #expect(isOpen && overCount == 1 && !self.client.isActive)
    }

    @Test func `an upstream that has left without a word leaves no tunnel`() throws {
        let isOpen = Tunnel.join(self.client, try self.left(saying: ""), idle: .seconds(5)) {
            Issue.record("there was none")
        }
        #expect(!isOpen && !self.client.isActive)
    }
}
