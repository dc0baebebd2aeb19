import NIOCore
internal import SluiceBase

extension HomeLoop {
    /// How many scans are summed up in one turn of the loop.
    static let summariesPerTurn = 256

    /// Every scan in a line, some in each turn of the loop, so that ten thousand of them do not hold it up.
    func gatherSummaries(promise: EventLoopPromise<[[ScanSummary]]>) {
        self.gather(Array(self.presence.values)[...], [], promise)
    }

    private func gather(
        _ scans: ArraySlice<ScanPresence>,
        _ gathered: [[ScanSummary]],
        _ promise: EventLoopPromise<[[ScanSummary]]>
    ) {
        let now = self.eventLoop.now
        let chunk = scans.prefix(Self.summariesPerTurn).compactMap { self.summary(of: $0, now: now) }
        let rest = scans.dropFirst(Self.summariesPerTurn)
        let gathered = chunk.isEmpty ? gathered : gathered + [chunk]
        guard !rest.isEmpty else {
            promise.succeed(gathered)
            return
        }
        self.eventLoop.nextTurn { self.gather(rest, gathered, promise) }
    }

    private func summary(of presence: ScanPresence, now: NIODeadline) -> ScanSummary? {
        switch presence {
        case .awaited: nil
        case .dormant(let dormant): Self.summary(of: dormant, now: now)
        case .loading(let loading): Self.summary(of: loading.dormant, now: now)
        case .live(let live): self.summary(of: live.scan, now: now)
        }
    }

    func summary(of scan: ScanHome, now: NIODeadline) -> ScanSummary {
        ScanSummary(
            id: scan.id,
            owner: scan.owner,
            name: scan.name,
            messageCount: scan.messageCount,
            elapsed: scan.lifecycle.elapsed(now: now),
            isCompleted: scan.lifecycle.isCompleted,
            isStalled: scan.lifecycle.isStalled,
            subscriberCount: scan.members.count,
            fold: scan.log.fold
        )
    }

    private static func summary(of dormant: DormantScan, now: NIODeadline) -> ScanSummary {
        ScanSummary(
            id: dormant.scan.header.id,
            owner: dormant.scan.header.owner,
            name: dormant.scan.header.name,
            messageCount: Int(clamping: dormant.scan.head.rawValue),
            elapsed: dormant.lifecycle.elapsed(now: now),
            isCompleted: dormant.lifecycle.isCompleted,
            isStalled: dormant.lifecycle.isStalled,
            subscriberCount: 0,
            fold: dormant.scan.fold
        )
    }
}
