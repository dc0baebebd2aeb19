import NIOCore
internal import SluiceBase

extension HomeLoop {
    /// How many scans are summed up in one turn of the loop.
    static let summariesPerTurn = 256

    /// Every scan in a line, some in each turn, so that ten thousand of them hold nobody up.
    func gatherSummaries(promise: EventLoopPromise<[[ScanSummary]]>) {
        self.gather(Array(self.scans.values)[...], Array(self.dormant.values)[...], [], promise)
    }

    private func gather(
        _ scans: ArraySlice<ScanHome>,
        _ dormant: ArraySlice<DormantScan>,
        _ gathered: [[ScanSummary]],
        _ promise: EventLoopPromise<[[ScanSummary]]>
    ) {
        let now = self.eventLoop.now
        var chunk = scans.prefix(Self.summariesPerTurn).map { self.summary(of: $0, now: now) }
        let restOfScans = scans.dropFirst(Self.summariesPerTurn)
        let room = Self.summariesPerTurn - chunk.count
        chunk += dormant.prefix(room).map { Self.summary(of: $0, now: now) }
        let restOfDormant = dormant.dropFirst(room)
        let gathered = chunk.isEmpty ? gathered : gathered + [chunk]
        guard !restOfScans.isEmpty || !restOfDormant.isEmpty else {
            promise.succeed(gathered)
            return
        }
        self.eventLoop.nextTurn { self.gather(restOfScans, restOfDormant, gathered, promise) }
    }

    func summary(of scan: ScanHome, now: NIODeadline) -> ScanSummary {
        ScanSummary(
            id: scan.id,
            owner: scan.owner,
            name: scan.name,
            messageCount: Int(clamping: scan.log.head.rawValue),
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
