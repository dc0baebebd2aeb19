import DequeModule
import Logging
import NIOCore
internal import SluiceBase

/// All scans that live on one event loop.
///
/// Loop-confined.
package final class HomeLoop {
    /// A subscriber that waits for a scan to appear.
    struct Waiter {
        var loop: Int
        var request: SubscriptionRequest
    }

    /// Who is woken when its time comes.
    enum Alarm: Hashable {
        case scan(ScanID)
        case waiter(ScanID, SubscriptionID)
    }

    /// The most waiters that are admitted to a scan in one turn of the loop.
    private static let admittedCount = 256

    let context: HomeContext
    let eventLoop: any EventLoop
    private let scanCount: ScanCount
    let logger: Logger
    var scans: [ScanID: ScanHome] = [:]
    /// Scans of an earlier process that nobody has asked for yet.
    var dormant: [ScanID: DormantScan] = [:]
    /// What waits for a dormant scan's log.
    var loading: [ScanID: [(RelayRefusal?) -> Void]] = [:]
    /// Scans of which the store did not take something; one whose channel is gone stands here until it has.
    var unsettled: [ObjectIdentifier: ScanHome] = [:]
    /// Whether a time is set at which they are looked at.
    var isSettling = false
    private var waiters: [ScanID: [SubscriptionID: Waiter]] = [:]
    /// Requests that are half taken, by their scans, and in the order in which they go on.
    var openRequests: [ScanID: OpenRequest] = [:]
    var openScans: Deque<ScanID> = []
    /// The scans that did something in this loop turn.
    var touched: [ScanHome] = []
    /// When scans and waiters have something to do, and the one timer that is set for all of them.
    var alarms = DeadlineHeap<Alarm>()
    var clock: (at: NIODeadline, task: Scheduled<Void>?)?

    init(eventLoop: any EventLoop, context: HomeContext, scanCount: ScanCount, logger: Logger) {
        self.eventLoop = eventLoop
        self.context = context
        self.scanCount = scanCount
        self.logger = logger
        context.touch = { [unowned self] in self.touch($0) }
        context.notStored = { [unowned self] in self.notStored($0) }
    }

    /// What the home's scans did.
    package var counts: HomeCounts {
        var counts = self.context.counts
        for scan in self.scans.values {
            scan.gauge(&counts)
            for group in scan.index.all.values {
                group.group.passOver(through: scan.log.head)
                counts.conflatedMessages += group.group.counts.conflated
                counts.filteredMessages += group.group.counts.filtered
            }
        }
        return counts
    }

    /// A subscription begins, unless the scan's log could not be read.
    func subscribe(_ id: SubscriptionID, loop: Int, _ request: SubscriptionRequest, refusal: RelayRefusal?) {
        guard refusal == nil else {
            self.context.loops.run(on: loop) { $0.end(id, .storageUnavailable) }
            return
        }
        if let scan = self.scans[request.scanID] {
            scan.subscribe(id, loop: loop, request, now: self.eventLoop.now)
            self.touch(scan)
            return
        }
        guard let wait = request.wait, wait > .zero else {
            self.refuse(id, loop: loop, request)
            return
        }
        self.waiters[request.scanID, default: [:]][id] = Waiter(loop: loop, request: request)
        self.alarms.set(.waiter(request.scanID, id), at: self.eventLoop.now + wait)
        self.setClock()
    }

    func unsubscribe(_ id: SubscriptionID, scanID: ScanID) {
        if let scan = self.scans[scanID] {
            scan.unsubscribe(id)
        }
        self.removeWaiter(id, scanID: scanID)
    }

    func fellBehind(_ id: SubscriptionID, scanID: ScanID, cursor: Seq, generation: Int, knowsStall: Bool) {
        self.scans[scanID]?.fellBehind(id, cursor: cursor, generation: generation, knowsStall: knowsStall)
    }

    func sendPage(to id: SubscriptionID, scanID: ScanID, loop: Int, room: Int) {
        guard let scan = self.scans[scanID] else {
            return
        }
        scan.sendPage(to: id, loop: loop, room: room, now: self.eventLoop.now)
        self.touch(scan)
    }

    func change(_ id: SubscriptionID, scanID: ScanID, filter: TypeFilter?, framesPerSecond: Double?) -> Double? {
        guard let scan = self.scans[scanID], self.waiters[scanID]?[id] == nil else {
            return self.changeWaiter(id, scanID: scanID, filter: filter, framesPerSecond: framesPerSecond)
        }
        defer { self.touch(scan) }
        return scan.change(id, filter: filter, framesPerSecond: framesPerSecond, now: self.eventLoop.now)
    }

    /// Changes what a subscriber will want of the scan that it waits for.
    private func changeWaiter(
        _ id: SubscriptionID,
        scanID: ScanID,
        filter: TypeFilter?,
        framesPerSecond: Double?
    ) -> Double? {
        guard var request = self.waiters[scanID]?[id]?.request else {
            return nil
        }
        request.filter = filter ?? request.filter
        request.framesPerSecond = framesPerSecond ?? request.framesPerSecond
        self.waiters[scanID]?[id]?.request = request
        return self.context.baseRate(request.framesPerSecond)
    }

    func report(on id: SubscriptionID, scanID: ScanID) -> SubscriptionReport? {
        self.scans[scanID]?.report(on: id)
    }

    /// New values from the operator.
    ///
    /// A subscription keeps its framing, and what counts as lagging.
    func reconfigure(_ configuration: RelayConfiguration) {
        self.context.configuration = configuration
        for scan in self.scans.values {
            scan.reconfigure(now: self.eventLoop.now)
            self.touch(scan)
        }
    }

    func state(of id: ScanID) -> ScanState? {
        self.scans[id]
            .map { scan in
                ScanState(
                    summary: self.summary(of: scan, now: self.eventLoop.now),
                    epoch: scan.log.epoch,
                    seq: scan.log.head,
                    latest: scan.log.latest
                )
            }
    }

    func create(_ id: ScanID, at: WallTime, now: NIODeadline) -> Result<ScanHome, RelayRefusal> {
        guard self.scanCount.takeOne(limit: self.context.configuration.maximumScanCount) else {
            return .failure(.tooManyScans)
        }
        let logger = self.logger(of: id)
        var record: ScanRecord?
        if let store = self.context.store {
            guard let life = store.makeLife() else {
                self.scanCount.giveBackOne()
                logger.warning("no scan created: the storage has no room for another one's numbers")
                return .failure(.tooManyScans)
            }
            record = ScanRecord(store: store, life: life)
        }
        let scan = ScanHome(id: id, record: record, context: self.context, logger: logger, at: at, now: now)
        self.scans[id] = scan
        logger.info("scan channel created", metadata: ["epoch": "\(scan.log.epoch)"])
        // In the order in which they came, which is that of their numbers.
        if let waiters = self.waiters[id] {
            self.admit(waiters.keys.sorted { $0.number < $1.number }[...], to: scan, now: now)
        }
        return .success(scan)
    }

    func remove(_ scan: ScanHome, _ end: SubscriptionEnd) {
        scan.end(end, now: self.eventLoop.now)
        self.storeRemoval(of: scan)
        self.scans[scan.id] = nil
        self.alarms.remove(.scan(scan.id))
        self.countRemoval()
        scan.logger.info(
            "scan channel removed",
            metadata: ["reason": "\(end)", "messages": .stringConvertible(scan.log.head.rawValue)]
        )
    }

    /// A scan's place is free again.
    func countRemoval() {
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

    /// The scan that subscribers waited for is there: they follow it from its beginning, some in each turn of the loop.
    private func admit(_ waiting: ArraySlice<SubscriptionID>, to scan: ScanHome, now: NIODeadline) {
        for id in waiting.prefix(Self.admittedCount) {
            // One that left meanwhile is no longer there.
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
            // Where the scan is gone, they wait on, for as long as they said or for the next of its name.
            if self.scans[scan.id] === scan {
                self.admit(rest, to: scan, now: self.eventLoop.now)
            }
        }
    }

    func waitIsOver(_ id: SubscriptionID, scanID: ScanID) {
        guard self.scans[scanID] == nil else {
            // It is about to be admitted.
            self.alarms.set(.waiter(scanID, id), at: self.eventLoop.now + .seconds(1))
            return
        }
        if let waiter = self.removeWaiter(id, scanID: scanID) {
            self.refuse(id, loop: waiter.loop, waiter.request)
        }
    }

    @discardableResult
    private func removeWaiter(_ id: SubscriptionID, scanID: ScanID) -> Waiter? {
        guard let waiter = self.waiters[scanID]?.removeValue(forKey: id) else {
            return nil
        }
        if self.waiters[scanID]?.isEmpty ?? false {
            self.waiters[scanID] = nil
        }
        self.alarms.remove(.waiter(scanID, id))
        return waiter
    }
}
