import NIOCore
import NIOPosix
import NIOSSL
import NIOTLS
import Synchronization

/// One connection of raw bytes, so that no library hides what happens to it.
final class ProbeLine: Sendable {
    /// What has come so far.
    struct Inbox: Sendable {
        var bytes: [UInt8] = []
        var isClosed = false
        /// What went wrong, in words.
        var failure: String?
        /// The protocol that TLS agreed on (RFC 7301); nil for none.
        var protocolName: String?
        var isSecured = false
    }

    /// Keeps what comes.
    private final class Collector: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer

        private let inbox: Box

        init(_ inbox: Box) {
            self.inbox = inbox
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let bytes = self.unwrapInboundIn(data)
            self.inbox.state.withLock { state in
                if state.bytes.count < ProbeLine.maximumBytes {
                    state.bytes += bytes.readableBytesView
                }
            }
        }

        func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
            if case .handshakeCompleted(let name)? = event as? TLSUserEvent {
                self.inbox.state.withLock { ($0.isSecured, $0.protocolName) = (true, name) }
            }
            context.fireUserInboundEventTriggered(event)
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            self.inbox.state.withLock { $0.failure = $0.failure ?? "\(error)" }
            context.close(promise: nil)
        }

        func channelInactive(context: ChannelHandlerContext) {
            self.inbox.state.withLock { $0.isClosed = true }
        }
    }

    private final class Box: Sendable {
        let state = Mutex(Inbox())
    }

    /// What the probe keeps of one line.
    private static let maximumBytes = 1 << 20
    private static let connectTimeout = TimeAmount.seconds(10)
    /// How often it is looked whether something came.
    private static let interval = Duration.milliseconds(5)

    private let channel: any Channel
    private let box: Box
    /// This end's address, as this machine knows it; a closed connection has none.
    let localAddress: String?

    private init(_ channel: any Channel, _ box: Box) {
        self.channel = channel
        self.box = box
        self.localAddress = channel.localAddress?.ipAddress
    }

    /// Connects, and offers these protocols to TLS.
    static func open(_ connection: GatewayConnection, offering protocols: [String]) async throws -> ProbeLine {
        let address = connection.address
        var configuration = connection.tls
        configuration.applicationProtocols = protocols
        let tls = address.isSecure ? try NIOSSLContext(configuration: configuration) : nil
        let box = Box()
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connectTimeout(Self.connectTimeout)
            .channelOption(.socketOption(.tcp_nodelay), value: 1)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    if let tls {
                        let name = address.hostIsAddress ? nil : address.host
                        try channel.pipeline.syncOperations.addHandler(
                            NIOSSLClientHandler(context: tls, serverHostname: name)
                        )
                    }
                    try channel.pipeline.syncOperations.addHandler(Collector(box))
                }
            }
            .connect(host: address.host, port: address.port).get()
        return ProbeLine(channel, box)
    }

    /// What has come so far.
    var inbox: Inbox { self.box.state.withLock { $0 } }

    func send(_ bytes: [UInt8]) {
        self.channel.writeAndFlush(ByteBuffer(bytes: bytes), promise: nil)
    }

    func close() {
        self.channel.close(promise: nil)
    }

    /// The first answer of `look` that is not nil; nil where there is none in so many seconds.
    func wait<Found>(seconds: Double, _ look: (Inbox) -> Found?) async -> Found? {
        let end = ContinuousClock.now + .seconds(seconds)
        while true {
            if let found = look(self.inbox) {
                return found
            }
            guard ContinuousClock.now < end, (try? await Task.sleep(for: Self.interval)) != nil else {
                return nil
            }
        }
    }
}
