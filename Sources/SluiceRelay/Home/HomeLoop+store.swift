import Logging
import NIOCore
internal import SluiceBase

extension HomeLoop {
    /// How often scans with unstored changes are retried, and the shortest time that dormant scans are kept.
    private static let sweepInterval = TimeAmount.seconds(1)
    /// The most scans that are retried at a time.
    private static let settledCount = 200

    /// Adopts the scans that an earlier process left; each already has its place in the count.
    func adopt(_ scans: [StoredScan]) {
        let now = self.eventLoop.now
        for scan in scans {
            let dormant = DormantScan(
                scan: scan,
                lifecycle: ScanLifecycle(resuming: scan.ages, configuration: self.context.configuration, now: now)
            )
            self.presence[scan.header.id] = .dormant(dormant)
            self.alarms.set(
                .scan(scan.header.id),
                at: max(dormant.lifecycle.deadline, now + Self.sweepInterval)
            )
        }
        self.setClock()
    }

    /// Runs a command once the scan's log is in memory, or at once where there is no scan; only a dormant scan has to
    /// be loaded.
    ///
    /// Commands keep their order.
    ///
    /// With `follows` a scan of a shared log that is not followed is opened for the command.
    func whenLoaded(_ id: ScanID, follows: Bool = true, _ command: @escaping (RelayRefusal?) -> Void) {
        if let engine = self.context.engine {
            self.whenOpen(id, engine, follows: follows, command)
            return
        }
        switch self.presence[id] {
        case .live(let live):
            if let loading = live.loading {
                loading.commands.append(command)
            } else {
                command(nil)
            }
        case .awaited, nil:
            command(nil)
        case .loading(let loading):
            loading.commands.append(command)
        case .dormant(let dormant):
            guard let store = self.context.store else {
                command(nil)
                return
            }
            let loading = LoadingScan(dormant, command)
            self.presence[id] = .loading(loading)
            let promise = self.eventLoop.makePromise(of: StoredLog.self)
            promise.futureResult.assumeIsolated()
                .whenComplete { result in
                    self.loaded(loading, result)
                }
            store.load(dormant.scan.life, history: self.context.configuration.history, promise: promise)
        }
    }

    private func loaded(_ loading: LoadingScan, _ result: Result<StoredLog, any Error>) {
        let dormant = loading.dormant
        let id = dormant.scan.header.id
        let logger = self.logger(of: id)
        var refusal: RelayRefusal?
        var live: LiveScan?
        switch result {
        case .success(let stored):
            let scan = ScanHome(dormant, stored, context: self.context, logger: logger, now: self.eventLoop.now)
            let loaded = LiveScan(scan)
            loaded.loading = loading
            live = loaded
            self.presence[id] = .live(loaded)
            self.touch(scan)
        case .failure(RelayRefusal.scanNotFound):
            // The file was replaced after it was listed: the scan is lost, and its name is free.
            logger.warning("scan no longer in storage")
            self.forget(id)
        case .failure(let error):
            logger.error("scan not read from storage", metadata: ["error": "\(error)"])
            self.presence[id] = .dormant(dormant)
            self.alarms.set(.scan(id), at: dormant.lifecycle.deadline)
            self.setClock()
            refusal = .storageUnavailable
        }
        // An answer may bring another command, which has its turn behind those that wait.
        var next = 0
        while next < loading.commands.count {
            let command = loading.commands[next]
            next += 1
            command(refusal)
        }
        loading.commands = []
        live?.loading = nil
    }

    /// Hands the store what a request brought; the outcome follows its answer.
    func store(_ request: IngestRequest, _ receipt: IngestReceipt, of scan: ScanHome?) -> IngestOutcome {
        guard let scan, let ledger = scan.ledger else {
            return .taken(receipt)
        }
        if receipt.isReplayed, receipt.seqs.map({ $0.upperBound <= ledger.storedThrough }) ?? true {
            return .taken(receipt)
        }
        let answer = request.idempotency.map { idempotency in
            var first = receipt
            first.isReplayed = false
            return StoredAnswer(request: idempotency, receipt: first, age: .zero)
        }
        let stored = scan.store(answer: answer, isHeard: true)
        let refusal: RelayRefusal = receipt.seqs == nil ? .storageUnavailable : .notStored(receipt)
        guard receipt.seqs != nil || answer != nil || request.owner != nil else {
            // A sign of life promises nothing.
            return .taken(receipt)
        }
        guard let stored else {
            // A half-applied record hands over the rest itself; no request is judged beside it.
            return .refused(refusal)
        }
        let promise = self.eventLoop.makePromise(of: IngestReceipt.self)
        stored.assumeIsolated()
            .whenComplete { result in
                promise.completeWith(result.map { receipt }.mapError { _ in refusal })
            }
        return .pending(promise.futureResult)
    }

