import DequeModule
import Logging
import NIOCore
internal import SluiceBase

/// Scans of a shared log: followed while they are in use, and shown as they are read.
///
/// The effect of a request is applied when its record comes back in the order that all processes read, and not before.
extension HomeLoop {
    /// Runs a command once the scan's log has been read: at once where it is open.
    ///
    /// Commands keep their order. One that waits longer than an append may take is refused. Only the log's leader can
    /// say that there is no such scan: what was read here may be older than an answer that another process gave.
    ///
    /// Without `follows` the command runs at once where the scan is not followed.
    func whenOpen(
        _ id: ScanID,
        _ engine: any ScanEngine,
        follows: Bool,
        _ command: @escaping (RelayRefusal?) -> Void
    ) {
        guard follows || self.followed[id] != nil else {
            command(nil)
            return
        }
        guard !self.isCutOff || !follows else {
            command(.storageUnavailable)
            return
        }
        let now = self.eventLoop.now
        let scan = self.followed[id] ?? self.follow(id, engine, now: now)
        scan.usedAt = follows ? now : scan.usedAt
        if scan.isOpen, !scan.isAsking, scan.commands.isEmpty, !follows || self.live(id) != nil {
            command(nil)
            return
        }
        let isFirst = scan.commands.isEmpty
        scan.commands.append(FollowedScan.Command(since: now, run: command))
        // A command added while another one runs waits for that one to return.
        if scan.isOpen, !scan.isAsking, isFirst {
            self.askLeader(scan, engine)
        }
    }

    /// Lets a command wait where the subscriber knows more of the scan than was read here, until that has been read.
    ///
    /// - Returns: Whether it waits.
    func waits(for request: SubscriptionRequest, _ command: @escaping (RelayRefusal?) -> Void) -> Bool {
        guard let engine = self.context.engine, let scan = self.followed[request.scanID], let since = request.since,
            let log = self.live(request.scanID)?.scan.log,
            since > log.head || request.epoch.map({ $0 != log.epoch }) ?? false
        else {
            return false
        }
        scan.commands.prepend(FollowedScan.Command(since: self.eventLoop.now, run: command))
        if !scan.isAsking {
            self.askLeader(scan, engine)
        }
        return true
    }

    /// A subscriber saw messages of this life of the log that its leader does not know: it is asked again.
    ///
    /// A leader that was cut off, and does not know that yet, may have answered. The subscriber waits until the messages
    /// are there. Once ``AheadWait`` is over the leader's word holds: the subscriber claims what never was.
    ///
    /// - Returns: Whether it waits.
    func waitsAgain(_ id: SubscriptionID, loop: Int, _ request: SubscriptionRequest) -> Bool {
        guard let engine = self.context.engine, let since = request.since,
            let log = self.live(request.scanID)?.scan.log, since > log.head, request.epoch == log.epoch
        else {
            return false
        }
        let now = self.eventLoop.now
        var wait = self.ahead[id] ?? AheadWait(now: now)
        guard let delay = wait.next(now: now) else {
            return false
        }
        self.ahead[id] = wait
        self.eventLoop.assumeIsolated()
            .scheduleTask(in: delay) {
                guard self.ahead[id] != nil else {
                    return
                }
                self.whenOpen(request.scanID, engine, follows: true) {
                    self.subscribe(id, loop: loop, request, refusal: $0)
                }
            }
        return true
    }

    /// Asks the log's leader for the newest record; waiting commands run once everything up to it is applied.
    private func askLeader(_ scan: FollowedScan, _ engine: any ScanEngine) {
        scan.asked = .asking(since: self.eventLoop.now)
        let promise = self.eventLoop.makePromise(of: RecordHeader?.self)
        promise.futureResult.assumeIsolated()
            .whenComplete { result in
                guard case .asking(let since) = scan.asked else {
                    return
                }
                // Without an answer, what was read here has to do.
                let place = (try? result.get())?.place ?? 0
                scan.asked = .reading(through: place, since: since)
                self.runCommands(of: scan)
            }
        engine.last(of: scan.id, promise: promise)
    }

