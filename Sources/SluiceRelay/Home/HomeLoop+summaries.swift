import NIOCore
internal import SluiceBase

extension HomeLoop {
    /// The most scans that are summarised, or looked at in a list, in one turn of the loop.
    static let summariesPerTurn = 256

    /// Summarises every scan, some in each turn of the loop, so that ten thousand of them do not block it.
    ///
    /// - Parameters:
    ///   - listed: Scans of a shared log, those of other homes among them; one that is in memory here is summarised as it
    ///     stands here.
    ///   - promise: Succeeds with the summaries, in chunks.
    func gatherSummaries(listed: [RecordHeader], promise: EventLoopPromise<[[ScanSummary]]>) {
        self.gather(listed[...], notIn: self.presence, [], promise)
    }

    /// A scan that comes into memory, or leaves it, meanwhile is summarised once: by what was in memory at first.
    private func gather(
        _ listed: ArraySlice<RecordHeader>,
        notIn presence: [ScanID: ScanPresence],
        _ gathered: [[ScanSummary]],
        _ promise: EventLoopPromise<[[ScanSummary]]>
    ) {
        guard !listed.isEmpty else {
            self.gather(Array(presence.values)[...], gathered, promise)
            return
        }
        let now = self.context.wallClock()
        let stallAfter = self.context.configuration.stallAfter
        let chunk = listed.prefix(Self.summariesPerTurn)
            .filter { header in
                guard self.context.loops.home(of: header.id) == self.context.home else {
                    return false
                }
                if case .live? = presence[header.id] { return false } else { return true }
            }
            .map { ScanSummary($0, stallAfter: stallAfter, now: now) }
        let rest = listed.dropFirst(Self.summariesPerTurn)
        let gathered = chunk.isEmpty ? gathered : gathered + [chunk]
        self.eventLoop.nextTurn { self.gather(rest, notIn: presence, gathered, promise) }
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

    /// How many subscribers scans have here; those without any are left out.
    var subscriberCounts: [ScanID: Int] {
        var counts: [ScanID: Int] = [:]
        for case .live(let live) in self.presence.values where live.scan.members.count > 0 {
            counts[live.scan.id] = live.scan.members.count
        }
        return counts
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

extension ScanSummary {
    /// The summary of a scan that is not in memory here, from its newest record.
    fileprivate init(_ header: RecordHeader, stallAfter: TimeAmount, now: WallTime) {
        let ages = header.times.ages(now: now)
        self.init(
            id: header.id,
            owner: header.owner,
            name: header.name,
            messageCount: header.messageCount,
            elapsed: ages.sinceCreated - (ages.sinceCompleted ?? .zero),
            isCompleted: ages.sinceCompleted != nil,
            isStalled: ages.sinceCompleted == nil && ages.sinceHeard >= stallAfter,
            subscriberCount: 0,
            fold: header.fold
        )
    }
}
