package import NIOCore
package import SluiceBase

/// Where scans outlive the process.
///
/// The relay hands over numbered messages, once for each request, and never waits: every answer comes by promise.
/// Writes take effect in the order in which they were handed over; a read sees every write whose promise was kept
/// before it was asked for. The store decides which messages it keeps and how long; ``StoredPage/lostThrough`` reports
/// messages that are gone. A read that fails gives the reason by ``RelayRefusal``: `scanNotFound` if the store does not
/// know the log, `storageDamaged` if the failure is permanent, and any other error if trying again may help.
package protocol ScanStore: Sendable {
    /// Whether a write handed over now would be taken: the store works, and not too much waits.
    var isAvailable: Bool { get }
    /// How the store is, for the metrics.
    var status: StoreStatus { get }

    /// The scans of an earlier process whose channel still exists; called once, before anything else. Blocks.
    ///
    /// Their logs are read at the first request for them.
    ///
    /// - Throws: The reason why it fails, in words for the operator.
    func restore() throws -> [StoredScan]

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

    /// Takes a write of a scan's home.
    ///
    /// The promise is kept when the write is as durable as configured, and fails if it will not be.
    func write(_ write: StoreWrite, promise: EventLoopPromise<Void>?)

    /// Forgets every life of a scan; whether there was one.
    func erase(_ id: ScanID, promise: EventLoopPromise<Bool>)

    /// The part of a log that memory needs to continue it.
    func load(_ life: Int64, history: RelayConfiguration.History, promise: EventLoopPromise<StoredLog>)

    /// One page of a log.
    func read(_ request: StoredPageRequest, promise: EventLoopPromise<StoredPage>)

    /// The newest life of a scan, whether its channel is still there or not.
    func find(_ id: ScanID, promise: EventLoopPromise<StoredScan?>)

    /// Everything that was handed over is written; then nothing more is taken. Blocks.
    func close()
}

/// The stretch of a stored log that a reader wants, and the messages in it.
package struct StoredPageRequest: Sendable {
    /// The life that a store knows the log by; 0 where it is named beside the request.
    package var life: Int64
    package var stretch: LogStretch
    /// The reader's filter; the store looks at a bounded number of messages that do not pass, so a page may end empty.
    package var selection: MessageSelection
    package var maximumCount: Int
    /// The bytes after which the page ends; it holds at least one message if one was found.
    package var maximumBytes: Int

    package init(
        life: Int64 = 0,
        stretch: LogStretch,
        selection: MessageSelection = .everything,
        maximumCount: Int,
        maximumBytes: Int
    ) {
        self.life = life
        self.stretch = stretch
        self.selection = selection
        self.maximumCount = maximumCount
        self.maximumBytes = maximumBytes
    }
}

/// The answer of a store for one stretch of a log.
package struct StoredPage: Sendable {
    /// The messages that pass, in the order in which the stretch is read.
    package var entries: [LogEntry]
    /// How far it came: everything of the stretch up to this seq, or in descending order everything after it, is in
    /// `entries`, did not pass, is superseded or gone.
    package var through: Seq
    /// Ordinary messages at or before this seq that are not in `entries` are gone.
    package var lostThrough: Seq
    /// How many messages of the stretch are there and cannot be shown.
    package var damagedCount = 0

    package init(entries: [LogEntry], through: Seq, lostThrough: Seq) {
        self.entries = entries
        self.through = through
        self.lostThrough = lostThrough
    }
}

/// How a store is.
package struct StoreStatus: Sendable, Equatable {
    /// The store's fault, in words for the operator; nil while it works.
    package var failure: String?
    /// Why stored data cannot be read, as long as it cannot; writes may still work.
    package var readFailure: String?
    /// Bytes of its files.
    package var diskBytes = 0
    /// Writes handed over that are not durable yet, and the bytes of their messages.
    package var waitingWrites = 0
    package var waitingBytes = 0
    /// Messages made durable since the start.
    package var storedMessages = 0
    /// Groups of writes made durable since the start.
    package var commits = 0
    /// How long each of them took, in seconds.
    package var commitTimes = Histogram(bounds: Histogram.timeBounds)
    /// Writes that failed since the start.
    package var failedWrites = 0
    /// Reads that failed since the start.
    package var failedReads = 0
    /// Messages found damaged when read since the start.
    package var damagedMessages = 0
    /// Messages that retention removed since the start.
    package var expiredMessages = 0

    /// How often the log could not be cut off, because another process reads, since the start.
    package var busyCheckpoints = 0
    /// How often the time of day was set by more than a minute since the start.
    package var clockSteps = 0

    /// Whether both writes and reads work.
    package var isUp: Bool { self.failure == nil && self.readFailure == nil }

    package init() {}
}
