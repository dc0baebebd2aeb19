internal import AsyncHTTPClient
package import Logging
package import NIOCore
internal import NIOPosix
package import SluiceAdmission
internal import SluiceBase
internal import SluiceHTTP
package import SluiceRelay
internal import SluiceWire

/// The whole gateway: put together, started, reloaded, and stopped here.
package final class Gateway: Sendable {
    private let group: MultiThreadedEventLoopGroup
    private let services: GatewayServices
    private let loops: GatewayLoops
    private let listener: any Channel
    private let adminListener: any Channel
    /// Where else clients come in, and the socket in the file system, which is removed at the end.
    private let others: OtherListeners
    /// Whether the service manager holds the clients' socket, too: closed here, it still listens.
    private let isListenerInherited: Bool
    private let client: HTTPClient
    private let upkeep: Upkeep
    private let logger: Logger

    /// The port for clients.
    package var port: Int { self.listener.localAddress?.port ?? 0 }
    /// The port for the operator.
    package var adminPort: Int { self.adminListener.localAddress?.port ?? 0 }

    /// Starts a gateway; it serves when this returns.
    ///
    /// - Parameters:
    ///   - configuration: The configuration.
    ///   - logger: The logger for everything that it does.
    ///   - store: Where scans outlive the process; nil for memory only. The gateway closes it when it stops.
    ///   - revocations: Where revocations outlive the process.
    ///   - hookStore: Where deliveries to receivers of hooks outlive the process.
    ///   - makeEngine: Makes the log and all else that several gateways share, for the event loops; nil where this one is
    ///     alone. Not beside stores.
    ///   - sockets: Sockets that listen already; others are opened as configured.
    /// - Throws: The reason why it cannot start, in words for the operator.
    package init(
        _ configuration: GatewayConfiguration,
        logger: Logger,
        store: (any ScanStore)? = nil,
        revocations: (any RevocationStore)? = nil,
        hookStore: (any HookStore)? = nil,
        engine makeEngine: (([any EventLoop]) throws -> any SharedEngine & Peers)? = nil,
        sockets: InheritedSockets = .nothing
    ) async throws {
        let loopCount = configuration.listen.eventLoops ?? System.coreCount
        let group = MultiThreadedEventLoopGroup(numberOfThreads: loopCount, metricsDelegate: TurnCounter())
        let eventLoops = Array(group.makeIterator())
        LoopTurns.watch(eventLoops)
        let client = HTTPClient(eventLoopGroup: group)
        let hookClient = HookDispatcher.makeClient(on: group)
        self.group = group
        self.client = client
        self.logger = logger
        self.isListenerInherited = sockets.listen != nil
        var application: ApplicationJudge?
        var engine: (any SharedEngine & Peers)?
        do {
            engine = try makeEngine?(eventLoops)
            let services = try Self.makeServices(
                configuration,
                group,
                Stores(scans: store, engine: engine, revocations: revocations, hooks: hookStore),
                (keys: client, hooks: hookClient),
                logger
            )
            self.services = services
            application = services.application
            self.loops = try await GatewayLoops(eventLoops, services: services)
            // Weak: the services hold the key source.
            services.keySource.whenKeysChange { [weak services, group] change in
                services?.judgeConnections(change == .bySet ? .keyWithdrawn : .notAdmitted, on: group.any())
            }
            try? await services.keySource.fetch(on: group.any()).get()
            services.startEngine()
            // Packed now, and not while the first request for one waits.
            precondition(!ConsoleAssets.all.isEmpty, "a gateway has a page")
            // Before the first connection: there may be room for few.
            services.load.take(.measured(), services: services)
            let listener = Listener(group: group, loops: self.loops, services: services, sockets: sockets)
            self.adminListener = try await listener.listenForAdmin(configuration.admin)
            self.listener = try await listener.listen(configuration.listen)
            let port = self.listener.localAddress?.port
            self.others = try await OtherListeners(listener, configuration.listen, port: port)
            self.upkeep = Upkeep(services: services, group: group, logger: logger)
        } catch {
            try? await application?.stop()
            try? await engine?.shutdown().get()
            await Self.end([client, hookClient], group, eventLoops)
            throw error
        }
        self.upkeep.start()
        self.services.hooks?.start()
        self.announceStart(configuration, loopCount: loopCount)
    }

    /// What a start that failed had begun ends.
    private static func end(
        _ clients: [HTTPClient],
        _ group: MultiThreadedEventLoopGroup,
        _ eventLoops: [any EventLoop]
    ) async {
        for client in clients { try? await client.shutdown() }
        LoopTurns.forget(eventLoops)
        try? await group.shutdownGracefully()
    }

    private func announceStart(_ configuration: GatewayConfiguration, loopCount: Int) {
        var metadata: Logger.Metadata = [
            "host": "\(configuration.listen.host)",
            "port": .stringConvertible(self.port),
            "admin_port": .stringConvertible(self.adminPort),
            "event_loops": .stringConvertible(loopCount),
            "tls": .stringConvertible(!configuration.listen.plaintext),
            "descriptor_limit": .stringConvertible(self.services.load.load.descriptorLimit),
        ]
        if let port = self.others.redirectPort {
            metadata["redirect_port"] = .stringConvertible(port)
        }
        if let path = self.others.socketPath {
            metadata["unix"] = "\(path)"
        }
        metadata["console"] = ConsoleAddress.url(configuration, port: self.port).map { "\($0)" }
        metadata["memory_mark_bytes"] = self.services.load.memoryMark.map { .stringConvertible($0) }
        self.logger.info("gateway serves", metadata: metadata)
    }

    /// Takes over a new configuration without dropping a connection.
    ///
    /// The settings of listeners, loops and storage stay.
    ///
    /// - Throws: Its fault; then everything stays as it was.
    package func reload(_ configuration: GatewayConfiguration) throws {
        // Steps that can fail come first, so that nothing changes if one does.
        let keys = try KeyLoader.load(configuration.auth)
        let receivers = try HookReceiver.load(configuration.hooks)
        let routes = try ProxyRouteTable.load(configuration.proxy)
        try self.services.tls?.reload(configuration.tls)
        self.services.certificates?.replace(configuration.tls.acme)
        self.services.keySource.replace(keys)
        self.services.application?.replace(configuration.auth)
        let hasNewSource = configuration.auth.keyAddress != self.services.settings.configuration.auth.keyAddress
        self.services.replace(GatewaySettings(configuration))
        self.services.proxy.replace(routes)
        if hasNewSource {
            _ = self.services.keySource.fetch(on: self.group.any())
        }
        self.services.judgeConnections(.notAdmitted, on: self.group.any())
        self.services.hooks?.replace(receivers, limits: configuration.limits.hooks)
        self.services.metrics.reloaded(at: WallTime.now())
        self.logger.info("configuration reloaded")
    }

    /// Returns once every event loop has had a turn.
    package func turn() async throws {
        try await self.loops.onEach { _ in }
    }

    /// Counts a configuration that was not taken over.
    package func reloadFailed() {
        self.services.metrics.reloadFailed()
    }

    /// Stops within the grace: nothing new is taken, waiting messages are sent, and clients are told when to come back.
    package func stop() async throws {
        let schedule = DrainSchedule(now: .now(), grace: self.services.settings.configuration.shutdown.grace)
        if self.isListenerInherited {
            // New connections wait in its queue for the next process.
            try? await self.listener.close().get()
        }
        let count = self.services.connections.count
        self.logger.info("gateway drains", metadata: ["connections": .stringConvertible(count)])
        self.services.beginDraining(schedule)
        self.upkeep.stop()
        await self.services.certificates?.stop()
        // First the producers, so that acknowledged messages go out before any subscriber is closed.
        try await self.loops.onEach { $0.drain() }
        try await self.services.relay.flush(on: self.group.any()).get()
        self.services.connections.drain(schedule)
        while self.services.connections.count > 0, NIODeadline.now() < schedule.endsAt {
            try await Task.sleep(for: .milliseconds(20))
        }
        try? await self.listener.close().get()
        await self.others.close()
        try? await self.adminListener.close().get()
        // Connections that came meanwhile; and the last answers must still reach their clients.
        try await self.loops.onEach { $0.drain() }
        while self.services.transports.current > 0, NIODeadline.now() < schedule.endsAt {
            try await Task.sleep(for: .milliseconds(20))
        }
        try await self.loops.onEach { $0.closeAll() }
        // Requests that came within the grace and are half taken: their producers are gone, their messages are kept.
        try await self.services.relay.flush(on: self.group.any()).get()
        // Whatever becomes of what it asked others: the store is closed in order.
        try? await self.client.shutdown()
        try? await self.services.application?.stop()
        try? await self.services.hooks?.stop(by: schedule.endsAt)
        self.services.store?.close()
        try? await self.services.engine?.shutdown().get()
        LoopTurns.forget(Array(self.group.makeIterator()))
        try await self.group.shutdownGracefully()
        self.logger.info("gateway stopped")
    }

    /// What outlives the process, each nil where it does not.
    private struct Stores {
        var scans: (any ScanStore)?
        var engine: (any SharedEngine & Peers)?
        var revocations: (any RevocationStore)?
        var hooks: (any HookStore)?
    }

    private static func makeServices(
        _ configuration: GatewayConfiguration,
        _ group: MultiThreadedEventLoopGroup,
        _ stores: Stores,
        _ clients: (keys: HTTPClient, hooks: HTTPClient),
        _ logger: Logger
    ) throws -> GatewayServices {
        let eventLoops = Array(group.makeIterator())
        let keys = try KeyLoader.load(configuration.auth)
        let authenticator = Authenticator(
            verifier: keys.verifier(),
            ingestKeys: keys.ingestKeys,
            revocations: stores.engine.map { $0 as any RevocationStore } ?? stores.revocations,
            now: WallTime.now().seconds
        )
        let listen = configuration.listen
        let tls = listen.plaintext ? nil : try TLSContexts(configuration.tls, offersHTTP2: listen.http2.enabled)
        let receivers = try HookReceiver.load(configuration.hooks)
        let routes = try ProxyRouteTable.load(configuration.proxy)
        let stored = try stores.scans?.restore() ?? []
        let hooks = HookDispatcher(
            receivers,
            limits: configuration.limits.hooks,
            store: stores.hooks,
            client: clients.hooks,
            eventLoop: group.next(),
            logger: logger
        )
        return GatewayServices(
            settings: GatewaySettings(configuration),
            relay: Relay(
                eventLoops: eventLoops,
                configuration: configuration.relayInForce,
                memory: CompressionMemory(limit: configuration.compression.memory),
                store: stores.scans,
                stored: stored,
                engine: stores.engine,
                observer: hooks,
                packer: StatsBoard.thread("sluice.pages"),
                logger: logger
            ),
            store: stores.scans,
            engine: stores.engine,
            authenticator: authenticator,
            connections: ConnectionRegistry(eventLoops: eventLoops),
            keySource: KeySource(keys, client: clients.keys, authenticator: authenticator, logger: logger),
            application: ApplicationJudge(
                configuration.auth,
                group: group,
                authenticator: authenticator,
                logger: logger
            ),
            hooks: hooks,
            routes: routes,
            tls: tls,
            certificates: CertificateKeeper(configuration.tls.acme, contexts: tls, group: group, logger: logger),
            logger: logger
        )
    }
}

/// Tells of each turn of the loops.
private struct TurnCounter: NIOEventLoopMetricsDelegate {
    func processedTick(info: NIOEventLoopTickInfo) {
        LoopTurns.ended(info.eventLoopID)
    }
}