    /// Hands the store a scan's owner and name; the promise follows its answer.
    func store(_ registration: ScanRegistration, of scan: ScanHome, _ promise: EventLoopPromise<ScanRegistration>) {
        guard let stored = scan.store(answer: nil, isHeard: registration.isNew) else {
            promise.succeed(registration)
            return
        }
        stored.assumeIsolated()
            .whenComplete { result in
                promise.completeWith(result.map { registration }.mapError { _ in RelayRefusal.storageUnavailable })
            }
    }

    /// Tells the store that a channel is gone; its history stays.
    func storeRemoval(of scan: ScanHome) {
        scan.ledger?.removed()
        _ = scan.store(answer: nil, isHeard: false)
    }

    /// Schedules another attempt for what the store refused.
    ///
    /// Producers are told not to post again what was numbered, so the attempt cannot wait for their next message.
    func notStored(_ scan: ScanHome) {
        self.unsettled[ObjectIdentifier(scan)] = scan
        if !self.isSettling {
            self.isSettling = true
            self.settleLater()
        }
    }

    private func settleLater() {
        self.eventLoop.assumeIsolated()
            .scheduleTask(in: Self.sweepInterval) {
                self.settle()
                self.isSettling = !self.unsettled.isEmpty
                if self.isSettling {
                    self.settleLater()
                }
            }
    }

    /// Hands over what the store lacks, of some scans; what is refused again is rescheduled.
    private func settle() {
        for (key, scan) in self.unsettled.prefix(Self.settledCount) {
            guard self.context.store?.isAvailable ?? false else {
                return
            }
            self.unsettled[key] = nil
            _ = scan.store(answer: nil, isHeard: false)
        }
    }

    /// The store forgets every life of the scan.
    func erase(_ id: ScanID, existed: Bool, _ promise: EventLoopPromise<Bool>) {
        // Else what was erased would be handed over again.
        for (key, scan) in self.unsettled where scan.id == id {
            self.unsettled[key] = nil
            scan.drop(scan.ledger?.takeDeliveries() ?? [])
        }
        guard let store = self.context.store else {
            promise.succeed(existed)
            return
        }
        let erased = self.eventLoop.makePromise(of: Bool.self)
        erased.futureResult.assumeIsolated()
            .whenComplete { result in
                promise.completeWith(
                    result.map { existed || $0 }.mapError { _ in RelayRefusal.storageUnavailable }
                )
            }
        store.erase(id, promise: erased)
    }

    /// The owner of a scan or of its history; nil where there is neither.
    func owner(of id: ScanID, promise: EventLoopPromise<ScanOwner?>) {
        if let engine = self.context.engine {
            self.owner(of: id, engine, promise: promise)
            return
        }
        switch self.presence[id] {
        case .live(let live):
            promise.succeed(ScanOwner(owner: live.scan.owner, isLive: true))
        case .dormant(let dormant):
            promise.succeed(ScanOwner(owner: dormant.scan.header.owner, isLive: true))
        case .loading(let loading):
            promise.succeed(ScanOwner(owner: loading.dormant.scan.header.owner, isLive: true))
        case .awaited, nil:
            self.find(id) { result in
                promise.completeWith(result.map { $0.map { ScanOwner(owner: $0.header.owner, isLive: false) } })
            }
        }
    }

