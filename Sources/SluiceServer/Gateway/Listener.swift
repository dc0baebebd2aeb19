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
    /// Those that listen already.
    let sockets: InheritedSockets

    /// The most bytes that the kernel holds unsent for one connection: beyond it a slow client shows as one.
    private static let maximumUnsentBytes: SocketOptionValue = 128 * 1024
    /// Linux's number for the option (tcp(7)); the C library's headers hide it behind a feature macro.
    private static let unsentLowWatermarkOption: SocketOptionName = 25

    /// Listens for clients.
    func listen(host: String, port: Int) async throws -> any Channel {
        let loops = self.loops
        let services = self.services
        let tls = self.tls
        let bootstrap = self.bootstrap(
            isFull: { services.transports.isFull },
            admits: { Self.admits($0, services, now: $1) },
            initialize: { channel in
                let loop = loops.loop(of: channel.eventLoop)
                let refusal = services.transports.refusal(of: channel)
                loop.insert(channel)
                if refusal != nil {
                    try channel.pipeline.syncOperations.addHandler(
                        FirstByteHandler { services.transports.hear(channel) }
                    )
                }
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
        )
        return try await self.bind(bootstrap, self.sockets.listen, host: host, port: port, section: "listen")
    }

    /// Listens for the operator.
    func listenForAdmin(host: String, port: Int) async throws -> any Channel {
        let loops = self.loops
        let bootstrap = self.bootstrap(
            isFull: { false },
            admits: { _, _ in true },
            initialize: { channel in
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
        )
        return try await self.bind(bootstrap, self.sockets.admin, host: host, port: port, section: "admin")
    }

    /// Counts a connection until it is closed; whether it is to stand at all.
    private static func admits(_ channel: any Channel, _ services: GatewayServices, now: NIODeadline) -> Bool {
        guard let remote = channel.remoteAddress else {
            // Gone before it was looked at: there is nobody to count it for.
            return false
        }
        let peer = remote.ipAddress.flatMap { IPAddress($0) }
        // Behind a proxy are many clients, which are told apart only by what it says of each request.
        let address = peer.flatMap { services.settings.forwarded.isTrusted($0) ? nil : AddressKey($0) }
        let (answer, evicted) = services.transports.open(channel, from: address, now: now)
        if let evicted {
            evicted.eventLoop.execute { evicted.cut() }
            services.metrics.refused(TransportLimits.Refusal.overloaded.rawValue)
        }
        switch answer {
        case .admitted, .told:
            return true
        case .closed(let refusal):
            services.metrics.refused(refusal.rawValue)
            return false
        }
    }

    private func bind(
        _ bootstrap: ServerBootstrap,
        _ descriptor: CInt?,
        host: String,
        port: Int,
        section: String
    ) async throws(ListenFailure) -> any Channel {
        do {
            if let descriptor {
                return try await bootstrap.withBoundSocket(descriptor).get()
            }
            return try await bootstrap.bind(host: host, port: port).get()
        } catch {
            throw ListenFailure(host: host, port: port, section: section, error: error)
        }
    }

    private func bootstrap(
        isFull: @escaping @Sendable () -> Bool,
        admits: @escaping @Sendable (any Channel, NIODeadline) -> Bool,
        initialize: @escaping @Sendable (any Channel) throws -> Void
    ) -> ServerBootstrap {
        ServerBootstrap(group: self.group)
            .serverChannelOption(.backlog, value: 1024)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .serverChannelInitializer { [logger = self.services.logger] channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(
                        AcceptHandler(logger: logger, isFull: isFull, admits: admits)
                    )
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