    /// Runs the waiting commands, once the scan has been read as far as they need.
    func runCommands(of scan: FollowedScan) {
        guard scan.isOpen else {
            return
        }
        if case .reading(let place, _) = scan.asked, scan.place >= place, scan.events.isEmpty {
            scan.asked = .nothing
        }
        while !scan.isAsking, let command = scan.commands.popFirst() {
            command.run(nil)
        }
    }

    private func follow(_ id: ScanID, _ engine: any ScanEngine, now: NIODeadline) -> FollowedScan {
        let scan = FollowedScan(id, home: self, now: now)
        self.followed[id] = scan
        engine.follow(id, scan, on: self.eventLoop)
        return scan
    }

    /// Stops following a scan and drops it from memory; its channel stays open in the log.
    func unfollow(_ scan: FollowedScan, _ engine: any ScanEngine) {
        engine.unfollow(scan.id, on: self.eventLoop)
        self.followed[scan.id] = nil
        self.drop(scan)
    }

    /// Drops a scan from memory and closes its subscribers: they reconnect and resume where they were.
    private func drop(_ scan: FollowedScan) {
        guard let live = self.live(scan.id) else {
            return
        }
        live.scan.drop()
        live.scan.isRemoved = true
        self.presence[scan.id] = live.waiters.map { .awaited($0) }
        self.openScans.removeAll { $0 === live }
        self.alarms.remove(.scan(scan.id))
        self.giveBackPlace()
    }

    /// It cannot be read for now: what was read may be old, and its subscribers find it elsewhere.
    func notOpened(_ scan: FollowedScan, _ refusal: RelayRefusal) {
        scan.isOpen = false
        // All of it is told anew, but not what became of a draft.
        scan.events.removeAll { event in
            if case .settled = event { false } else { true }
        }
        self.drop(scan)
        self.refuseCommands(of: scan, refusal)
        self.goOn(scan)
    }

    /// It cannot be followed: who asks for it next tries again.
    func failed(_ scan: FollowedScan, _ refusal: RelayRefusal) {
        guard self.followed[scan.id] === scan, let engine = self.context.engine else {
            return
        }
        scan.isOpen = false
        scan.events = []
        self.unfollow(scan, engine)
        if case .awaited(let list)? = self.presence[scan.id] {
            for (id, waiter) in list.waiters {
                self.unsubscribe(id, scanID: scan.id)
                self.context.loops.run(on: waiter.loop) { $0.end(id, .storageUnavailable) }
            }
        }
        self.refuseCommands(of: scan, refusal)
        let requests = scan.line.takeJudged().map(\.request) + scan.line.takeWaiting(since: .distantFuture)
        self.refuse(requests, refusal)
    }

    private func refuseCommands(of scan: FollowedScan, _ refusal: RelayRefusal) {
        let commands = scan.commands
        scan.commands = []
        for command in commands {
            command.run(refusal)
        }
    }

    func lost(_ scan: FollowedScan, through seq: Seq) {
        scan.lostThrough = max(scan.lostThrough, seq)
        if let home = self.live(scan.id)?.scan {
            home.lostThrough = max(home.lostThrough, seq)
        }
    }

    func image(of scan: FollowedScan) -> ScanImage? {
        guard let live = self.live(scan.id), !live.scan.isApplying, let times = scan.times else {
            return nil
        }
        return live.scan.image(times, answers: scan.answers, now: self.context.wallClock())
    }

    /// Handles the engine's events, and waits while a record is half applied.
    func goOn(_ scan: FollowedScan) {
        guard self.followed[scan.id] === scan, let engine = self.context.engine else {
            return
        }
        while self.followed[scan.id] === scan, self.live(scan.id)?.isBusy != true, let event = scan.events.popFirst() {
            switch event {
            case .opening(let image, let place):
                self.reset(scan, image, place: place)
            case .record(let record):
                self.fold(record, into: scan)
            case .opened(let last):
                self.open(scan, last)
            case .settled(let outcome):
                self.settle(scan, outcome)
            }
        }
        guard self.followed[scan.id] === scan else {
            return
        }
        self.append(scan, engine)
        if scan.isAsking {
            self.runCommands(of: scan)
        }
    }

