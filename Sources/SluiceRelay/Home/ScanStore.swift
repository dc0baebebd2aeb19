package import NIOCore
package import SluiceBase

/// Where scans outlive the process.
///
/// The relay hands over what it has numbered, once for each request, and never waits: every answer comes by promise.
/// Writes take effect in the order in which they were handed over; a read sees every write whose promise was kept
/// before it was asked for. What to keep for how long is the store's own business; what it no longer has it says by
/// ``StoredPage/lostThrough``. A read that fails says why by ``RelayRefusal``: `scanNotFound` where the store knows
/// nothing of the log, `storageDamaged` where trying again is of no use, and anything else where it may be.
package protocol ScanStore: Sendable {
    /// Whether a write handed over now would be taken: the store works, and not too much waits.
    var isAvailable: Bool { get }
    /// How the store is, for the metrics.
    var status: StoreStatus { get }

    /// What an earlier process left; called once, before anything else. Blocks.
    ///
    /// - Throws: What stands in the way, in words for the operator.
    func restore() throws -> StoreIndex

    /// The greatest number that a message may have.
    var maximumSeq: Seq { get }

    /// A number for a new life of a scan's log, never given before; nil where there is no room for another one.
    ///
    /// Must not block.
    func makeLife() -> Int64?

    /// A log is about to show messages up to this number; after a crash no other message may have one of them.
    ///
    /// Called once for each request, before anything of it is sent. Must not block.
    func numbered(_ life: Int64, through head: Seq)

    /// Up to where ordinary messages of a log are gone for good.
    func lostThrough(_ life: Int64) -> Seq

    /// Takes what a scan's home hands over.
    ///
    /// The promise is kept when it is as durable as the store is told to be, and fails if it will not be.
    func write(_ write: StoreWrite, promise: EventLoopPromise<Void>?)

    /// Takes a revocation; it is kept as long as it says.
    func write(_ revocation: StoredRevocation, promise: EventLoopPromise<Void>?)

    /// Forgets every life of a scan; whether there was one.
    func erase(_ id: ScanID, promise: EventLoopPromise<Bool>)

    /// What memory needs of a log to go on with it.
    func load(_ life: Int64, history: RelayConfiguration.History, promise: EventLoopPromise<StoredLog>)

    /// One page of a log.
    func read(_ request: StoredPageRequest, promise: EventLoopPromise<StoredPage>)

    /// The newest life of a scan, whether its channel is still there or not.
    func find(_ id: ScanID, promise: EventLoopPromise<StoredScan?>)

    /// Everything that was handed over is written; then nothing more is taken. Blocks.
    func close()
}
