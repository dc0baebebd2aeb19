internal import Logging
internal import NIOCore
internal import SluiceAdmission
internal import SluiceBase
internal import SluiceHTTP
internal import SluiceRelay
internal import Synchronization

/// The services that the handlers of all event loops share.
///
/// Everything in it is safe for that.
final class GatewayServices: Sendable {
    let relay: Relay
    /// Where scans outlive the process; nil for memory only.
    let store: (any ScanStore)?
    /// The log that several gateways share; nil where this one is alone.
    let engine: (any SharedEngine & Peers)?
    /// How many subscribers scans have on other nodes; nil where this one is alone.
    let subscribersElsewhere: SubscribersElsewhere?
    let authenticator: Authenticator
    let limits: GatewayLimits
    let connections: ConnectionRegistry
    /// The statistics of all scans.
    let stats: StatsBoard
    /// The findings of scans, counted for those who ask.
    let facets: FacetBoard
    /// The TCP connections of the public listener.
    let transports: TransportCount
    /// The memory that requests hold, on all connections.
    let requests = RequestMemory()
    let metrics: GatewayMetrics
    /// How late the event loops are.
    let loopLag: LoopLag
    /// How much of the machine is in use.
    let load = LoadMonitor()
    /// Where keys come from.
    let keySource: KeySource
    /// Asks the application who visitors are; nil where there is none to ask.
    let application: ApplicationJudge?
    /// Tells of credentials that were refused.
    let credentialLog: CredentialLog
    /// Tells others of what becomes of scans; nil where nobody can be told.
    let hooks: HookDispatcher?
    /// The requests that are passed on.
    let proxy: ProxyServices
    /// The TLS that clients speak; nil for none.
    let tls: TLSContexts?
    /// The certificate that an authority issues to the gateway itself; nil without TLS.
    let certificates: CertificateKeeper?
    let logger: Logger
    private let current: Mutex<GatewaySettings>
    private let draining = Atomic<Bool>(false)
    private let drainSchedule = Mutex<DrainSchedule?>(nil)

    init(
        settings: GatewaySettings,
        relay: Relay,
        store: (any ScanStore)?,
        engine: (any SharedEngine & Peers)? = nil,
        authenticator: Authenticator,
        connections: ConnectionRegistry,
        keySource: KeySource,
        application: ApplicationJudge? = nil,
        hooks: HookDispatcher? = nil,
        routes: ProxyRouteTable = ProxyRouteTable(),
        tls: TLSContexts? = nil,
        certificates: CertificateKeeper? = nil,
        logger: Logger
    ) {
        self.relay = relay
        self.store = store
        self.engine = engine
        let elsewhere = engine.map { SubscribersElsewhere($0) }
        self.subscribersElsewhere = elsewhere
        self.authenticator = authenticator
        self.limits = GatewayLimits(settings.configuration.limits)
        self.connections = connections
        self.stats = StatsBoard(
            source: StatsBoard.Source(count: { max(relay.scans, relay.engineStatus?.scans ?? 0) }) { eventLoop in
                let summaries = relay.summaries(on: eventLoop)
                return elsewhere?.add(to: summaries) ?? summaries
            }
        )
        self.facets = FacetBoard { relay.history(of: $0, $1, on: $2) }
        self.transports = TransportCount(settings.configuration.limits)
        self.metrics = GatewayMetrics(startedAt: WallTime.now())
        self.loopLag = LoopLag(connections.eventLoops)
        self.keySource = keySource
        self.application = application
        self.hooks = hooks
        self.proxy = ProxyServices(routes, logger: logger)
        self.tls = tls
        self.certificates = certificates
        self.credentialLog = CredentialLog(logger: logger)
        self.logger = logger
        self.current = Mutex(settings)
    }

    /// The engine connects, and tells others how much there is to do here.
    func startEngine() {
        guard let engine = self.engine else {
            return
        }
        self.limits.beginSharing()
        engine.begin(PeerDuties(self), limits: self.settings.configuration.limits.connections)
        engine.setLoad { [weak self, weak engine] in
            var load = EngineLoad()
            load.connections = self?.connections.count ?? 0
            load.scans = engine?.status.openScans ?? 0
            load.isDraining = self?.isDraining ?? true
            return load
        }
        engine.start()
    }

