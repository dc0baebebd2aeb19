internal import Logging
internal import NIOCore
internal import NIOPosix
internal import NIOSSL
internal import SluiceAdmission

#if canImport(Glibc)
private import Glibc
#elseif canImport(Musl)
private import Musl
#endif

/// Accepts connections and builds their pipelines.
struct Listener: Sendable {
    let group: MultiThreadedEventLoopGroup
    let loops: GatewayLoops
    let services: GatewayServices
    let tls: TLSContexts?

    /// The most bytes that the kernel holds unsent for one connection: beyond it a slow client shows as one.
    private static let maximumUnsentBytes: SocketOptionValue = 128 * 1024
    /// Linux's number for the option (tcp(7)); the C library's headers hide it behind a feature macro.
    private static let unsentLowWatermarkOption: SocketOptionName = 25

    /// Listens for clients.
    func listen(host: String, port: Int) async throws -> any Channel {
        let loops = self.loops
        let services = self.services
        let tls = self.tls
        return
            try await self.bootstrap(isFull: { services.transports.isFull }) { channel in
                let loop = loops.loop(of: channel.eventLoop)
                let refusal = try Self.count(channel, services)
                loop.insert(channel)
                let context = tls?.current
                if let context {
                    try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: context.context))
                    try channel.pipeline.syncOperations.addHandler(
                        HandshakeDeadlineHandler(
                            timeout: services.settings.configuration.limits.timeouts.handshake,
                            metrics: services.metrics
                        )
                    )
                }
                let handler = try HTTPPipeline.configure(
                    channel,
                    router: loop.routes,
                    limits: services.settings.httpLimits,
                    context: loop.services.http,
                    isTLS: tls != nil
                )
                loop.insert(handler, for: channel)
                handler.connection.refusal = refusal
                if let authorities = context?.authorities {
                    try channel.pipeline.syncOperations.addHandler(
                        ClientCertificateHandler(connection: handler.connection, authorities: authorities),
                        position: .before(handler)
                    )
                }
            }
            .bind(host: host, port: port).get()
    }

    /// Listens for the operator.
    func listenForAdmin(host: String, port: Int) async throws -> any Channel {
        let loops = self.loops
        return
            try await self.bootstrap(isFull: { false }) { channel in
                let loop = loops.loop(of: channel.eventLoop)
                loop.insert(channel)
                try HTTPPipeline.configure(
                    channel,
                    router: loop.adminRoutes,
                    limits: HTTPLimits(),
                    context: loop.services.http,
                    isTLS: false
                )
            }
            .bind(host: host, port: port).get()
    }

    /// Closed without a word: see ``TransportCount/Answer/dropped``.
    private struct Dropped: Error {}

    /// Counts a connection until it is closed.
    ///
    /// - Returns: What its requests are to be answered; nil if it is welcome.
    /// - Throws: If it is not to stand at all.
    private static func count(_ channel: any Channel, _ services: GatewayServices) throws -> Problem? {
        let peer = channel.remoteAddress?.ipAddress.flatMap { IPAddress($0) }
        // Behind a proxy are many clients, which are told apart only by what it says of each request.
        let address = peer.flatMap { services.settings.forwarded.isTrusted($0) ? nil : AddressKey($0) }
        let answer = services.transports.open(address)
        channel.closeFuture.whenComplete { _ in
            services.transports.close(address)
        }
        switch answer {
        case .admitted:
            return nil
        case .refused(let problem):
            return problem
        case .dropped:
            services.metrics.refused("address_connections")
            throw Dropped()
        }
    }

    private func bootstrap(
        isFull: @escaping @Sendable () -> Bool,
        _ initialize: @escaping @Sendable (any Channel) throws -> Void
    ) -> ServerBootstrap {
        ServerBootstrap(group: self.group)
            .serverChannelOption(.backlog, value: 1024)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .serverChannelInitializer { [logger = self.services.logger] channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(AcceptPauseHandler(logger: logger, isFull: isFull))
                }
            }
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelOption(.socketOption(.so_keepalive), value: 1)
            .childChannelOption(
                .socket(SocketOptionLevel(IPPROTO_TCP), Self.unsentLowWatermarkOption),
                value: Self.maximumUnsentBytes
            )
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try initialize(channel) }
            }
    }
}
