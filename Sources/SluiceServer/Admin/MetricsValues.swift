internal import NIOCore
internal import SluiceBase
internal import SluiceHTTP
internal import SluiceRelay
internal import SluiceWire

/// Everything that the metrics page shows, gathered from all loops.
struct MetricsValues: Sendable {
    var homes: [HomeCounts]
    var loops: [LoopAccount]
    /// By how much the event loops' timers were late, in seconds.
    var loopLags = Histogram(bounds: Histogram.timeBounds)
    var server: GatewayMetrics.Counts
    var scans: Int
    var connections: Int
    var transports: Int
    var load: MachineLoad
    /// The resident bytes at which no new connection is taken; nil for no such mark.
    var memoryMark: Int?
    var isShedding: Bool
    var idempotencyKeys: Int
    var idempotencyKeysForgotten: Int
    var requestBytes: Int
    /// Findings counted for those who ask.
    var facets = FacetBoard.Counts()
    var compressorBytes: Int
    var compressorsRefused: Int
    /// When the certificate in use ends, in seconds since 1970; nil without TLS.
    var certificateEndsAt: Double?
    /// What became of certificates that were ordered.
    var orders = CertificateKeeper.Counts()
    var isDraining: Bool
    /// How many lines of the log were dropped.
    var droppedLogLines = 0
    /// What became of deliveries to the receivers of hooks.
    var hooks = HookSchedule.Counts()
    /// What came of questions to the application; nil where there is none.
    var application: ApplicationJudge.Counts?
    /// Requests that are passed on.
    var proxy = ProxyServices.Counts()
    /// How the store is; nil where there is none.
    var store: StoreStatus?
    /// How the shared log is; nil where the gateway is alone.
    var engine: EngineStatus?

    /// Gathers them.
    static func gather(_ services: GatewayServices, on eventLoop: any EventLoop) -> EventLoopFuture<MetricsValues> {
        let homes = services.relay.homeCounts(on: eventLoop)
        let loops = services.relay.fanOutCounts(on: eventLoop)
        return homes.and(loops).and(services.loopLag.lags(on: eventLoop))
            .map { accounts, lags in
                let (homes, loops) = accounts
                return MetricsValues(
                    homes: homes,
                    loops: loops,
                    loopLags: lags,
                    server: services.metrics.snapshot,
                    scans: services.relay.scans,
                    connections: services.connections.count,
                    transports: services.transports.current,
                    load: services.load.load,
                    memoryMark: services.load.memoryMark,
                    isShedding: services.load.isShedding,
                    idempotencyKeys: services.relay.idempotency.count,
                    idempotencyKeysForgotten: services.relay.idempotency.forgottenCount,
                    requestBytes: services.requests.usedBytes,
                    facets: services.facets.counts,
                    compressorBytes: services.relay.memory.usedBytes,
                    compressorsRefused: services.relay.memory.refusedCount,
                    certificateEndsAt: services.tls?.current.endsAt,
                    orders: services.certificates?.counts ?? .init(),
                    isDraining: services.isDraining,
                    droppedLogLines: LogOutput.standardError.droppedCount,
                    hooks: services.hooks?.counts ?? .init(),
                    application: services.application?.counts,
                    proxy: services.proxy.counts,
                    store: services.store?.status,
                    engine: services.engine?.status
                )
            }
    }
}
