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
    /// The remembered answers to repeatable requests, of all homes.
    let idempotency: IdempotencyBook
    /// Keeps scans beyond the life of the process; nil for memory only.
    let store: (any ScanStore)?
    let hasStore: Bool
    /// The log that several processes share; nil without one, and always nil beside a store.
    let engine: (any ScanEngine)?
    /// Whether there is one: asked for each request, where looking at the engine itself would count it up and down.
    let hasEngine: Bool
    /// The bytes that wait to be written to the engine, of all homes.
    let waitingBytes: WaitingBytes
    /// The wall clock, against which times written by other processes are read.
    let wallClock: @Sendable () -> WallTime
    /// Receives the events of scans.
    let observer: (any ScanObserver)?
    /// Which of the homes it is.
    let home: Int
    /// The loop of this home.
    let eventLoop: any EventLoop
    /// Runs work on another thread that would take too long on the loop.
    let packer: Relay.Worker
    var counts = HomeCounts()
    /// The work left for this turn of the loop.
    var turn = TurnBudget()
    /// Recently encoded pages of catch-up, and the pages being made.
    var pages = PageCache()
    var desk = PageDesk<() -> Void>()
    private var isMakingPages = false
    /// Tells the home that a scan did something in this turn of the loop.
    var touch: (ScanHome) -> Void = { _ in }
    /// Tells the home that the store refused what a scan handed over.
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
        self.home = home
        self.loops = loops
        self.memory = memory
        self.idempotency = idempotency
        self.store = store
        self.engine = engine
        self.hasEngine = engine != nil
        self.hasStore = store != nil
        self.waitingBytes = waitingBytes
        self.wallClock = wallClock
        self.observer = observer
        self.eventLoop = loops.eventLoops[home]
        self.packer = packer
        // The home's index in the high bits keeps the group ids of all homes apart on the loops.
        self.nextGroup = UInt64(home) << 48
    }

    /// The frame rate of a subscriber, in frames a second: what it asks for, limited by the configured maximum.
    ///
    /// 0 is without limit.
    func baseRate(_ asked: Double?) -> Double {
        let configured = self.configuration.maximumFramesPerSecond
        guard let asked, configured == 0 || asked < configured else {
            return configured
        }
        return FrameRate.shared(atMost: asked)
    }

    /// Starts the pages that there is room for.
    func makePages() {
        // A page may be finished at once, which calls this again; the outer loop takes the next one.
        guard !self.isMakingPages else {
            return
        }
        self.isMakingPages = true
        while let job = self.desk.next() {
            job()
        }
        self.isMakingPages = false
    }

    /// Drops the pages of a life of a scan that is over.
    func removePages(epoch: String) {
        self.pages.remove(epoch: epoch)
        self.desk.remove(epoch: epoch)
    }

    /// Whether what is numbered now can be stored, where it is to be.
    var mayStore: Bool { !self.hasStore || self.store?.isAvailable ?? true }

    func makeGroupID() -> GroupID {
        self.nextGroup += 1
        return GroupID(self.nextGroup)
    }

    func makeEpoch() -> String {
        Position.makeEpoch(using: &self.generator)
    }
}