    private func reset(_ scan: FollowedScan, _ image: ScanImage?, place: UInt64) {
        self.drop(scan)
        scan.reset(image, place: place, now: self.context.wallClock())
        guard let image else {
            return
        }
        self.takePlaceForKnown()
        let logger = self.logger(of: scan.id)
        let home = ScanHome(scan.id, image, context: self.context, logger: logger, now: self.eventLoop.now)
        home.lostThrough = scan.lostThrough
        var waiters: WaiterList?
        if case .awaited(let list)? = self.presence[scan.id] { waiters = list }
        self.presence[scan.id] = .live(LiveScan(home, waiters: waiters))
    }

    private func fold(_ record: LogRecord, into scan: FollowedScan) {
        let now = self.eventLoop.now
        let standing = ScanStanding(record)
        if let before = self.live(scan.id)?.scan.standing, !record.goesOn(behind: before) {
            self.logger(of: scan.id).error("a record of the log does not go on with the one before it")
            self.failed(scan, .storageDamaged)
            return
        }
        scan.place = record.place
        scan.endPlace = record.end == nil ? scan.endPlace : record.place
        guard let live = self.live(scan.id) ?? self.opened(by: record, in: scan, now: now) else {
            // The end of a channel that is not in memory, or a record after it: only the place moves.
            scan.ended = record.end == .deleted ? nil : standing
            return
        }
        scan.times = scan.times ?? ScanTimes(opening: record, now: self.context.wallClock())
        scan.times?.note(record)
        scan.endsAt = nil
        live.scan.tells(of: record, isNew: scan.isOpen || scan.isAppending)
        if !self.apply(record, to: live, now: now) {
            self.applyLater(live) { self.goOn(scan) }
        }
        scan.remember(record, now: self.context.wallClock())
        if let end = record.end {
            scan.ended = end == .deleted ? nil : standing
            scan.times = nil
        }
    }

    /// The channel that a record opens; nil where the record ends one or follows its end.
    private func opened(by record: LogRecord, in scan: FollowedScan, now: NIODeadline) -> LiveScan? {
        guard record.end == nil, scan.ended?.epoch != record.epoch else {
            return nil
        }
        self.takePlaceForKnown()
        scan.ended = nil
        scan.times = nil
        scan.lostThrough = record.first > 1 ? scan.lostThrough : 0
        let live = self.open(scan.id, record, life: nil, now: now)
        live.scan.lostThrough = scan.lostThrough
        return live
    }

    /// Marks the log as open: everything it held when it was opened is applied, and waiting commands run.
    private func open(_ scan: FollowedScan, _ last: RecordHeader?) {
        if let live = self.live(scan.id), let times = last?.times ?? scan.times {
            scan.times = times
            live.scan.lifecycle = ScanLifecycle(
                resuming: times.ages(now: self.context.wallClock()),
                configuration: self.context.configuration,
                isAway: false,
                now: self.eventLoop.now
            )
            self.touch(live.scan)
        } else if let last, last.end != nil {
            scan.ended = last.end == .deleted ? nil : ScanStanding(last)
            scan.endPlace = last.place
        }
        scan.isOpen = true
        scan.asked = .nothing
        self.runCommands(of: scan)
    }
}

extension ScanTimes {
    /// Those of a scan that a record opens.
    init(opening record: LogRecord, now: WallTime) {
        self.init(created: record.at ?? now, heard: record.at ?? now)
    }
}

extension LogRecord {
    /// Whether it is one that was judged there: what a log says beyond that is damaged.
    fileprivate func goesOn(behind standing: ScanStanding) -> Bool {
        self.prev == standing.place && self.epoch == standing.epoch && self.first == standing.head.next
    }
}

extension ScanStanding {
    /// Where a scan stands after a record.
    fileprivate init(_ record: LogRecord) {
        self.init(
            epoch: record.epoch,
            place: record.place,
            head: record.head,
            messageCount: record.messageCount,
            owner: record.owner,
            name: record.name
        )
    }

    fileprivate init(_ header: RecordHeader) {
        self.init(
            epoch: header.epoch,
            place: header.place,
            head: header.head,
            messageCount: header.messageCount,
            owner: header.owner,
            name: header.name
        )
    }
}
