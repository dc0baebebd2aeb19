import DequeModule
import Logging
import NIOCore
internal import SluiceBase

/// Requests that change scans: messages, registrations, deletions.
///
/// The author judges each request where its scan stands, its record is applied to the projection, and the store gets
/// the changes. Where a record has more messages than one turn of the loop has room for, the rest is applied in later
/// turns, and other changes to the scan wait for it, in order. Between two turns groups send what is due before they
/// are shown more, so their queues do not overflow because the loop was busy.
extension HomeLoop {
    /// Takes the messages of a request; the first ones create the scan.
    ///
    /// Fails with `RelayRefusal`. The promise succeeds when the messages are stored; they are relayed before that.
    func ingest(_ request: IngestRequest, promise: EventLoopPromise<IngestReceipt>) {
        guard !self.context.hasEngine else {
            self.write(.ingest(request), to: request.scanID) { promise.settle($0) }
            return
        }
        let live = self.live(request.scanID)
        if let live, live.isBusy {
            live.wait { self.take(request, by: self.live(request.scanID)).settle(promise) }
        } else {
            self.take(request, by: live).settle(promise)
        }
    }

    /// Takes the messages of a request whose scan is in memory and not busy, or whose scan does not exist.
    ///
    /// - Returns: The answer, or where it comes; nil if the request has to wait for something first: nothing was done.
    func ingestNow(_ request: IngestRequest) -> IngestOutcome? {
        guard !self.context.hasEngine else {
            return nil
        }
        switch self.presence[request.scanID] {
        case .live(let live): return live.isBusy || live.loading != nil ? nil : self.take(request, by: live)
        case .awaited, nil: return self.take(request, by: nil)
        case .dormant, .loading: return nil
        }
    }

    /// Sets the owner and the name of a scan, and reports whether the scan is new.
    ///
    /// Fails with `RelayRefusal`.
    func put(_ id: ScanID, owner: String?, name: String?, at: WallTime, promise: EventLoopPromise<ScanRegistration>) {
        guard !self.context.hasEngine else {
            self.write(.register(owner: owner, name: name, at: at), to: id) { promise.settle($0) }
            return
        }
        if let live = self.live(id), live.isBusy {
            live.wait { self.register(id, owner: owner, name: name, at: at, promise) }
        } else {
            self.register(id, owner: owner, name: name, at: at, promise)
        }
    }

    /// Removes a scan, ends its subscriptions and erases its history; false where there was neither a scan nor history.
    ///
    /// Fails with `RelayRefusal`.
    func delete(_ id: ScanID, promise: EventLoopPromise<Bool>) {
        if let engine = self.context.engine {
            self.delete(id, engine, promise: promise)
            return
        }
        if let live = self.live(id), live.isBusy {
            live.wait { self.remove(id, promise) }
        } else {
            self.remove(id, promise)
        }
    }

    private func take(_ request: IngestRequest, by known: LiveScan?) -> IngestOutcome {
        guard self.context.mayStore, !(request.stream?.isBroken ?? false) else {
            request.stream?.breakOff()
            return .refused(.storageUnavailable)
        }
        let now = self.eventLoop.now
        let vacancy = known == nil && ScanAuthor.opens(request) ? self.takePlace(for: request.scanID) : nil
        switch self.author.judge(request, at: known?.scan.standing ?? vacancy?.standing, now: now) {
        case .refused(let refusal):
            self.giveBack(vacancy)
            request.stream?.breakOff()
            return .refused(refusal)
        case .known(let receipt):
            self.giveBack(vacancy)
            return self.store(request, receipt, of: known?.scan)
        case .record(let record, let receipt):
            let live = known ?? self.open(request.scanID, record, life: vacancy?.life, now: now)
            guard !self.apply(record, to: live, now: now) else {
                return self.store(request, receipt, of: live.scan)
            }
            let promise = self.eventLoop.makePromise(of: IngestReceipt.self)
            self.applyLater(live) { self.store(request, receipt, of: live.scan).settle(promise) }
            return .pending(promise.futureResult)
        }
    }

