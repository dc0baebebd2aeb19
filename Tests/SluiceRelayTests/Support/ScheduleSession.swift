import NIOCore

@testable import SluiceRelay

/// One subscription as its client sees it, and the rules that it has to find kept.
final class ScheduleSession {
    let request: SubscriptionRequest
    private(set) var scan: ScheduleScan?
    /// The last seq that the client has.
    private(set) var last: Seq = 0
    private(set) var isEnded = false
    private(set) var lagCount = 0

    private let world: ScheduleWorld
    private let maximumBatchCount: Int
    /// Whether there may be too little room for all state, in history or where it waits, so that some is given up.
    private let evictsState: Bool
    /// Whether history may have too little room for all critical messages.
    private let evictsCritical: Bool
    private let findScan: (String) -> ScheduleScan?
    /// Which filters may hold from a seq on: two, while a change is on its way.
    private var filters: [(from: Seq, filters: [TypeFilter])]
    /// The filters asked for and not yet taken.
    private var requestedFilters: [TypeFilter] = []
    private var announcedCount = 0
    private var isToldOfStall = false
    private var isTight = false
    private let configuredRate: Double
    /// The highest rate that it may have had so far; 0 once it was without one.
    private var rate: Double
    private var frameTimes: [NIODeadline] = []
    /// Frames before this may be catch-up, which the socket paces and not the budget.
    private var budgetHoldsFrom: NIODeadline?

    init(
        request: SubscriptionRequest,
        configuration: RelayConfiguration,
        world: ScheduleWorld,
        findScan: @escaping (String) -> ScheduleScan?
    ) {
        self.request = request
        self.world = world
        self.maximumBatchCount = request.isBatched ?? true ? configuration.maximumBatchCount : 1
        self.evictsState =
            configuration.history.bytes < RelayConfiguration().history.bytes
            || configuration.maximumPendingBytes < RelayConfiguration().maximumPendingBytes
        self.evictsCritical = configuration.history.criticalBytes < RelayConfiguration().history.criticalBytes
        self.findScan = findScan
        self.filters = [(0, [request.filter])]
        self.configuredRate = configuration.maximumFramesPerSecond
        self.rate = self.configuredRate
        if let asked = request.framesPerSecond {
            self.rate = self.allowed(asked)
        }
        self.budgetHoldsFrom = world.now
    }

    var position: Position? { self.scan.map { Position(epoch: $0.epoch, seq: self.last) } }

    /// Whether frames may not fit: a client that does not get one reads pages, outside the budget.
    func socketIsTight(_ isTight: Bool) {
        self.isTight = isTight
    }

    /// The socket was full: the next frames are catch-up.
    func budgetPauses() {
        self.budgetHoldsFrom = self.budgetHoldsFrom.map { _ in self.world.now }
    }

    /// Another filter was asked for; until the answer both may hold.
    func filterRequested(_ filter: TypeFilter) {
        self.requestedFilters.append(filter)
        let next = self.last.next
        if let index = self.filters.lastIndex(where: { $0.from <= next }), self.filters[index].from < next {
            self.filters.insert((next, self.filters[index].filters), at: index + 1)
        }
        self.filters = self.filters.map { $0.from >= next ? ($0.from, $0.filters + [filter]) : $0 }
    }

    /// The relay has taken the filter.
    func filterTaken(_ filter: TypeFilter) {
        self.requestedFilters.removeFirst()
        let next = (self.scan?.head ?? 0).next
        self.filters.removeAll { $0.from >= next }
        self.filters.append((next, [filter] + self.requestedFilters))
    }

    /// Another rate was asked for; it may hold from now on.
    func rateRequested(_ rate: Double) {
        self.rate = self.rate == 0 ? 0 : max(self.rate, self.allowed(rate))
    }

    /// The relay says which rate holds.
    func rateTaken(_ rate: Double) {
        if self.rate > 0, rate > self.rate {
            self.fail("a rate of \(rate), which nobody asked for")
        }
    }

    func ended() {
        self.isEnded = true
    }

    func received(_ frame: ReceivedFrame) {
        guard !self.isEnded else {
            return self.fail("a frame after the end: \(frame)")
        }
        switch frame {
        case .subscribed(let epoch, let seq, let recovered):
            self.subscribed(epoch: epoch, seq: seq, recovered: recovered)
        case .messages(let seqs, let text):
            self.messages(seqs, text)
        case .lag(let count, let since, let reason):
            self.lag(count: count, since: since, reason)
        case .stalled, .resumed:
            if self.isToldOfStall == (frame == .stalled) {
                self.fail("told twice: \(frame)")
            }
            self.isToldOfStall.toggle()
        case .other(let text):
            if !text.contains("scan_not_found") || self.scan != nil {
                self.fail("what is \(text)?")
            }
        }
    }

