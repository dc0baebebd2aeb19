import NIOCore
import SluiceBase
import SluiceWire

/// What the scans of one home share.
///
/// Loop-confined.
final class HomeContext {
    var configuration: RelayConfiguration
    let loops: Loops
    let memory: CompressionMemory
    /// The answers of requests that may be repeated, of all homes.
    let idempotency: IdempotencyBook
    /// Where scans outlive the process; nil for memory only.
    let store: (any ScanStore)?
    /// The log that several processes share; nil where there is none, and beside a store.
    let engine: (any ScanEngine)?
    /// What waits to be written to it, of all homes.
    let waitingBytes: WaitingBytes
    /// The time of day, by which what other processes wrote is dated.
    let wallClock: @Sendable () -> WallTime
    /// Hears of what becomes of scans.
    let observer: (any ScanObserver)?
    /// The loop that all of them live on.
    let eventLoop: any EventLoop
    /// Does work that would hold them up, on another thread.
    let packer: Relay.Worker
    var counts = HomeCounts()
    /// What may still be done in this turn of the loop.
    var turn = TurnBudget()
    /// Pages of catch-up that others may want, too, and those that are being made.
    var pages = PageCache()
    var desk = PageDesk<() -> Void>()
    private var isMakingPages = false
    /// Tells the home that a scan did something in this loop turn.
    var touch: (ScanHome) -> Void = { _ in }
    /// Tells the home that the store did not take what a scan handed over.
    var notStored: (ScanHome) -> Void = { _ in }
    private var nextGroup: UInt64
    private var generator = SystemRandomNumberGenerator()

    init(
        configuration: RelayConfiguration,
        loops: Loops,
        memory: CompressionMemory,
        idempotency: IdempotencyBook,
        store: (any ScanStore)?,
        engine: (any ScanEngine)?,
        waitingBytes: WaitingBytes,
        wallClock: @escaping @Sendable () -> WallTime,
        observer: (any ScanObserver)? = nil,
        packer: @escaping Relay.Worker,
        home: Int
    ) {
        self.configuration = configuration
        self.loops = loops
        self.memory = memory
        self.idempotency = idempotency
        self.store = store
        self.engine = engine
        self.waitingBytes = waitingBytes
        self.wallClock = wallClock
        self.observer = observer
        self.eventLoop = loops.eventLoops[home]
        self.packer = packer
        // The home's index in the high bits keeps the groups of all homes apart on the loops.
        self.nextGroup = UInt64(home) << 48
    }

    /// The frame rate for a subscriber that asks for one: never above that, nor above the configured one.
    ///
    /// 0 is without limit.
    func baseRate(_ asked: Double?) -> Double {
        let configured = self.configuration.maximumFramesPerSecond
        guard let asked, configured == 0 || asked < configured else {
            return configured
        }
        return FrameRate.shared(atMost: asked)
    }

    /// Begins with the pages that there is room for.
    func makePages() {
        // A page may be there at once, and the next one's turn comes then.
        guard !self.isMakingPages else {
            return
        }
        self.isMakingPages = true
        while let job = self.desk.next() {
            job()
        }
        self.isMakingPages = false
    }

    /// A life of a scan is over: its pages are dropped.
    func removePages(epoch: String) {
        self.pages.remove(epoch: epoch)
        self.desk.remove(epoch: epoch)
    }

    func makeGroupID() -> GroupID {
        self.nextGroup += 1
        return GroupID(self.nextGroup)
    }

    func makeEpoch() -> String {
        Position.makeEpoch(using: &self.generator)
    }
}
