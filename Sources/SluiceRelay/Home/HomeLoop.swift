import DequeModule
import Logging
import NIOCore
internal import SluiceBase

/// All scans that live on one event loop.
///
/// Loop-confined.
package final class HomeLoop {
    /// The target of an alarm.
    enum Alarm: Hashable {
        case scan(ScanID)
        case waiter(ScanID, SubscriptionID)
        /// It is this process's turn to write to a scan of a shared log.
        case turn(ScanID)
    }

    /// A place taken for a new scan, and where that scan starts.
    struct Vacancy {
        var standing: ScanStanding
        /// The id of the log's life in the store; nil without a store.
        var life: Int64?
    }

    /// The most waiters that are admitted to a scan in one turn of the loop.
    private static let admittedCount = 256

    let context: HomeContext
    let eventLoop: any EventLoop
    let scanCount: ScanCount
    let author: ScanAuthor
    let logger: Logger
    /// What the home knows of each scan.
    var presence: [ScanID: ScanPresence] = [:]
    /// The scans of a shared log that are followed; without an engine there are none.
    var followed: [ScanID: FollowedScan] = [:]
    /// Whether the engine has been away for too long, since when, and which subscribers are still to be closed.
    var isCutOff = false
    var cutOffAt: NIODeadline?
    var closing: [(ScanID, SubscriptionID)] = []
    var closingCount = 0
    /// Subscribers that saw more of a scan than its log's leader knows, and how they wait for that.
    var ahead: [SubscriptionID: AheadWait] = [:]
    /// Scans of which the store did not take something; one whose channel is gone stands here until it has.
    var unsettled: [ObjectIdentifier: ScanHome] = [:]
    /// Whether a time is set at which they are looked at.
    var isSettling = false
    /// The scans with a record that is half applied, in the order in which they go on.
    var openScans: Deque<LiveScan> = []
    /// Whether a turn is set in which they go on.
    var isGoingOn = false
    /// The scans that did something in this loop turn.
    var touched: [ScanHome] = []
    /// Those of the turn that is being ended.
    var ending: [ScanHome] = []
    /// When scans and waiters have something to do, and the one timer that is set for all of them.
    var alarms = DeadlineHeap<Alarm>()
    var clock: (at: NIODeadline, task: Scheduled<Void>?)?

    init(eventLoop: any EventLoop, context: HomeContext, scanCount: ScanCount, logger: Logger) {
        self.eventLoop = eventLoop
        self.context = context
        self.scanCount = scanCount
        self.author = ScanAuthor(answers: context.idempotency, maximumSeq: context.store?.maximumSeq ?? .max)
        self.logger = logger
        context.touch = { [unowned self] in self.touch($0) }
        context.notStored = { [unowned self] in self.notStored($0) }
    }

    /// The counts of the home's scans.
    package var counts: HomeCounts {
        var counts = self.context.counts
        for scan in self.scans {
            scan.gauge(&counts)
            for group in scan.index.all.values {
                group.group.passOver(through: scan.log.head)
                counts.conflatedMessages += group.group.counts.conflated
                counts.filteredMessages += group.group.counts.filtered
            }
        }
        return counts
    }

    var scans: [ScanHome] {
        self.presence.values.compactMap { presence in
            if case .live(let live) = presence { live.scan } else { nil }
        }
    }

    /// A scan that is in memory, with the commands that wait for it.
    func live(_ id: ScanID) -> LiveScan? {
        if case .live(let live)? = self.presence[id] { live } else { nil }
    }

    /// Starts a subscription, unless the scan's log could not be read.
    ///
    /// With `hasAsked` everything that the leader of a shared log knows of the scan has been read.
    func subscribe(
        _ id: SubscriptionID,
        loop: Int,
        _ request: SubscriptionRequest,
        hasAsked: Bool = false,
        refusal: RelayRefusal?
    ) {
        guard refusal == nil else {
            self.ahead[id] = nil
            self.context.loops.run(on: loop) { $0.end(id, .storageUnavailable) }
            return
        }
        if self.context.engine != nil,
            hasAsked
                ? self.waitsAgain(id, loop: loop, request)
                : self.waits(for: request, { self.subscribe(id, loop: loop, request, hasAsked: true, refusal: $0) })
        {
            return
        }
        self.ahead[id] = nil
        if let scan = self.live(request.scanID)?.scan {
            scan.subscribe(id, loop: loop, request, now: self.eventLoop.now)
            self.touch(scan)
            return
        }
        guard let wait = request.wait, wait > .zero else {
            self.refuse(id, loop: loop, request)
            return
        }
        let list = self.waiters(of: request.scanID) ?? WaiterList()
        list.waiters[id] = WaiterList.Waiter(loop: loop, request: request)
        self.presence[request.scanID] = .awaited(list)
        self.alarms.set(.waiter(request.scanID, id), at: self.eventLoop.now + wait)
        self.setClock()
    }

    func unsubscribe(_ id: SubscriptionID, scanID: ScanID) {
        self.ahead[id] = nil
        self.live(scanID)?.scan.unsubscribe(id)
        self.removeWaiter(id, scanID: scanID)
    }

    func fellBehind(_ id: SubscriptionID, scanID: ScanID, cursor: Seq, generation: Int, knowsStall: Bool) {
        self.live(scanID)?.scan
            .fellBehind(id, cursor: cursor, generation: generation, knowsStall: knowsStall)
    }

    func sendPage(to id: SubscriptionID, scanID: ScanID, loop: Int, room: Int) {
        guard let scan = self.live(scanID)?.scan else {
            return
        }
        scan.sendPage(to: id, loop: loop, room: room, now: self.eventLoop.now)
        self.touch(scan)
    }

    func change(_ id: SubscriptionID, scanID: ScanID, filter: TypeFilter?, framesPerSecond: Double?) -> Double? {
        if let list = self.waiters(of: scanID), var request = list.waiters[id]?.request {
            request.filter = filter ?? request.filter
            request.framesPerSecond = framesPerSecond ?? request.framesPerSecond
            list.waiters[id]?.request = request
            return self.context.baseRate(request.framesPerSecond)
        }
        guard let scan = self.live(scanID)?.scan else {
            return nil
        }
        defer { self.touch(scan) }
        return scan.change(id, filter: filter, framesPerSecond: framesPerSecond, now: self.eventLoop.now)
    }

    func report(on id: SubscriptionID, scanID: ScanID) -> SubscriptionReport? {
        self.live(scanID)?.scan.report(on: id)
    }

    /// Applies a new configuration.
    ///
    /// A subscription keeps its framing, and its definition of lag.
    func reconfigure(_ configuration: RelayConfiguration) {
        self.context.configuration = configuration
        for (id, presence) in self.presence {
            switch presence {
            case .awaited:
                break
            case .dormant(let dormant):
                dormant.lifecycle.reconfigure(configuration)
                self.alarms.set(.scan(id), at: dormant.lifecycle.deadline)
            case .loading(let loading):
                loading.dormant.lifecycle.reconfigure(configuration)
            case .live(let live):
                live.scan.reconfigure(now: self.eventLoop.now)
                self.touch(live.scan)
            }
        }
        self.setClock()
    }

    func state(of id: ScanID) -> ScanState? {
        self.live(id)
            .map { live in
                ScanState(
                    summary: self.summary(of: live.scan, now: self.eventLoop.now),
                    epoch: live.scan.log.epoch,
                    seq: live.scan.log.head,
                    latest: live.scan.log.latest
                )
            }
    }

    /// Takes a place for a new scan; nil where there is none.
    func takePlace(for id: ScanID) -> Vacancy? {
        guard self.scanCount.takeOne(limit: self.context.configuration.maximumScanCount) else {
            return nil
        }
        var life: Int64?
        if let store = self.context.store {
            life = store.makeLife()
            guard life != nil else {
                self.scanCount.giveBackOne()
                self.logger(of: id)
                    .warning("no scan created: the storage has no room for another one's numbers")
                return nil
            }
        }
        return Vacancy(standing: ScanStanding(opening: self.context.makeEpoch()), life: life)
    }

    /// Counts a scan of a shared log, which is never turned away, however many there are.
    func takePlaceForKnown() {
        _ = self.scanCount.takeOne(limit: .max)
    }

    func giveBackPlace() {
        self.scanCount.giveBackOne()
    }

    /// Gives back a place that is not needed after all.
    func giveBack(_ vacancy: Vacancy?) {
        if vacancy != nil {
            self.scanCount.giveBackOne()
        }
    }

    /// Creates the scan that a record opens, in a place taken for it.
    func open(_ id: ScanID, _ opening: LogRecord, life: Int64?, now: NIODeadline) -> LiveScan {
        var ledger: StoreLedger?
        if let store = self.context.store, let life {
            ledger = StoreLedger(store: store, life: life)
        }
        let logger = self.logger(of: id)
        let scan = ScanHome(id, opening: opening, ledger: ledger, context: self.context, logger: logger, now: now)
        let live = LiveScan(scan, waiters: self.waiters(of: id))
        self.presence[id] = .live(live)
        logger.info("scan channel created", metadata: ["epoch": "\(scan.log.epoch)"])
        if let waiters = live.waiters?.waiters.keys {
            // In order of arrival, which is the order of their numbers.
            self.admit(waiters.sorted { $0.number < $1.number }[...], to: live, now: now)
        }
        return live
    }

    /// Forgets a scan and frees its place; waiters that were not admitted keep waiting.
    func forget(_ id: ScanID, waiters: WaiterList? = nil) {
        self.live(id)?.scan.isRemoved = true
        self.presence[id] = waiters.map { .awaited($0) }
        self.alarms.remove(.scan(id))
        self.scanCount.giveBackOne()
        self.context.counts.removedScans += 1
    }

    private func refuse(_ id: SubscriptionID, loop: Int, _ request: SubscriptionRequest) {
        var frames = OutgoingFrames(after: 0)
        frames.frameCount = 1
        FrameEncoder(form: request.form, scanID: request.scanID, epoch: "")
            .encode(.scanNotFound(id: request.requestID), into: &frames.plain)
        let written = frames
        self.context.loops.run(on: loop) { fanOut in
            fanOut.write(written, to: id, generation: 0)
            fanOut.end(id, .scanNotFound)
        }
    }

    /// Admits the subscribers that waited for a scan: they follow it from its beginning, some in each turn of the loop.
    private func admit(_ waiting: ArraySlice<SubscriptionID>, to live: LiveScan, now: NIODeadline) {
        let scan = live.scan
        for id in waiting.prefix(Self.admittedCount) {
            // A subscriber that left meanwhile is skipped.
            if let waiter = self.removeWaiter(id, scanID: scan.id) {
                scan.subscribe(id, loop: waiter.loop, waiter.request, isAwaited: true, now: now)
            }
        }
        self.touch(scan)
        let rest = waiting.dropFirst(Self.admittedCount)
        guard !rest.isEmpty else {
            return
        }
        self.eventLoop.nextTurn {
            // If the scan is gone, they keep waiting until their time is over or a scan of that name opens.
            if self.live(scan.id) === live {
                self.admit(rest, to: live, now: self.eventLoop.now)
            }
        }
    }

    func waitIsOver(_ id: SubscriptionID, scanID: ScanID) {
        guard self.live(scanID) == nil else {
            // It is about to be admitted.
            self.alarms.set(.waiter(scanID, id), at: self.eventLoop.now + .seconds(1))
            return
        }
        if let waiter = self.removeWaiter(id, scanID: scanID) {
            self.refuse(id, loop: waiter.loop, waiter.request)
        }
    }

    /// The subscribers that wait for a scan, or waited for it and are not admitted yet.
    private func waiters(of id: ScanID) -> WaiterList? {
        switch self.presence[id] {
        case .awaited(let list): list
        case .live(let live): live.waiters
        case .dormant, .loading, nil: nil
        }
    }

    func waiter(_ id: SubscriptionID, scanID: ScanID) -> WaiterList.Waiter? {
        self.waiters(of: scanID)?.waiters[id]
    }

    @discardableResult
    private func removeWaiter(_ id: SubscriptionID, scanID: ScanID) -> WaiterList.Waiter? {
        guard let list = self.waiters(of: scanID), let waiter = list.waiters.removeValue(forKey: id) else {
            return nil
        }
        if list.waiters.isEmpty {
            if let live = self.live(scanID) {
                live.waiters = nil
            } else {
                self.presence[scanID] = nil
            }
        }
        self.alarms.remove(.waiter(scanID, id))
        return waiter
    }
}
