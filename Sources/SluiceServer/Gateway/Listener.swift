internal import NIOCore
internal import NIOPosix
internal import SluiceAdmission
internal import SluiceBase
internal import SluiceHTTP
internal import SluiceSystem

/// Accepts connections and builds their pipelines.
struct Listener: Sendable {
    let group: MultiThreadedEventLoopGroup
    let loops: GatewayLoops
    let services: GatewayServices
    /// Those that listen already.
    let sockets: InheritedSockets

    /// Listens for clients.
    func listen(host: String, port: Int) async throws -> any Channel {
        let loops = self.loops
        let services = self.services
        let listener = ConnectionListener(
            group: self.group,
            logger: services.logger,
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
                let handler = try HTTPPipeline.configure(
                    channel,
                    router: loop.routes,
                    limits: services.settings.httpLimits,
                    context: loop.services.http,
                    tls: services.tls?.current
                )
                loop.insert(handler, for: channel)
                handler.connection.refusal = refusal
            }
        )
        return try await self.bind(listener, self.sockets.listen, host: host, port: port, section: "listen")
    }

    /// Listens for the operator.
    func listenForAdmin(host: String, port: Int) async throws -> any Channel {
        let loops = self.loops
        let listener = ConnectionListener(
            group: self.group,
            logger: self.services.logger,
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
        return try await self.bind(listener, self.sockets.admin, host: host, port: port, section: "admin")
    }

    /// Counts a connection until it is closed; returns whether to keep it at all.
    private static func admits(_ channel: any Channel, _ services: GatewayServices, now: NIODeadline) -> Bool {
        guard let remote = channel.remoteAddress else {
            // Gone before it was looked at: there is no address to count it for.
            return false
        }
        let peer = remote.ipAddress.flatMap { IPAddress($0) }
        // A proxy carries many clients, which are distinguished only by the proxy's headers on each request.
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
        _ listener: ConnectionListener,
        _ descriptor: CInt?,
        host: String,
        port: Int,
        section: String
    ) async throws(ListenFailure) -> any Channel {
        do {
            if let descriptor {
                return try await listener.bind(descriptor: descriptor)
            }
            return try await listener.bind(host: host, port: port)
        } catch {
            throw ListenFailure(host: host, port: port, section: section, error: error)
        }
    }
}
