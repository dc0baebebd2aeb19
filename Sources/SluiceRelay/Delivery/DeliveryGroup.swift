package import NIOCore

/// The pure part of a delivery group: when a frame is due, and what is in it.
///
/// All its members in step get the same frames. It filters, conflates, batches, spends the budget and skips what
/// overflows; it never sleeps, reads a clock or touches a channel. Everything due is handed out through `take`.
package struct DeliveryGroup: Sendable {
    /// The bounds of frames and of waiting.
    package struct Limits: Sendable, Equatable {
        /// The most bytes of messages in one frame of several: under the 1 MiB that common clients accept.
        package var maximumBatchBytes = 512 * 1024
        package var batchInterval: TimeAmount
        package var maximumBatchCount: Int
        package var maximumPendingCount: Int

        package init(_ configuration: RelayConfiguration) {
            self.batchInterval = configuration.batchInterval
            self.maximumBatchCount = configuration.maximumBatchCount
            self.maximumPendingCount = configuration.maximumPendingCount
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
    private var waitingSince = NIODeadline.distantPast

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

    /// A message was numbered.
    ///
    /// What is due by it is ready to `take`.
    package mutating func append(_ entry: LogEntry, now: NIODeadline) {
        self.head = entry.seq
        guard self.terms.filter.passes(type: entry.message.type, fate: entry.message.fate) else {
            self.counts.filtered += 1
            if self.pending.isEmpty {
                self.sent = entry.seq
            }
            return
        }
        if entry.message.fate == .critical {
            self.flush()
            self.emit([entry])
            return
        }
        if self.pending.isEmpty {
            self.waitingSince = now
        }
        if self.pending.append(entry, now: now) {
            self.counts.conflated += 1
        }
        self.poll(now: now)
        while self.pending.count > self.limits.maximumPendingCount {
            self.pending.skipOldest()
            self.counts.skipped += 1
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

    /// Everything through this seq came by, or is not for the members.
    package mutating func passOver(through seq: Seq) {
        self.head = seq
        if self.pending.isEmpty {
            self.sent = seq
        }
    }

    /// Time passed: what the budget allows of what is due is ready to `take`.
    package mutating func poll(now: NIODeadline) {
        while self.isDue(now: now), self.budget.take(self.nextFrameCount, now: now) {
            self.emitFrame()
            self.waitingSince = self.pending.oldestArrival ?? now
        }
    }

    /// Makes all that waits due at once, outside the budget.
    package mutating func flush() {
        while !self.pending.isEmpty {
            self.emitFrame()
        }
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
    }

    /// When `poll` has something to do, if nothing is posted before; nil while nothing waits.
    package var deadline: NIODeadline? {
        guard !self.pending.isEmpty else {
            return nil
        }
        return max(self.dueAt, self.budget.availableAt(self.nextFrameCount))
    }

    /// When the waiting messages want to go, budget aside.
    private var dueAt: NIODeadline {
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

    /// How many frames go out next: what was lost is announced in the same write.
    private var nextFrameCount: Int {
        if case .lost? = self.pending.first { 2 } else { 1 }
    }

    /// Whether one frame carries all that waits.
    private var isOneFrame: Bool {
        self.pending.count <= (self.terms.isBatched ? self.limits.maximumBatchCount : 1)
            && self.pending.bytes <= self.limits.maximumBatchBytes && !self.pending.hasLoss
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
                guard entries.isEmpty || (entries.count < maximumCount && bytes <= self.limits.maximumBatchBytes) else {
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
        self.sent = self.pending.isEmpty ? self.head : last.seq
    }
}
