internal import Logging
internal import NIOCore
internal import NIOPosix
internal import NIOSSL

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
            try await self.bootstrap { channel in
                let loop = loops.loop(of: channel.eventLoop)
                loop.insert(channel)
                if let tls {
                    try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: tls.current))
                }
                let handler = try HTTPPipeline.configure(
                    channel,
                    router: loop.routes,
                    limits: services.settings.httpLimits,
                    context: loop.services.http,
                    isTLS: tls != nil
                )
                loop.insert(handler, for: channel)
                if tls != nil, services.settings.configuration.tls.clientCA != nil {
                    try channel.pipeline.syncOperations.addHandler(
                        ClientCertificateHandler(connection: handler.connection),
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
            try await self.bootstrap { channel in
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

    private func bootstrap(
        _ initialize: @escaping @Sendable (any Channel) throws -> Void
    ) -> ServerBootstrap {
        ServerBootstrap(group: self.group)
            .serverChannelOption(.backlog, value: 1024)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
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
