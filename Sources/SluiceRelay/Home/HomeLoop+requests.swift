import DequeModule
import NIOCore
internal import SluiceBase

/// What changes scans: requests with messages, registrations, deletions.
///
/// A request's messages are numbered in one run. Where they are more than one turn of the loop has room for, the rest
/// is taken in later turns, and what else would change the scan waits for it, in order. Between two turns groups send
/// what is due before more is taken, so what waits in them does not overflow because the loop had no time for them.
extension HomeLoop {
    /// Takes the messages of a request; the first ones create the scan.
    ///
    /// Fails with `RelayRefusal`. The promise is kept when the messages are stored, and they are relayed before.
    func ingest(_ request: IngestRequest, promise: EventLoopPromise<IngestReceipt>) {
        self.inOrder(request.scanID) { self.begin(request, promise) }
    }

    /// Says who owns a scan and what it is called; whether it is new.
    ///
    /// Fails with `RelayRefusal`.
    func put(_ id: ScanID, owner: String?, name: String?, at: WallTime, promise: EventLoopPromise<ScanRegistration>) {
        self.inOrder(id) { self.register(id, owner: owner, name: name, at: at, promise) }
    }

    /// Removes a scan, ends its subscriptions and erases its history; whether there was one.
    ///
    /// Fails with `RelayRefusal`.
    func delete(_ id: ScanID, promise: EventLoopPromise<Bool>) {
        self.inOrder(id) { self.remove(id, promise) }
    }

    /// Runs a command that changes a scan: at once, but behind a request that is half taken.
    private func inOrder(_ id: ScanID, _ command: @escaping () -> Void) {
        guard self.openRequests[id] != nil else {
            command()
            return
        }
        self.openRequests[id]?.waiting.append(command)
    }

    private func begin(_ request: IngestRequest, _ promise: EventLoopPromise<IngestReceipt>) {
        guard self.context.store?.isAvailable ?? true, request.stream.map({ !$0.isBroken }) ?? true else {
            request.stream?.breakOff()
            promise.fail(RelayRefusal.storageUnavailable)
            return
        }
        let now = self.eventLoop.now
        guard self.scans[request.scanID] != nil || !request.messages.isEmpty else {
            self.store(request, IngestReceipt(acceptedCount: 0, seqs: nil), promise)
            return
        }
        let found =
            self.scans[request.scanID].map { .success($0) } ?? self.create(request.scanID, at: request.at, now: now)
        switch found.flatMap({ self.judge(request, for: $0, now: now) }) {
        case .failure(let refusal):
            request.stream?.breakOff()
            promise.fail(refusal)
        case .success(.known(let receipt)):
            self.store(request, receipt, promise)
        case .success(.new(let scan)):
            self.take(request, into: scan, now: now, promise)
        }
    }

    private enum Verdict {
        case new(ScanHome)
        case known(IngestReceipt)
    }

    private func judge(
        _ request: IngestRequest,
        for scan: ScanHome,
        now: NIODeadline
    ) -> Result<Verdict, RelayRefusal> {
        if let owner = request.owner, let known = scan.owner, owner != known {
            return .failure(.ownerConflict)
        }
        if let store = self.context.store, scan.log.head.distance(to: store.maximumSeq) < request.messages.count {
            return .failure(.noMoreNumbers)
        }
        guard let idempotency = request.idempotency else {
            return .success(.new(scan))
        }
        switch self.context.idempotency.verdict(on: idempotency, epoch: scan.log.epoch, now: now) {
        case .new:
            return .success(.new(scan))
        case .known(let receipt):
            return .success(.known(receipt))
        case .conflict:
            return .failure(.idempotencyConflict)
        }
    }

    private func take(
        _ request: IngestRequest,
        into scan: ScanHome,
        now: NIODeadline,
        _ promise: EventLoopPromise<IngestReceipt>
    ) {
        scan.owner = scan.owner ?? request.owner
        if request.messages.isEmpty {
            scan.keepAlive(now: now)
        }
        var open = OpenRequest(
            request: request,
            promise: promise,
            first: scan.begin(request.messages),
            rest: request.messages[...]
        )
        if self.context.turn.hasRoom, !open.rest.isEmpty {
            open.rest.removeFirst(scan.post(open.rest, at: request.at, now: now))
        }
        self.touch(scan)
        guard !open.rest.isEmpty else {
            self.finish(open, scan, now: now)
            return
        }
        scan.isTaking = true
        self.openRequests[request.scanID] = open
        self.openScans.append(request.scanID)
        if self.openScans.count == 1 {
            self.goOnLater()
        }
    }

    /// All messages of a request are numbered: the store gets them, and then the producer its answer.
    private func finish(_ open: OpenRequest, _ scan: ScanHome, now: NIODeadline) {
        let request = open.request
        let receipt = IngestReceipt(
            acceptedCount: request.messages.count,
            seqs: request.messages.isEmpty ? nil : open.first...scan.log.head
        )
        if let idempotency = request.idempotency {
            self.context.idempotency.remember(idempotency, receipt, epoch: scan.log.epoch, now: now)
        }
        self.store(request, receipt, open.promise)
    }

    private func goOnLater() {
        self.eventLoop.nextTurn {
            self.context.turn.reset()
            // Each in turn, so that a long request holds up no other scan's.
            for _ in 0..<self.openScans.count where self.context.turn.hasRoom {
                if let id = self.openScans.popFirst() {
                    self.goOn(id)
                }
            }
            if !self.openScans.isEmpty {
                self.goOnLater()
            }
        }
    }

    private func goOn(_ id: ScanID) {
        guard var open = self.openRequests[id], let scan = self.scans[id] else {
            return
        }
        let now = self.eventLoop.now
        scan.ring(now: now)
        scan.endTurn(now: now)
        if !scan.isLate(now: now), self.context.turn.hasRoom {
            open.rest.removeFirst(scan.post(open.rest, at: open.request.at, now: now))
            self.openRequests[id]?.rest = open.rest
        }
        self.touch(scan)
        guard open.rest.isEmpty else {
            self.openScans.append(id)
            return
        }
        self.openRequests[id] = nil
        scan.isTaking = false
        self.finish(open, scan, now: now)
        while let command = open.waiting.popFirst() {
            command()
            if self.openRequests[id] != nil {
                // It is long, too: the others go on waiting.
                self.openRequests[id]?.waiting = open.waiting
                return
            }
        }
    }

    private func register(
        _ id: ScanID,
        owner: String?,
        name: String?,
        at: WallTime,
        _ promise: EventLoopPromise<ScanRegistration>
    ) {
        guard self.context.store?.isAvailable ?? true else {
            promise.fail(RelayRefusal.storageUnavailable)
            return
        }
        let known = self.scans[id]
        if let owner, let has = known?.owner, owner != has {
            promise.fail(RelayRefusal.ownerConflict)
            return
        }
        switch known.map({ .success($0) }) ?? self.create(id, at: at, now: self.eventLoop.now) {
        case .failure(let refusal):
            promise.fail(refusal)
        case .success(let scan):
            scan.owner = scan.owner ?? owner
            scan.name = name ?? scan.name
            self.touch(scan)
            self.store(id, ScanRegistration(isNew: known == nil, owner: scan.owner, name: scan.name), promise)
        }
    }

    private func remove(_ id: ScanID, _ promise: EventLoopPromise<Bool>) {
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
}
