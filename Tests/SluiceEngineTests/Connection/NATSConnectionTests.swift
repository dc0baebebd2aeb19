import Logging
import NIOCore
import NIOPosix
import SluiceBase
import SluiceEngine
import Testing

/// A connection among servers that say no more than it takes, on loopback.
@Suite(.serialized)
struct NATSConnectionTests {
    /// Greets, and answers each ping.
    private final class Greeter: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer

        private func say(_ text: String, _ context: ChannelHandlerContext) {
            context.writeAndFlush(self.wrapOutboundOut(ByteBuffer(string: text)), promise: nil)
        }

        func channelActive(context: ChannelHandlerContext) {
            let info = #"{"server_id":"x","version":"2.12.0","max_payload":1048576,"headers":true}"#
            self.say("INFO \(info)\r\n", context)
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            if String(buffer: self.unwrapInboundIn(data)).contains("PING") { self.say("PONG\r\n", context) }
        }
    }

    private struct Servers {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        var channels: [any Channel] = []
        let connection: NIOLoopBoundBox<NATSConnection>

        init() async throws {
            for _ in 0..<3 {
                let bootstrap = ServerBootstrap(group: self.group)
                    .childChannelInitializer { channel in
                        channel.eventLoop.makeCompletedFuture {
                            try channel.pipeline.syncOperations.addHandler(Greeter())
                        }
                    }
                self.channels.append(try await bootstrap.bind(host: "127.0.0.1", port: 0).get())
            }
            let addresses = self.channels.compactMap { $0.localAddress?.port }
                .compactMap { ServerAddress("nats://127.0.0.1:\($0)") }
            let eventLoop = self.group.next()
            self.connection = try await eventLoop.submit {
                let connection = NATSConnection(
                    NATSConnection.Settings(servers: addresses, name: "test"),
                    eventLoop: eventLoop,
                    logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
                )
                connection.start()
                return NIOLoopBoundBox(connection, eventLoop: eventLoop)
            }.get()
        }

        /// Tells the connection something, and waits until it has been connected so often; where it is then.
        func after(_ count: Int, _ verdict: ServerBoard.Verdict? = nil) async throws -> Int? {
            let eventLoop = self.group.next()
            if let verdict {
                try await eventLoop.submit { self.connection.value.prefer(verdict) }.get()
            }
            for _ in 0..<1000 {
                let port = try await eventLoop.submit {
                    let connection = self.connection.value
                    return connection.isConnected && connection.connectCount == count ? connection.server.port : nil
                }.get()
                if let port {
                    return self.channels.firstIndex { $0.localAddress?.port == port }
                }
                try await Task.sleep(for: .milliseconds(10))
            }
            return nil
        }

        func close() async throws {
            try await self.group.next().submit { self.connection.value.close() }.get()
            for channel in self.channels { try? await channel.close() }
            try await self.group.shutdownGracefully()
        }
    }

    @Test
    func aServerThatIsWorseIsLeftAndOneThatIsOnlyAwayIsNot() async throws {
        let servers = try await Servers()
        let first = try #require(try await servers.after(1))
        #expect(try await servers.after(1, ServerBoard.Verdict(avoided: [first])) == first)
        let third = (first + 1) % 3
        let worse = ServerBoard.Verdict(avoided: [first, third], left: [first])
        let second = try #require(try await servers.after(2, worse))
        #expect(second == (first + 2) % 3)
        // It was left just now: it stays, for five seconds.
        #expect(try await servers.after(2, ServerBoard.Verdict(avoided: [second], left: [second])) == second)
        try await servers.close()
    }

    @Test
    func whereNoBetterOneCanBeReachedItGoesBack() async throws {
        let servers = try await Servers()
        let first = try #require(try await servers.after(1))
        for index in 0..<3 where index != first {
            // Its port is known still.
            try await servers.channels[index].close()
        }
        #expect(try await servers.after(2, ServerBoard.Verdict(avoided: [first], left: [first])) == first)
        try await servers.close()
    }
}