    /// The other nodes; nil where this one is alone.
    var peers: (any Peers)? { self.engine }

    /// Gives back the place of a live connection.
    func release(_ place: ConnectionLimits.ID) {
        if let peers = self.peers {
            peers.release(place)
        } else {
            self.limits.subscribers.release(place)
        }
    }

    /// Ends the connections of a user or a key on all nodes; how many they were, on those that answer in time.
    func disconnect(_ disconnection: Disconnection, on eventLoop: any EventLoop) -> EventLoopFuture<Int> {
        let here = self.connections.closeAll(.disconnected, on: eventLoop) { disconnection.hits($0) }
        guard let peers = self.peers else {
            return here
        }
        let elsewhere = eventLoop.makePromise(of: Int.self)
        peers.tellAll(disconnection) { elsewhere.succeed($0) }
        return here.and(elsewhere.futureResult).map { $0 + $1 }
    }

    /// The present configuration.
    var settings: GatewaySettings { self.current.withLock { $0 } }

    /// Whether the gateway is about to stop.
    var isDraining: Bool { self.draining.load(ordering: .acquiring) }

    /// Takes over a new configuration: for requests from now on, without a connection lost.
    func replace(_ settings: GatewaySettings) {
        self.current.withLock { $0 = settings }
        self.limits.replace(settings.configuration.limits)
        self.peers?.setLimits(settings.configuration.limits.connections)
        self.transports.setLimits(settings.configuration.limits)
        self.relay.reconfigure(settings.configuration.relayInForce)
    }

    /// The authorities in force whose clients' certificates make producers; nil for none.
    var clientAuthorities: ClientAuthorities? { self.tls?.current.authorities }

    /// Ends the live connections that would no longer be let in.
    ///
    /// - Parameters:
    ///   - closing: How those end whose right is gone.
    ///   - eventLoop: Logs the number of ended connections.
    func judgeConnections(_ closing: Closing, on eventLoop: any EventLoop) {
        self.connections.judge(by: self.judge(closing), on: eventLoop)
            .whenSuccess { count in
                if count > 0 {
                    self.logger.info(
                        "connections no longer admitted",
                        metadata: ["closed": .stringConvertible(count), "reason": "\(closing.reason)"]
                    )
                }
            }
    }

    /// Judges a visitor that was let in a while ago and continues only now.
    ///
    /// A live connection that has started is judged whenever something changes; this is for the time before.
    func verdict(on identity: Identity, arrival: Arrival, certificate: ClientCertificate?) -> LiveJudge.Verdict {
        guard !self.authenticator.isRevoked(identity) else {
            return .ends(.tokenRevoked)
        }
        return self.judge(.notAdmitted).verdict(on: identity, arrival: arrival, certificate: certificate)
    }

    /// Ends a connection that has begun just now if it should not have.
    ///
    /// A reload or a revocation may have come between the check of its credential and this moment.
    func judgeAtStart(_ connection: any LiveConnection, now: NIODeadline) {
        if case .ends(let closing) = self.verdict(
            on: connection.identity,
            arrival: connection.arrival,
            certificate: connection.certificate
        ) {
            connection.close(closing)
        } else if self.isDraining {
            connection.close(self.drainClosing(now: now))
        }
    }

    private func judge(_ closing: Closing) -> LiveJudge {
        let settings = self.settings
        return LiveJudge(
            credentials: self.authenticator.judge,
            origins: settings.origins,
            auth: settings.configuration.auth,
            authorities: self.clientAuthorities,
            closing: closing,
            now: WallTime.now().seconds
        )
    }

    /// From now on nothing new is taken.
    func beginDraining(_ schedule: DrainSchedule) {
        self.drainSchedule.withLock { $0 = schedule }
        self.draining.store(true, ordering: .releasing)
    }

    /// How a connection of a gateway that stops is ended: with the time to come back.
    func drainClosing(now: NIODeadline) -> Closing {
        let schedule = self.drainSchedule.withLock { $0 } ?? DrainSchedule(now: now, grace: .zero)
        return .draining(retryAfterMilliseconds: schedule.retryAfterMilliseconds(now: now))
    }
}
