package import NIOCore

/// The pure part of a delivery group: when a frame is due, and its content.
///
/// All its members in step get the same frames. It filters, conflates, batches, spends the budget and skips messages
/// that overflow; it never sleeps, reads a clock or touches a channel. Everything due is handed out through `take`.
package struct DeliveryGroup: Sendable {
    /// The bounds of frames and of waiting.
    package struct Limits: Sendable, Equatable {
        package var maximumBatchBytes: Int
        /// The bytes of messages after which the rest goes out in later turns of the loop: with the last frame, less
        /// than the room of a socket that drains.
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

    /// Counts of how messages were treated, for the metrics.
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
    /// Counts of how messages were treated.
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
    /// Messages that wait up to this seq go out at once, outside the budget.
    private var flushThrough: Seq = 0

    /// A group whose members have everything through `head`.
    ///
    /// - Parameters:
    ///   - terms: How its members want their messages.
    ///   - limits: The bounds of frames and of waiting.
    ///   - head: The last seq that its members have.
    ///   - other: The group that its first member comes from; its spending counts.
    package init(terms: DeliveryTerms, limits: Limits, head: Seq, continuing other: DeliveryGroup? = nil) {
        self.terms = terms
        self.limits = limits
        self.budget =
            other.map { FrameBudget(framesPerSecond: terms.framesPerSecond, continuing: $0.budget) }
            ?? FrameBudget(framesPerSecond: terms.framesPerSecond)
        self.head = head
        self.sent = head
    }

    /// A group of other terms that continues where this one stands, with its waiting messages and its spending.
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

    /// Whether the messages waiting in another group of these terms are part of those sent here at this moment, so that
    /// one frame with them brings its member to the place of this group's members.
    package func hasJustSentMore(than other: DeliveryGroup, now: NIODeadline) -> Bool {
        guard self.pending.isEmpty, self.sent > other.sent, other.head == self.head, other.isOneFrame else {
            return false
        }
        var spent = other.budget
        spent.charge(now: now)
        return self.budget.covers(spent, now: now)
    }

    /// Whether a message that comes now would be sent only after more than a second, given the waiting messages and the
    /// spending.
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
    /// The frames due because of it are ready to `take`. A critical message takes all waiting ones along. Messages that
    /// are not for the group need not be shown to it.
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
        // The rest is critical.
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

    /// Everything through this seq came by; messages not shown to the group are not for its members.
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

    /// Messages shown and passed over so far are not counted as filtered: they were not for any member yet.
    package mutating func forgetFiltered() {
        self.counts.filtered = 0
    }

    /// Time passed: the due frames that the budget and this turn of the loop allow are ready to `take`.
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

    /// Makes all waiting messages due, outside the budget: the part that this turn of the loop allows is ready to
    /// `take`.
    package mutating func flush(now: NIODeadline) {
        self.release()
        self.poll(now: now)
    }

    /// Whether something that was flushed is left for later turns of the loop.
    package var isFlushing: Bool {
        !self.pending.isEmpty && self.sent < self.flushThrough
    }

    /// The deliveries to send now, in order.
    ///
    /// Empty if there are none.
    package mutating func take() -> [Delivery] {
        defer { self.due.removeAll(keepingCapacity: true) }
        return self.due
    }

    /// The taken frames go out now, and count in the budget from now on.
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

    /// How many frames go out next: losses are announced in the same write.
    private var nextFrameCount: Int {
        if case .lost? = self.pending.first { 2 } else { 1 }
    }

    /// Whether one frame carries all that waits.
    private var isOneFrame: Bool {
        self.pending.count <= (self.terms.isBatched ? self.limits.maximumBatchCount : 1)
            && self.pending.bytes <= self.limits.maximumBatchBytes && !self.pending.hasLoss && !self.isFlushing
    }

    /// Sends one frame of the messages that wait longest, and before it the notice of losses there.
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

    /// Announces the losses before the first waiting message, with one notice for each reason.
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
