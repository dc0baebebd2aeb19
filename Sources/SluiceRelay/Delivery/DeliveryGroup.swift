package import NIOCore

/// The pure part of a delivery group: when a frame is due, and what is in it.
///
/// All its members in step get the same frames. It filters, conflates, batches, spends the budget and skips what
/// overflows; it never sleeps, reads a clock or touches a channel. Everything due is handed out through `take`.
package struct DeliveryGroup: Sendable {
    /// The bounds of frames and of waiting.
    package struct Limits: Sendable, Equatable {
        package var maximumBatchBytes: Int
        /// Once so many bytes of messages go out in one turn of the loop, what is left goes out in later ones: with the
        /// last frame, less than what a socket that drains has room for.
        package var maximumTurnBytes: Int
        package var batchInterval: TimeAmount
        package var maximumBatchCount: Int
        package var maximumPendingCount: Int
        package var maximumPendingBytes: Int

        package init(_ configuration: RelayConfiguration) {
            self.maximumBatchBytes = configuration.maximumFrameBytes
            self.maximumTurnBytes = configuration.maximumFrameBytes / 2
            self.batchInterval = configuration.batchInterval
            self.maximumBatchCount = configuration.maximumBatchCount
            self.maximumPendingCount = configuration.maximumPendingCount
            self.maximumPendingBytes = configuration.maximumPendingBytes
        }
    }

    /// What became of the messages that came by, for the metrics.
    package struct Counts: Sendable, Equatable {
        package var delivered = 0
        package var conflated = 0
        package var filtered = 0
        package var skipped = 0
    }

    /// How its members want their messages.
    package let terms: DeliveryTerms
    /// The bounds of frames and of waiting; others hold from the next message on.
    package var limits: Limits
    /// What became of the messages that came by.
    package private(set) var counts = Counts()
    /// Everything through this seq was sent to the members in step, or was not for them.
    package private(set) var sent: Seq

    private var budget: FrameBudget
    private var pending = PendingQueue()
    private var head: Seq
    private var due: [Delivery] = []
    /// Bytes of the messages that were made due in this turn of the loop.
    private var turnBytes = 0
    private var waitingSince = NIODeadline.distantPast
    /// What waits up to this seq goes out at once, outside the budget.
    private var flushThrough: Seq = 0

    /// A group whose members have everything through `head`.
    ///
    /// - Parameters:
    ///   - terms: How its members want their messages.
    ///   - limits: The bounds of frames and of waiting.
    ///   - head: The last seq that its members have.
    ///   - other: The group that its first member comes from; what was spent there counts.
    package init(terms: DeliveryTerms, limits: Limits, head: Seq, continuing other: DeliveryGroup? = nil) {
        self.terms = terms
        self.limits = limits
        self.budget =
            other.map { FrameBudget(framesPerSecond: terms.framesPerSecond, continuing: $0.budget) }
            ?? FrameBudget(framesPerSecond: terms.framesPerSecond)
        self.head = head
        self.sent = head
    }

    /// A group of other terms that goes on where this one stands, with what waits here and what was spent here.
    package func continued(framesPerSecond: Double) -> DeliveryGroup {
        var terms = self.terms
        terms.framesPerSecond = framesPerSecond
        var group = DeliveryGroup(terms: terms, limits: self.limits, head: self.head, continuing: self)
        group.sent = self.sent
        group.pending = self.pending
        group.waitingSince = self.waitingSince
        group.flushThrough = self.flushThrough
        return group
    }

    /// Whether a member of another group gets here no more frames in any second than this group's budget allows.
    package func covers(_ other: DeliveryGroup, now: NIODeadline) -> Bool {
        self.budget.covers(other.budget, now: now)
    }

    /// Whether what waits in another group of these terms is part of what was sent here at this moment, so that its
    /// member, sent that in one frame, is where the members of this group are.
    package func hasJustSentMore(than other: DeliveryGroup, now: NIODeadline) -> Bool {
        guard self.pending.isEmpty, self.sent > other.sent, other.head == self.head, other.isOneFrame else {
            return false
        }
        var spent = other.budget
        spent.charge(now: now)
        return self.budget.covers(spent, now: now)
    }

    /// Whether what comes now would be sent only after more than a second, by what waits and what was spent.
    package func isFarBehind(now: NIODeadline) -> Bool {
        guard self.terms.framesPerSecond > 0 else {
            return false
        }
        let messagesPerFrame = self.terms.isBatched ? self.limits.maximumBatchCount : 1
        let waitingFrames = (Double(self.pending.count) / Double(messagesPerFrame)).rounded(.up)
        let next = self.budget.availableAt()
        let delay = next > now ? Double((next - now).nanoseconds) / 1e9 : 0
        return delay + max(0, waitingFrames - 1) / self.terms.framesPerSecond > 1
    }

    /// How many messages wait.
    package var pendingCount: Int { self.pending.count }
    /// How many bytes they have.
    package var pendingBytes: Int { self.pending.bytes }

    /// A message was numbered.
    ///
    /// What is due by it is ready to `take`. A critical one takes all that waits along. Messages that are not for the
    /// group need not be shown to it.
    ///
    /// - Parameters:
    ///   - entry: The message.
    ///   - now: The loop's time.
    ///   - mayEmit: Whether anything may be made due now; else it is by a later `poll`.
    package mutating func append(_ entry: LogEntry, now: NIODeadline, mayEmit: Bool = true) {
        self.passOver(through: entry.seq.previous)
        self.head = entry.seq
        guard self.terms.filter.passes(type: entry.message.type, fate: entry.message.fate) else {
            self.counts.filtered += 1
            if self.pending.isEmpty {
                self.sent = entry.seq
            }
            return
        }
        if self.pending.isEmpty {
            self.waitingSince = now
        }
        if self.pending.append(entry, now: now) {
            self.counts.conflated += 1
        }
        if entry.message.fate == .critical {
            self.flushThrough = entry.seq
        }
        if mayEmit {
            self.poll(now: now)
        }
        while self.isOverfull, self.pending.skipOldest() {
            self.counts.skipped += 1
        }
        // What is left is critical.
        while self.isOverfull, self.isFlushing {
            self.emitFrame()
        }
    }

    /// Messages after those that wait are gone from history before the group saw them; its members are told.
    package mutating func lose(count: Int, now: NIODeadline) {
        if self.pending.isEmpty {
            self.waitingSince = now
        }
        self.pending.appendLost(count: count, .historyEvicted)
        self.counts.skipped += count
    }

    /// Everything through this seq came by; what was not shown to the group is not for its members.
    package mutating func passOver(through seq: Seq) {
        guard self.head < seq else {
            return
        }
        self.counts.filtered += self.head.distance(to: seq)
        self.head = seq
        if self.pending.isEmpty {
            self.sent = seq
        }
    }

    /// What was shown and passed over so far is not counted as filtered: it was not for anybody yet.
    package mutating func forgetFiltered() {
        self.counts.filtered = 0
    }

    /// Time passed: what the budget and this turn of the loop allow of what is due is ready to `take`.
    package mutating func poll(now: NIODeadline) {
        while self.isDue(now: now), !self.isTurnFull, self.isFlushing || self.budget.take(self.nextFrameCount, now: now)
        {
            self.emitFrame()
            self.waitingSince = self.pending.oldestArrival ?? now
        }
    }

    /// Makes all that waits due, outside the budget, for the next `poll`.
    package mutating func release() {
        self.flushThrough = self.head
    }

    /// Makes all that waits due, outside the budget: what this turn of the loop allows of it is ready to `take`.
    package mutating func flush(now: NIODeadline) {
        self.release()
        self.poll(now: now)
    }

    /// Whether something that was flushed is left for later turns of the loop.
    package var isFlushing: Bool {
        !self.pending.isEmpty && self.sent < self.flushThrough
    }

    /// What is to be sent now, in order.
    ///
    /// Empty when nothing is.
    package mutating func take() -> [Delivery] {
        defer { self.due.removeAll(keepingCapacity: true) }
        return self.due
    }

    /// What was taken goes out now, and counts in the budget from now on.
    package mutating func handedOver(now: NIODeadline) {
        self.budget.handedOver(now: now)
        self.turnBytes = 0
    }

    /// When `poll` has something to do, if nothing is posted before; nil while nothing waits.
    package var deadline: NIODeadline? {
        guard !self.pending.isEmpty else {
            return nil
        }
        return self.isFlushing ? .distantPast : max(self.dueAt, self.budget.availableAt(self.nextFrameCount))
    }

    /// When the waiting messages want to go, budget aside.
    private var dueAt: NIODeadline {
        if self.isFlushing {
            return .distantPast
        }
        if self.pending.count >= self.limits.maximumBatchCount || self.pending.bytes >= self.limits.maximumBatchBytes {
            return .distantPast
        }
        if !self.terms.isBatched, self.terms.framesPerSecond == 0 {
            return .distantPast
        }
        return self.waitingSince + self.limits.batchInterval
    }

    private func isDue(now: NIODeadline) -> Bool {
        !self.pending.isEmpty && self.dueAt <= now
    }

    /// Whether more waits than may.
    private var isOverfull: Bool {
        self.pending.count > self.limits.maximumPendingCount || self.pending.bytes > self.limits.maximumPendingBytes
    }

    /// Whether this turn of the loop has made enough due.
    private var isTurnFull: Bool { self.turnBytes >= self.limits.maximumTurnBytes }

    /// How many frames go out next: what was lost is announced in the same write.
    private var nextFrameCount: Int {
        if case .lost? = self.pending.first { 2 } else { 1 }
    }

    /// Whether one frame carries all that waits.
    private var isOneFrame: Bool {
        self.pending.count <= (self.terms.isBatched ? self.limits.maximumBatchCount : 1)
            && self.pending.bytes <= self.limits.maximumBatchBytes && !self.pending.hasLoss && !self.isFlushing
    }

    /// Sends one frame of what waits longest, and before it what was lost there.
    private mutating func emitFrame() {
        self.announceLoss()
        let maximumCount = self.terms.isBatched ? self.limits.maximumBatchCount : 1
        var entries: [LogEntry] = []
        var bytes = 0
        loop: while let item = self.pending.first {
            switch item {
            case .lost:
                break loop
            case .entry(let entry, _):
                bytes += entry.message.byteCount
                let isAlone = entry.message.fate == .critical
                let fits = entries.count < maximumCount && bytes <= self.limits.maximumBatchBytes && !isAlone
                guard entries.isEmpty || (fits && entries.last?.message.fate != .critical) else {
                    break loop
                }
                entries.append(entry)
            case .superseded:
                break
            }
            _ = self.pending.popFirst()
        }
        if entries.isEmpty {
            self.sent = self.pending.isEmpty ? self.head : self.sent
        } else {
            self.emit(entries[...])
        }
    }

    /// Tells what was lost before the first message that waits, in as few notices as there are reasons.
    private mutating func announceLoss() {
        var notices: [LagNotice] = []
        loop: while let item = self.pending.first {
            switch item {
            case .entry:
                break loop
            case .superseded:
                break
            case .lost(let count, let reason):
                if notices.last?.reason == reason {
                    notices[notices.count - 1].skippedCount += count
                } else {
                    notices.append(LagNotice(skippedCount: count, since: self.sent, reason: reason))
                }
            }
            _ = self.pending.popFirst()
        }
        self.due += notices.map { .lag($0) }
    }

    private mutating func emit(_ entries: ArraySlice<LogEntry>) {
        guard let last = entries.last else {
            return
        }
        self.due.append(.messages(entries))
        self.counts.delivered += entries.count
        self.turnBytes += entries.reduce(0) { $0 + $1.message.byteCount }
        self.sent = self.pending.isEmpty ? self.head : last.seq
    }
}
