import Logging
import NIOCore
internal import SluiceBase

/// All scans that live on one event loop.
///
/// Loop-confined.
package final class HomeLoop {
    /// A subscriber that waits for a scan to appear.
    private struct Waiter {
        var id: SubscriptionID
        var loop: Int
        var request: SubscriptionRequest
        var timeout: Scheduled<Void>
    }

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
    private var waiters: [ScanID: [Waiter]] = [:]
    /// The scans that did something in this loop turn.
    private var touched: [ScanHome] = []
    private var alarms: [ScanID: (at: NIODeadline, task: Scheduled<Void>)] = [:]

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
            for group in scan.groups.values {
                counts.conflatedMessages += group.group.counts.conflated
                counts.filteredMessages += group.group.counts.filtered
            }
        }
        return counts
    }

    /// Takes the messages of a request; the first ones create the scan.
    ///
    /// Fails with `RelayRefusal`. The promise is kept when the messages are stored, and they are relayed before.
    func ingest(_ request: IngestRequest, promise: EventLoopPromise<IngestReceipt>) {
        guard self.context.store?.isAvailable ?? true, request.stream.map({ !$0.isBroken }) ?? true else {
            request.stream?.breakOff()
            promise.fail(RelayRefusal.storageUnavailable)
            return
        }
        switch self.take(request) {
        case .failure(let refusal):
            request.stream?.breakOff()
            promise.fail(refusal)
        case .success(let receipt):
            self.store(request, receipt, promise)
        }
    }

    private func take(_ request: IngestRequest) -> Result<IngestReceipt, RelayRefusal> {
        let now = self.eventLoop.now
        guard let scan = self.scans[request.scanID] else {
            return self.ingestFirst(request, now: now)
        }
        return self.ingest(request, into: scan, now: now)
    }

    private func ingestFirst(_ request: IngestRequest, now: NIODeadline) -> Result<IngestReceipt, RelayRefusal> {
        guard !request.messages.isEmpty else {
            return .success(IngestReceipt(acceptedCount: 0, seqs: nil))
        }
        return self.create(request.scanID, at: request.at, now: now)
            .flatMap { self.ingest(request, into: $0, now: now) }
    }

    private func ingest(
        _ request: IngestRequest,
        into scan: ScanHome,
        now: NIODeadline
    ) -> Result<IngestReceipt, RelayRefusal> {
        if let owner = request.owner, let known = scan.owner, owner != known {
            return .failure(.ownerConflict)
        }
        if let store = self.context.store, scan.log.head.distance(to: store.maximumSeq) < request.messages.count {
            return .failure(.noMoreNumbers)
        }
        if let idempotency = request.idempotency {
            switch scan.idempotency.verdict(on: idempotency, now: now) {
            case .new:
                break
            case .known(let receipt):
                return .success(receipt)
            case .conflict:
                return .failure(.idempotencyConflict)
            }
        }
        scan.owner = scan.owner ?? request.owner
        if request.messages.isEmpty {
            scan.keepAlive(now: now)
        }
        let receipt = IngestReceipt(
            acceptedCount: request.messages.count,
            seqs: scan.post(request.messages, at: request.at, now: now)
        )
        if let idempotency = request.idempotency {
            scan.idempotency.remember(idempotency, receipt, now: now)
        }
        self.touch(scan)
        return .success(receipt)
    }

    /// Says who owns a scan and what it is called; whether it is new.
    ///
    /// Fails with `RelayRefusal`.
    func put(_ id: ScanID, owner: String?, name: String?, at: WallTime, promise: EventLoopPromise<ScanRegistration>) {
        guard self.context.store?.isAvailable ?? true else {
            promise.fail(RelayRefusal.storageUnavailable)
            return
        }
        switch self.take(id, owner: owner, name: name, at: at) {
        case .failure(let refusal):
            promise.fail(refusal)
        case .success(let registration):
            self.store(id, registration, promise)
        }
    }

    private func take(
        _ id: ScanID,
        owner: String?,
        name: String?,
        at: WallTime
    ) -> Result<ScanRegistration, RelayRefusal> {
        let now = self.eventLoop.now
        let known = self.scans[id]
        if let owner, let has = known?.owner, owner != has {
            return .failure(.ownerConflict)
        }
        return (known.map { .success($0) } ?? self.create(id, at: at, now: now))
            .map { scan in
                scan.owner = scan.owner ?? owner
                scan.name = name ?? scan.name
                self.touch(scan)
                return ScanRegistration(isNew: known == nil, owner: scan.owner, name: scan.name)
            }
    }

    /// Removes a scan, ends its subscriptions and erases its history; whether there was one.
    ///
    /// Fails with `RelayRefusal`.
    func delete(_ id: ScanID, promise: EventLoopPromise<Bool>) {
        guard self.context.store?.isAvailable ?? true else {
            promise.fail(RelayRefusal.storageUnavailable)
            return
        }
        let existed = self.scans[id] != nil || self.dormant[id] != nil
        if let scan = self.scans[id] {
            self.remove(scan, .scanDeleted)
        } else if self.dormant.removeValue(forKey: id) != nil {
            // Also one whose log cannot be read: nothing of it is needed any more.
            self.countRemoval()
        }
        self.erase(id, existed: existed, promise)
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
        let timeout = self.eventLoop.assumeIsolated()
            .scheduleTask(in: wait) {
                self.waitIsOver(id, loop: loop, request)
            }
        self.waiters[request.scanID, default: []]
            .append(
                Waiter(id: id, loop: loop, request: request, timeout: timeout)
            )
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

    func sendPage(to id: SubscriptionID, scanID: ScanID, loop: Int) {
        guard let scan = self.scans[scanID] else {
            return
        }
        scan.sendPage(to: id, loop: loop, now: self.eventLoop.now)
        self.touch(scan)
    }

    func change(_ id: SubscriptionID, scanID: ScanID, filter: TypeFilter?, framesPerSecond: Double?) -> Double? {
        guard let scan = self.scans[scanID] else {
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
        guard let index = self.waiters[scanID]?.firstIndex(where: { $0.id == id }),
            var request = self.waiters[scanID]?[index].request
        else {
            return nil
        }
        request.filter = filter ?? request.filter
        request.framesPerSecond = framesPerSecond ?? request.framesPerSecond
        self.waiters[scanID]?[index].request = request
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

    /// Everything that waits goes out now: the gateway is about to close its connections.
    func flush() {
        let now = self.eventLoop.now
        for scan in self.scans.values {
            for group in scan.groups.values {
                group.group.flush()
                scan.collect(group, now: now)
            }
            scan.endTurn(now: now)
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

    private func create(_ id: ScanID, at: WallTime, now: NIODeadline) -> Result<ScanHome, RelayRefusal> {
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
        for waiter in self.waiters.removeValue(forKey: id) ?? [] {
            waiter.timeout.cancel()
            scan.subscribe(waiter.id, loop: waiter.loop, waiter.request, now: now)
        }
        return .success(scan)
    }

    private func remove(_ scan: ScanHome, _ end: SubscriptionEnd) {
        scan.end(end, now: self.eventLoop.now)
        self.storeRemoval(of: scan)
        self.scans[scan.id] = nil
        self.alarms.removeValue(forKey: scan.id)?.task.cancel()
        self.countRemoval()
        scan.logger.info(
            "scan channel removed",
            metadata: ["reason": "\(end)", "messages": "\(scan.log.head)"]
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

    private func waitIsOver(_ id: SubscriptionID, loop: Int, _ request: SubscriptionRequest) {
        if self.removeWaiter(id, scanID: request.scanID) {
            self.refuse(id, loop: loop, request)
        }
    }

    @discardableResult
    private func removeWaiter(_ id: SubscriptionID, scanID: ScanID) -> Bool {
        guard let index = self.waiters[scanID]?.firstIndex(where: { $0.id == id }) else {
            return false
        }
        self.waiters[scanID]?[index].timeout.cancel()
        self.waiters[scanID]?.remove(at: index)
        if self.waiters[scanID]?.isEmpty ?? false {
            self.waiters[scanID] = nil
        }
        return true
    }

    /// The scan did something in this loop turn: at its end what was made goes out, once.
    func touch(_ scan: ScanHome) {
        guard !scan.isTouched else {
            return
        }
        scan.isTouched = true
        self.touched.append(scan)
        guard self.touched.count == 1 else {
            return
        }
        self.eventLoop.assumeIsolated()
            .execute {
                let touched = self.touched
                self.touched = []
                let now = self.eventLoop.now
                for scan in touched {
                    scan.isTouched = false
                    // It may have been removed since.
                    guard self.scans[scan.id] === scan else {
                        continue
                    }
                    scan.endTurn(now: now)
                    self.setAlarm(scan)
                }
            }
    }

    /// One alarm for each scan, set again only when it has to ring earlier: one that rings too soon is set anew then.
    private func setAlarm(_ scan: ScanHome) {
        let deadline = scan.deadline
        if let alarm = self.alarms[scan.id] {
            guard deadline < alarm.at else {
                return
            }
            alarm.task.cancel()
        }
        let id = scan.id
        let task = self.eventLoop.assumeIsolated()
            .scheduleTask(deadline: deadline) {
                self.alarmRang(id)
            }
        self.alarms[id] = (deadline, task)
    }

    private func alarmRang(_ id: ScanID) {
        self.alarms[id] = nil
        guard let scan = self.scans[id] else {
            return
        }
        switch scan.tick(now: self.eventLoop.now) {
        case .completed:
            self.remove(scan, .scanCompleted)
        case .idle:
            self.remove(scan, .scanIdle)
        case nil:
            self.setAlarm(scan)
        }
    }
}
