internal import NIOCore
internal import SluiceBase
internal import SluiceRelay

/// Everything that the metrics page shows, gathered from all loops.
struct MetricsValues: Sendable {
    var homes: [HomeCounts]
    var loops: [(counts: LoopFanOut.Counts, subscribers: Int)]
    var server: GatewayMetrics.Counts
    var scans: Int
    var connections: Int
    var transports: Int
    var load: MachineLoad
    /// The resident bytes at which nobody new is taken; nil for no such mark.
    var memoryMark: Int?
    var isShedding: Bool
    var idempotencyKeys: Int
    var idempotencyKeysForgotten: Int
    var compressorBytes: Int
    var compressorsRefused: Int
    var certificateDaysLeft: Double?
    var isDraining: Bool
    /// How the store is; nil where there is none.
    var store: StoreStatus?

    /// Gathers them.
    static func gather(_ services: GatewayServices, on eventLoop: any EventLoop) -> EventLoopFuture<MetricsValues> {
        let homes = services.relay.homeCounts(on: eventLoop)
        let loops = services.relay.fanOutCounts(on: eventLoop)
        return homes.and(loops)
            .map { homes, loops in
                MetricsValues(
                    homes: homes,
                    loops: loops,
                    server: services.metrics.snapshot,
                    scans: services.relay.scans,
                    connections: services.connections.count,
                    transports: services.transports.current,
                    load: services.load.load,
                    memoryMark: services.load.memoryMark,
                    isShedding: services.load.isShedding,
                    idempotencyKeys: services.relay.idempotency.count,
                    idempotencyKeysForgotten: services.relay.idempotency.forgottenCount,
                    compressorBytes: services.relay.memory.usedBytes,
                    compressorsRefused: services.relay.memory.refusedCount,
                    certificateDaysLeft: services.certificateExpiry.daysLeft(now: WallTime.now().seconds),
                    isDraining: services.isDraining,
                    store: services.store?.status
                )
            }
    }
}
