import DequeModule
import NIOCore
internal import SluiceBase

/// Time limits of a shared log: requests that waited too long, scans out of use, and a gateway that is cut off.
extension HomeLoop {
    /// How often the home checks for overdue requests, and whether it is cut off.
    private static let engineInterval = TimeAmount.milliseconds(250)
    /// How long a scan is followed after its last subscriber or request, and how long one that does not exist.
    private static let keepsFor = TimeAmount.seconds(60)
    private static let keepsAbsentFor = TimeAmount.seconds(5)
    /// How long commands wait for the leader's newest record to be read.
    private static let asksFor = TimeAmount.seconds(2)
    /// The time over which the subscribers of a gateway that is cut off are closed.
    private static let closesWithin = TimeAmount.seconds(10)

    func watchEngine(_ engine: any ScanEngine) {
        self.eventLoop.assumeIsolated()
            .scheduleTask(in: Self.engineInterval) {
                self.look(at: engine)
                self.watchEngine(engine)
            }
    }

    /// Whether a scan is due for removal, by its newest record.
    func isOverdue(_ header: RecordHeader) -> Bool {
        let lifecycle = ScanLifecycle(
            resuming: header.times.ages(now: self.context.wallClock()),
            configuration: self.context.configuration,
            isAway: false,
            now: self.eventLoop.now
        )
        if case .remove = lifecycle.due(now: self.eventLoop.now) { return true }
        return false
    }

    private func look(at engine: any ScanEngine) {
        let now = self.eventLoop.now
        if engine.isCutOff != self.isCutOff {
            self.isCutOff.toggle()
            self.cutOffAt = self.isCutOff ? now : nil
            self.closing = self.isCutOff ? self.subscriptionsToClose() : []
            self.closingCount = self.closing.count
        }
        let limit = self.isCutOff ? now : now - engine.appendTimeout
        for scan in Array(self.followed.values) {
            self.refuseOverdue(scan, since: limit)
            if self.isUnused(scan, now: now) {
                self.unfollow(scan, engine)
            }
        }
        self.closeCutOff(now: now)
    }

    private func refuseOverdue(_ scan: FollowedScan, since limit: NIODeadline) {
        self.refuse(scan.line.takeWaiting(since: limit), .storageUnavailable)
        while let first = scan.commands.first, first.since <= limit {
            scan.commands.removeFirst()
            first.run(.storageUnavailable)
        }
        if let since = scan.askedAt, since + Self.asksFor <= self.eventLoop.now {
            scan.asked = .nothing
            self.runCommands(of: scan)
        }
    }

    private func isUnused(_ scan: FollowedScan, now: NIODeadline) -> Bool {
        guard scan.commands.isEmpty, scan.events.isEmpty, scan.line.isEmpty else {
            return false
        }
        switch self.presence[scan.id] {
        case .live(let live):
            guard live.scan.members.isEmpty, live.waiters == nil, !live.isBusy else {
                scan.usedAt = now
                return false
            }
            return now >= scan.usedAt + Self.keepsFor && !live.scan.watchesForSilence
        case .awaited:
            return false
        case .dormant, .loading, nil:
            return now >= scan.usedAt + Self.keepsAbsentFor
        }
    }

    /// All subscriptions of the home, to be closed: a gateway that is cut off cannot tell what is new, or who lost
    /// access.
    private func subscriptionsToClose() -> [(ScanID, SubscriptionID)] {
        var subscriptions: [(ScanID, SubscriptionID)] = []
        for (id, presence) in self.presence {
            switch presence {
            case .live(let live):
                subscriptions += live.scan.members.keys.map { (id, $0) }
                subscriptions += live.waiters?.waiters.keys.map { (id, $0) } ?? []
            case .awaited(let list):
                subscriptions += list.waiters.keys.map { (id, $0) }
            case .dormant, .loading:
                break
            }
        }
        return subscriptions.shuffled()
    }

    /// Closes as large a share of the subscribers as has passed of the time for closing them all.
    private func closeCutOff(now: NIODeadline) {
        guard let cutOffAt = self.cutOffAt, !self.closing.isEmpty else {
            return
        }
        let left = max(0, (cutOffAt + Self.closesWithin - now).nanoseconds)
        let keptCount = self.closingCount * Int(left) / Int(Self.closesWithin.nanoseconds)
        while self.closing.count > keptCount, let (scanID, id) = self.closing.popLast() {
            self.close(id, scanID: scanID)
        }
    }

    private func close(_ id: SubscriptionID, scanID: ScanID) {
        let loop = self.live(scanID)?.scan.members[id]?.loop ?? self.waiter(id, scanID: scanID)?.loop
        guard let loop else {
            return
        }
        self.unsubscribe(id, scanID: scanID)
        self.context.loops.run(on: loop) { $0.end(id, .storageUnavailable) }
    }
}
