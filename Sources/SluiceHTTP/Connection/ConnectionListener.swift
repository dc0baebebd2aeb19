package import Logging
package import NIOCore
internal import NIOPosix
internal import SluiceSystem

/// Accepts connections, and sets the options of their sockets.
///
/// Its owner decides which connections are admitted, and which handlers are in the pipelines.
package struct ConnectionListener {
    /// The most bytes that the kernel holds unsent for one connection: beyond it a slow client shows as one.
    private static let maximumUnsentBytes: SocketOptionValue = 128 * 1024
    /// Linux's number for the option (tcp(7)); the C library's headers hide it behind a feature macro.
    private static let unsentLowWatermarkOption: SocketOptionName = 25
    /// A connection keeps its first buffer for as long as it lives: room for most heads, and for no more; it grows when
    /// one is full.
    private static let receiveAllocator = AdaptiveRecvByteBufferAllocator(minimum: 64, initial: 1024, maximum: 65_536)

    private let bootstrap: ServerBootstrap

    /// - Parameters:
    ///   - group: The loops that the connections live on.
    ///   - isLocal: Whether it accepts from a socket in the file system, which has none of TCP's options.
    ///   - logger: Takes reports of trouble with accepting, at most one in a while.
    ///   - isFull: Whether to accept no further connection for now.
    ///   - admits: Whether a connection is taken, at the loop's time; otherwise it is closed.
    ///   - initialize: Builds a connection's pipeline, on its loop.
    package init(
        group: any EventLoopGroup,
        isLocal: Bool = false,
        logger: Logger,
        isFull: @escaping @Sendable () -> Bool = { false },
        admits: @escaping @Sendable (any Channel, NIODeadline) -> Bool = { _, _ in true },
        initialize: @escaping @Sendable (any Channel) throws -> Void
    ) {
        let bootstrap = ServerBootstrap(group: group)
            .serverChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(
                        AcceptHandler(logger: logger, isFull: isFull, admits: admits)
                    )
                }
            }
            .childChannelOption(.recvAllocator, value: Self.receiveAllocator)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try initialize(channel) }
            }
        guard !isLocal else {
            self.bootstrap = bootstrap
            return
        }
        self.bootstrap =
            bootstrap
            .serverChannelOption(.backlog, value: 1024)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelOption(.socketOption(.so_keepalive), value: 1)
            .childChannelOption(
                .socket(SocketOptionLevel(IPPROTO_TCP), Self.unsentLowWatermarkOption),
                value: Self.maximumUnsentBytes
            )
    }

    /// Listens from now on.
    ///
    /// - Returns: The listening channel.
    package func bind(host: String, port: Int) async throws -> any Channel {
        try await self.bootstrap.bind(host: host, port: port).get()
    }

    /// Accepts connections from now on at a socket that listens already.
    ///
    /// - Returns: The listening channel, which closes the descriptor.
    package func bind(descriptor: CInt) async throws -> any Channel {
        try await self.bootstrap.withBoundSocket(descriptor).get()
    }
}

/// Tells when a connection's first bytes arrive, and leaves.
package final class FirstByteHandler: ChannelInboundHandler, RemovableChannelHandler {
    package typealias InboundIn = ByteBuffer

    private let heard: () -> Void

    /// - Parameter heard: Called once.
    package init(_ heard: @escaping () -> Void) {
        self.heard = heard
    }

    package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        self.heard()
        // Before it leaves: a handler that has left hands nothing on.
        context.fireChannelRead(data)
        context.pipeline.syncOperations.removeHandler(context: context, promise: nil)
    }
}