    private func register(
        _ id: ScanID,
        owner: String?,
        name: String?,
        at: WallTime,
        _ promise: EventLoopPromise<ScanRegistration>
    ) {
        guard self.context.mayStore else {
            promise.fail(RelayRefusal.storageUnavailable)
            return
        }
        let now = self.eventLoop.now
        let known = self.live(id)
        let vacancy = known == nil ? self.takePlace(for: id) : nil
        switch self.author.register(owner: owner, name: name, at: at, known?.scan.standing ?? vacancy?.standing) {
        case .failure(let refusal):
            self.giveBack(vacancy)
            promise.fail(refusal)
        case .success(let record):
            let live = known ?? self.open(id, record, life: vacancy?.life, now: now)
            _ = self.apply(record, to: live, now: now)
            let registration = ScanRegistration(isNew: known == nil, owner: record.owner, name: record.name)
            self.store(registration, of: live.scan, promise)
        }
    }

    private func remove(_ id: ScanID, _ promise: EventLoopPromise<Bool>) {
        guard self.context.mayStore else {
            promise.fail(RelayRefusal.storageUnavailable)
            return
        }
        switch self.presence[id] {
        case .live(let live):
            self.end(live, .deleted)
            self.erase(id, existed: true, promise)
        case .dormant:
            // A scan whose log cannot be read is removed too: nothing of it is needed.
            self.forget(id)
            self.erase(id, existed: true, promise)
        case .loading(let loading):
            loading.commands.append { _ in self.delete(id, promise: promise) }
        case .awaited, nil:
            self.erase(id, existed: false, promise)
        }
    }

    func end(_ live: LiveScan, _ end: ScanEnd) {
        _ = self.apply(self.author.end(end, live.scan.standing), to: live, now: self.eventLoop.now)
    }

    /// Applies a record until the budget of this turn is spent; false where some of it is left.
    ///
    /// The caller then calls ``applyLater(_:then:)``.
    func apply(_ record: LogRecord, to live: LiveScan, now: NIODeadline) -> Bool {
        let scan = live.scan
        if !record.messages.isEmpty {
            scan.ledger?.numbered(through: record.head)
        }
        scan.apply(record, now: now)
        if let end = record.end {
            self.storeRemoval(of: scan)
            self.forget(scan.id, waiters: live.waiters)
            scan.logger.info(
                "scan channel removed",
                metadata: ["reason": "\(SubscriptionEnd(end))", "messages": .stringConvertible(scan.messageCount)]
            )
        } else {
            self.touch(scan)
        }
        return !scan.isApplying
    }

    /// Applies the rest of a record in later turns of the loop; other changes to the scan wait meanwhile.
    func applyLater(_ live: LiveScan, then finish: @escaping () -> Void) {
        live.finish = finish
        self.openScans.append(live)
        self.goOnLater()
    }

    /// One turn at a time: scans that are opened by what a turn answers wait for the same next one.
    private func goOnLater() {
        guard !self.isGoingOn else {
            return
        }
        self.isGoingOn = true
        self.eventLoop.nextTurn {
            self.isGoingOn = false
            self.context.turn.reset()
            // Each scan in turn, so that a long request delays no other scan.
            for _ in 0..<self.openScans.count where self.context.turn.hasRoom {
                if let live = self.openScans.popFirst() {
                    self.goOn(live)
                }
            }
            if !self.openScans.isEmpty {
                self.goOnLater()
            }
        }
    }

    private func goOn(_ live: LiveScan) {
        let scan = live.scan
        let now = self.eventLoop.now
        scan.ring(now: now)
        scan.endTurn(now: now)
        if !scan.isLate(now: now), self.context.turn.hasRoom {
            scan.applyMore(now: now)
        }
        self.touch(scan)
        guard !scan.isApplying else {
            self.openScans.append(live)
            return
        }
        let finish = live.finish
        live.finish = {}
        // An answer may bring the next request at once, and that one's record may be long, too.
        finish()
        while !self.keepsWaiting(behind: live), let command = live.popWaiting() {
            command()
        }
    }

    /// Whether the newest record of a scan is half applied, so that the commands that wait keep waiting.
    private func keepsWaiting(behind live: LiveScan) -> Bool {
        guard let next = self.live(live.scan.id), next.scan.isApplying else {
            return false
        }
        if next !== live {
            next.inherit(live)
        }
        return true
    }
}
