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
    func listen(_ listen: GatewayConfiguration.Listen) async throws -> any Channel {
        let services = self.services
        // A reload does not change what TLS offers; how much may wait is asked anew for each connection.
        let http2 = listen.http2
        let listener = self.listener(isProxied: listen.proxyProtocol) { channel, loop in
            let tls = services.tls?.current
            return try Self.build(channel, loop, services, router: loop.routes, tls: tls, http2: http2)
        }
        return try await self.bind(
            listener,
            self.sockets.listen,
            host: listen.host,
            port: listen.port,
            section: "listen"
        )
    }

    /// Listens for clients that do not know yet that TLS is spoken elsewhere, at the port `target`.
    func listenForRedirects(host: String, port: Int, target: Int, isProxied: Bool) async throws -> any Channel {
        let services = self.services
        let routes = RedirectRoutes(services: services, port: target)
        let listener = self.listener(isProxied: isProxied) { channel, loop in
            try Self.build(channel, loop, services, router: routes, tls: nil)
        }
        return try await self.bind(listener, nil, host: host, port: port, section: "listen.redirect_http")
    }

    /// Listens for proxies of this machine.
    func listen(socket: LocalSocket) async throws -> any Channel {
        let loops = self.loops
        let services = self.services
        let listener = ConnectionListener(
            group: self.group,
            isLocal: true,
            logger: services.logger,
            isFull: { services.transports.isFull },
            admits: { Self.admits($0, from: nil, services, now: $1) },
            initialize: { channel in
                let loop = loops.loop(of: channel.eventLoop)
                loop.insert(channel)
                let connection = try Self.build(channel, loop, services, router: loop.routes, tls: nil)
                connection.setLocal()
            }
        )
        do {
            return try await listener.bind(descriptor: socket.descriptor)
        } catch {
            throw ListenFailure(path: socket.path, "\(error)")
        }
    }

    /// Listens for the operator.
    func listenForAdmin(_ admin: GatewayConfiguration.Admin) async throws -> any Channel {
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
        return try await self.bind(listener, self.sockets.admin, host: admin.host, port: admin.port, section: "admin")
    }

    /// Accepts clients' connections, with `isProxied` from load balancers alone, which name the client first; `build` makes
    /// the pipeline behind whatever names the client.
    private func listener(
        isProxied: Bool,
        build: @escaping @Sendable (any Channel, GatewayLoops.Loop) throws -> HTTPConnectionInfo
    ) -> ConnectionListener {
        let loops = self.loops
        let services = self.services
        return ConnectionListener(
            group: self.group,
            logger: services.logger,
            isFull: { services.transports.isFull },
            admits: { Self.admits($0, services, isProxied: isProxied, now: $1) },
            initialize: { channel in
                let loop = loops.loop(of: channel.eventLoop)
                loop.insert(channel)
                guard isProxied else {
                    _ = try build(channel, loop)
                    return
                }
                let preface = ProxyPrefaceHandler(timeout: services.settings.httpLimits.headTimeout) { preface in
                    try Self.counts(preface, channel, services) { try build(channel, loop) }
                } failed: {
                    services.metrics.refused(GatewayMetrics.proxyProtocol)
                }
                try channel.pipeline.syncOperations.addHandler(preface)
                loop.insert(preface, for: channel)
            }
        )
    }

    /// Adds the handlers of a client's connection.
    private static func build(
        _ channel: any Channel,
        _ loop: GatewayLoops.Loop,
        _ services: GatewayServices,
        router: any RequestRouter,
        tls: TLSContexts.Current?,
        http2: GatewayConfiguration.HTTP2? = nil
    ) throws -> HTTPConnectionInfo {
        let refusal = services.transports.refusal(of: channel)
        if refusal != nil {
            try channel.pipeline.syncOperations.addHandler(
                FirstByteHandler { services.transports.hear(channel) }
            )
        }
        let handler = try HTTPPipeline.configure(
            channel,
            router: router,
            limits: services.settings.httpLimits,
            context: loop.services.http,
            tls: tls
        )
        loop.insert(handler, for: channel)
        handler.connection.refusal = refusal
        if tls != nil, let options = http2?.options(services.settings) {
            try HTTP2Choice.leave(options, in: channel, instead: handler) { loop.insert($0, for: channel) }
        }
        return handler.connection
    }

    /// Counts a connection for the client that its load balancer names, and continues; returns whether to keep it.
    private static func counts(
        _ preface: ProxyPreface,
        _ channel: any Channel,
        _ services: GatewayServices,
        build: () throws -> HTTPConnectionInfo
    ) throws -> Bool {
        guard case .client(let address, let port) = preface else {
            _ = try build()
            return true
        }
        // Behind a chain of trusted proxies the fields of each request distinguish the clients.
        if !services.settings.forwarded.isTrusted(address),
            let refusal = services.transports.name(channel, AddressKey(address), now: channel.eventLoop.now)
        {
            services.metrics.refused(refusal.rawValue)
            return false
        }
        try build().setPeer(address.description, port: port)
        return true
    }

    private static func admits(
        _ channel: any Channel,
        _ services: GatewayServices,
        isProxied: Bool,
        now: NIODeadline
    ) -> Bool {
        guard let remote = channel.remoteAddress else {
            // Gone before it was looked at: there is no address to count it for.
            return false
        }
        let peer = remote.ipAddress.flatMap { IPAddress($0) }
        let isTrusted = peer.map { services.settings.forwarded.isTrusted($0) } ?? false
        guard !isProxied || isTrusted else {
            services.metrics.refused(GatewayMetrics.proxyProtocol)
            return false
        }
        // A proxy carries many clients, which are distinguished only by the proxy's headers on each request.
        return Self.admits(channel, from: isTrusted ? nil : peer.map { AddressKey($0) }, services, now: now)
    }

    /// Counts a connection until it is closed; returns whether to keep it at all.
    private static func admits(
        _ channel: any Channel,
        from address: AddressKey?,
        _ services: GatewayServices,
        now: NIODeadline
    ) -> Bool {
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