    /// The newest life of the scan in the store.
    private func find(_ id: ScanID, _ then: @escaping (Result<StoredScan?, any Error>) -> Void) {
        guard let store = self.context.store else {
            then(.success(nil))
            return
        }
        let found = self.eventLoop.makePromise(of: StoredScan?.self)
        found.futureResult.assumeIsolated()
            .whenComplete { result in
                then(result.mapError { _ in RelayRefusal.storageUnavailable })
            }
        store.find(id, promise: found)
    }

    /// A page of a scan's history, from memory and the store; nil where neither has the scan.
    func history(
        of id: ScanID,
        _ request: HistoryRequest,
        promise: EventLoopPromise<HistoryPage?>
    ) {
        if let scan = self.live(id)?.scan {
            scan.history(request, promise: promise)
            return
        }
        guard self.context.engine == nil else {
            self.history(ofEnded: id, request, promise: promise)
            return
        }
        self.find(id) { result in
            guard case .success(let scan?) = result, let store = self.context.store else {
                promise.completeWith(result.map { _ in nil })
                return
            }
            let epoch = scan.header.epoch
            let stretch = request.stretch(head: scan.head)
            let page = self.eventLoop.makePromise(of: StoredPage.self)
            page.futureResult.assumeIsolated()
                .whenComplete { page in
                    let answer: Result<HistoryPage?, any Error> = page.map {
                        request.page($0, of: stretch, epoch: epoch)
                    }
                    promise.completeWith(answer.flatMapError { Self.unread($0) })
                }
            store.read(
                StoredPageRequest(
                    life: scan.life,
                    stretch: stretch,
                    selection: request.selection,
                    maximumCount: request.maximumCount,
                    maximumBytes: request.maximumBytes
                ),
                promise: page
            )
        }
    }

    /// The answer to a reader whose page was not read: nil where the history is gone, otherwise the failure.
    static func unread(_ error: any Error) -> Result<HistoryPage?, any Error> {
        switch error as? RelayRefusal {
        case .scanNotFound: .success(nil)
        case let refusal: .failure(refusal ?? .storageUnavailable)
        }
    }

    func logger(of id: ScanID) -> Logger {
        var logger = self.logger
        logger[metadataKey: "scan"] = "\(id.text)"
        return logger
    }

    /// Checks a dormant scan's deadlines: once its time is over it is removed without reading its log.
    func wake(_ dormant: DormantScan, now: NIODeadline) {
        let id = dormant.scan.header.id
        let due = dormant.lifecycle.due(now: now)
        if case .announceStall(let silentFor) = due {
            dormant.lifecycle.fellSilent()
            self.tell(ScanEvent(stalled: dormant.scan, silentFor: silentFor), of: dormant)
        }
        guard case .remove = due else {
            self.alarms.set(.scan(id), at: dormant.lifecycle.deadline)
            return
        }
        self.forget(id)
        var write = StoreWrite(life: dormant.scan.life, from: dormant.scan.head, head: dormant.scan.head)
        write.header = dormant.scan.header
        write.header?.isRemoved = true
        write.isHeard = false
        self.context.store?.write(write, promise: nil)
        let count = dormant.scan.head.rawValue
        self.logger(of: id).info("scan channel removed", metadata: ["messages": .stringConvertible(count)])
    }

    /// Tells of what became of a dormant scan; all of it is stored, so that it is told also where the event is not.
    private func tell(_ event: ScanEvent, of dormant: DormantScan) {
        guard let observer = self.context.observer, let store = self.context.store else {
            return
        }
        let deliveries = observer.deliveries(of: event)
        guard !deliveries.isEmpty else {
            return
        }
        var write = StoreWrite(life: dormant.scan.life, from: dormant.scan.head, head: dormant.scan.head)
        write.deliveries = deliveries
        write.isHeard = false
        let promise = self.eventLoop.makePromise(of: Void.self)
        promise.futureResult.whenComplete { _ in observer.send(deliveries) }
        store.write(write, promise: promise)
    }
}

extension ScanEvent {
    /// The event of a dormant scan that fell silent.
    init(stalled scan: StoredScan, silentFor: Int64) {
        self.init(.stalled, scanID: scan.header.id, epoch: scan.header.epoch, seq: scan.head)
        self.owner = scan.header.owner
        self.name = scan.header.name
        self.silentFor = silentFor
    }
}
