import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import NIOWebSocket

/// One WebSocket connection to a gateway: the handshake, then frames.
enum SocketConnection {
    typealias Frames = NIOAsyncChannel<WebSocketFrame, WebSocketFrame>

    /// The result of the handshake.
    enum Handshake: Sendable {
        case open(Frames)

        /// The refusal, when it is read: the head of the answer alone leads to this.
        case refused(EventLoopFuture<GatewayProblem>)
    }

    /// The largest message that is taken, in bytes: a full batch of the largest messages a gateway takes by default.
    private static let maximumMessageBytes = 16 * 1024 * 1024

    /// How long to wait for a connection, and again for the answer to the handshake.
    private static let connectTimeout = TimeAmount.seconds(10)

    /// A gateway pings every few seconds; after this much silence the connection counts as lost.
    private static let silenceTimeout = TimeAmount.seconds(30)

    /// Connects and asks for the upgrade (RFC 6455 section 4.1).
    ///
    /// - Parameters:
    ///   - uri: Path and query.
    ///   - connection: The gateway.
    ///   - token: The token, which goes into a header.
    /// - Returns: The open connection, or the gateway's refusal.
    /// - Throws: If there is no connection, or the other end is not a WebSocket server.
    static func open(uri: String, connection: GatewayConnection, token: String?) async throws -> Handshake {
        let address = connection.address
        let tls = address.isSecure ? try NIOSSLContext(configuration: connection.tls) : nil
        let upgrade = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connectTimeout(self.connectTimeout)
            .channelOption(.socketOption(.tcp_nodelay), value: 1)
            .connect(host: address.host, port: address.port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    if let tls {
                        let name = address.hostIsAddress ? nil : address.host
                        try channel.pipeline.syncOperations.addHandler(
                            NIOSSLClientHandler(context: tls, serverHostname: name)
                        )
                    }
                    try channel.pipeline.syncOperations.addHandler(SilenceHandler(timeout: self.silenceTimeout))
                    return try channel.pipeline.syncOperations.configureUpgradableHTTPClientPipeline(
                        configuration: self.upgrade(uri: uri, connection: connection, token: token)
                    )
                }
            }
        return try await upgrade.get()
    }

    private static func upgrade(
        uri: String,
        connection: GatewayConnection,
        token: String?
    ) -> NIOUpgradableHTTPClientPipelineConfiguration<Handshake> {
        var head = HTTPRequestHead(version: .http1_1, method: .GET, uri: uri)
        head.headers.add(name: "Host", value: connection.address.authority)
        head.headers.add(contentsOf: connection.headers(token: token))
        let upgrader = NIOTypedWebSocketClientUpgrader<Handshake>(
            maxFrameSize: self.maximumMessageBytes
        ) { channel, _ in
            channel.eventLoop.makeCompletedFuture {
                try channel.pipeline.syncOperations.addHandler(
                    NIOWebSocketFrameAggregator(
                        minNonFinalFragmentSize: 0,
                        maxAccumulatedFrameCount: 4096,
                        maxAccumulatedFrameSize: self.maximumMessageBytes
                    )
                )
                return .open(try Frames(wrappingChannelSynchronously: channel))
            }
        }
        var configuration = NIOUpgradableHTTPClientPipelineConfiguration(
            upgradeConfiguration: NIOTypedHTTPClientUpgradeConfiguration(
                upgradeRequestHead: head,
                upgraders: [upgrader],
                notUpgradingCompletionHandler: { channel in
                    channel.eventLoop.makeCompletedFuture {
                        let promise = channel.eventLoop.makePromise(of: GatewayProblem.self)
                        try channel.pipeline.syncOperations.addHandler(RefusalHandler(promise: promise))
                        return .refused(promise.futureResult)
                    }
                }
            )
        )
        // The first frames may come in one piece with the answer to the handshake.
        configuration.leftOverBytesStrategy = .forwardBytes
        return configuration
    }
}