    /// Everything has drained: nothing may be owed now.
    func settled(isStalled: Bool) {
        guard !self.isEnded, let scan = self.scan else {
            return
        }
        self.checkGap(before: scan.head.next)
        if self.isToldOfStall != isStalled {
            self.fail("the scanner is silent: \(isStalled), and the client was not told")
        }
    }

    private func allowed(_ rate: Double) -> Double {
        self.configuredRate == 0 ? rate : min(rate, self.configuredRate)
    }

    private func fail(_ what: String) {
        self.world.fail("\(self.request.form), \(self.request.filter.types ?? []), rate \(self.rate): \(what)")
    }

    private func subscribed(epoch: String, seq: Seq, recovered: Bool) {
        guard self.scan == nil, let scan = self.findScan(epoch), seq <= scan.head else {
            return self.fail("subscribed to \(epoch) at \(seq)")
        }
        self.scan = scan
        guard let since = self.request.since else {
            self.last = seq
            if !recovered {
                self.fail("a live subscription misses nothing")
            }
            return
        }
        let isSameLife = (self.request.epoch ?? epoch) == epoch && since <= seq
        self.last = isSameLife ? since : 0
        self.budgetPauses()
        if !isSameLife, recovered {
            self.fail("recovered what is of another life")
        }
    }

    private func messages(_ seqs: [Seq], _ text: String) {
        guard let scan = self.scan, let first = seqs.first, let end = seqs.last, end <= scan.head else {
            return self.fail("unknown messages \(seqs)")
        }
        guard first > self.last, zip(seqs, seqs.dropFirst()).allSatisfy({ $0 < $1 }) else {
            return self.fail("\(seqs) after \(self.last)")
        }
        guard seqs.count <= self.maximumBatchCount else {
            return self.fail("\(seqs.count) messages in a frame")
        }
        let expected = scan.text(of: seqs)
        // A client that gets one message an event reads it as a frame of its own.
        if text != expected {
            self.fail("\(text) instead of \(expected)")
        }
        for seq in seqs {
            self.checkGap(before: seq)
            if !self.mayPass(seq).contains(true) {
                self.fail("\(seq) does not pass the filter")
            }
            self.last = seq
        }
        if !scan.criticalTimes.contains(self.world.now) {
            self.spendFrame()
        }
    }

    private func lag(count: Int, since: Seq, _ reason: String) {
        self.lagCount += 1
        // A slowed subscriber moves between groups, and catches up in between.
        self.budgetHoldsFrom = nil
        if count < 1 {
            self.fail("a lag of nothing")
        }
        if since < self.last {
            self.fail("lag since \(since) after \(self.last)")
        } else if since > self.last, self.gap(before: since.next).certain > self.announcedCount {
            self.fail("lag since \(since), but the client has nothing after \(self.last)")
        }
        self.announcedCount += count
    }

    /// Messages between the last one and this one are filtered, superseded or announced.
    private func checkGap(before seq: Seq) {
        let gap = self.gap(before: seq)
        if !(gap.certain...gap.possible).contains(self.announcedCount) {
            self.fail("\(gap) lost between \(self.last) and \(seq), announced \(self.announcedCount)")
        }
        self.announcedCount = 0
    }

    private func gap(before end: Seq) -> (certain: Int, possible: Int) {
        var certain = 0
        var possible = 0
        guard let scan = self.scan, self.last.next < end else {
            return (0, 0)
        }
        for seq in self.last.next..<end {
            let passes = self.mayPass(seq)
            switch scan.message(seq).fate {
            case .critical where self.evictsCritical:
                certain += 1
                possible += 1
            case .critical:
                self.fail("critical \(seq) lost after \(self.last)")
            case .conflated:
                // State that history had no room for counts as missed, even if a newer message has replaced it.
                possible += self.evictsState && passes.contains(true) ? 1 : 0
                if !self.evictsState, !passes.contains(false), !scan.isSuperseded(seq) {
                    self.fail("the newest state \(seq) lost after \(self.last)")
                }
            case .ordinary:
                certain += passes.contains(false) ? 0 : 1
                possible += passes.contains(true) ? 1 : 0
            }
        }
        return (certain, possible)
    }

    private func mayPass(_ seq: Seq) -> [Bool] {
        guard let scan = self.scan else {
            return []
        }
        let message = scan.message(seq)
        let filters = self.filters.last { $0.from <= seq }?.filters ?? []
        return filters.map { $0.passes(type: message.type, fate: message.fate) }
    }

    private func spendFrame() {
        guard let start = self.budgetHoldsFrom, self.rate > 0, !self.isTight, self.world.flushCount == 0 else {
            return
        }
        let now = self.world.now
        let window: TimeAmount = self.rate >= 1 ? .seconds(1) : .nanoseconds(Int64(1e9 / self.rate))
        self.frameTimes.removeAll { $0 + window <= now }
        self.frameTimes.append(now)
        if start + window < now, self.frameTimes.count > max(1, Int(self.rate)) {
            self.fail("\(self.frameTimes.count) frames within \(window)")
        }
    }
}
