package import NIOCore

/// Follows one scan's log and appends to it: what to ask of the stream next, and which records count.
///
/// It knows sequences and record ids, not contents. Its driver carries out the actions, and passes in every record in
/// the order of arrival.
package struct ScanMachine: Sendable {
    package enum Action: Sendable, Equatable {
        /// Ask the leader for the newest record.
        case askHead
        /// Read the log anew from this sequence on; 0 where there is nothing.
        ///
        /// The first record there begins the chain, unless `behind` says which record it follows.
        case begin(at: UInt64, behind: UInt64?)
        /// Read on behind a record.
        case read(after: UInt64)
        /// Ask the leader whether a record is still there.
        case look(at: UInt64)
        case publish(expected: UInt64, attempt: Int)
        case settle(AppendMachine.Outcome)
        /// Everything that the leader named has been read.
        case opened
        /// The log could not be read for `patience`; attempts continue.
        case notOpened
    }

    /// The newest record of a scan.
    package struct Head: Sendable, Equatable {
        package var sequence: UInt64
        /// The record at which reading begins; 0 where it is this one.
        package var base: UInt64
        /// The record that it names.
        package var prev: UInt64

        package init(sequence: UInt64, base: UInt64, prev: UInt64) {
            self.sequence = sequence
            self.base = base
            self.prev = prev
        }
    }

    private enum Reading: Equatable {
        case none
        case asking
        /// Up to this record.
        case paging(through: UInt64)
        /// Whether what counted last is there.
        case looking
        /// Nothing is asked for a while.
        case resting(until: NIODeadline)
    }

    /// How long it is waited before a log that ended early is read again, the first time: the server is catching up.
    private static let staleWait = TimeAmount.milliseconds(50)
    private static let shortestRest = TimeAmount.milliseconds(100)
    private static let longestRest = TimeAmount.seconds(2)
    /// A leader that names less than was read was cut off, and notices that within ten seconds: after these the log is
    /// another one.
    private static let behindTime = TimeAmount.seconds(12)
    /// How often a log is read anew for a gap before what is missing is taken for gone, each time at another gap.
    private static let maximumRestarts = 3
    /// When the newest record is looked at again after the last one, in case its copy was lost.
    private static let quietWaits: [TimeAmount] = [.seconds(1), .seconds(5), .seconds(30)]

    package private(set) var chain = ChainReader()
    /// Whether the chain has begun: the first record of the base was read, or there is none.
    package private(set) var hasBegun = false
    /// Every record after this one has been read.
    private var readAfter: UInt64 = 0
    /// How the chain began.
    private var origin = ChainReader()
    /// The newest void record for which the log was read anew.
    private var strangeAt: UInt64 = 0
    package private(set) var isOpen = false
    /// Where reading begins, and what was read where that is gone.
    private var beginsAt: UInt64 = 0
    private var links = ChainStart()
    /// The last gap that was found, and how often the log was read anew since it was open.
    private var gapAt: UInt64 = 0
    private var restartCount = 0
    /// The newest record that was read is void, and what counted last was seen to be there.
    private var trusted: UInt64 = 0
    /// Since when the leader names less than was read.
    private var behindSince: NIODeadline?
    private var append = AppendMachine()
    private var reading = Reading.none
    /// Whether the head is to be asked for once more, since something happened after it was.
    private var asksAgain = false
    private var rest = Self.shortestRest
    private var staleRest = Self.staleWait
    private var failsSince: NIODeadline?
    private let patience: TimeAmount
    private var quietAt = NIODeadline.distantFuture
    private var quietStage = 0

    /// - Parameter patience: How long a scan may be unreadable before ``Action/notOpened``.
    package init(patience: TimeAmount) {
        self.patience = patience
    }

    /// Whether a record is being appended.
    package var isAppending: Bool { !self.append.isIdle }
    /// The id of the record being appended.
    package var appendedID: String? { self.append.id }
    package var repeatCount: Int { self.append.repeatCount }
    package var overtakenCount: Int { self.append.overtakenCount }
    /// Whether copies that arrive now are kept until what is being read has been.
    package var keepsCopies: Bool { self.reading != .none }

    /// Whether records are being read that others already follow: nothing is written behind those before them.
    package var isCatchingUp: Bool {
        if case .paging = self.reading { true } else { false }
    }

    /// When `tick` next has something to do.
    package var deadline: NIODeadline {
        var deadline = min(self.quietAt, self.append.deadline ?? .distantFuture)
        if case .resting(let until) = self.reading {
            deadline = min(deadline, until)
        }
        return deadline
    }

    package mutating func start() -> [Action] {
        self.reading = .asking
        return [.askHead]
    }

    /// The leader named the newest record, or said that there is none.
    ///
    /// Once the chain has begun only its sequence matters.
    package mutating func headAnswered(_ head: Head?, now: NIODeadline) -> [Action] {
        guard case .asking = self.reading else {
            return []
        }
        self.succeeded()
        guard let head else {
            return self.nothingIsThere(now: now)
        }
        guard self.hasBegun else {
            self.reading = .paging(through: head.sequence)
            self.links = ChainStart()
            self.beginsAt = head.base
            guard head.base == 0 else {
                return [.begin(at: head.base, behind: nil)]
            }
            // The head begins a life, unless another record that names the same `prev` came first: reading from there
            // tells.
            self.begin(ChainReader(last: head.prev, seen: head.prev))
            return [.begin(at: head.prev + 1, behind: head.prev)]
        }
        guard head.sequence > self.chain.seen || self.isOpen || self.chain != self.origin else {
            // What it named before is gone, and nothing of it was read.
            return self.restart()
        }
        guard head.sequence >= self.chain.seen else {
            return self.isBehind(now: now)
        }
        self.behindSince = nil
        guard head.sequence > self.chain.seen else {
            return self.readUp(now: now)
        }
        self.reading = .paging(through: head.sequence)
        return [.read(after: self.chain.seen)]
    }

    /// The leader names less than was read: it knows no better for a while, or the stream was made anew.
    private mutating func isBehind(now: NIODeadline) -> [Action] {
        let since = self.behindSince ?? now
        self.behindSince = since
        guard now - since < Self.behindTime else {
            return self.restart()
        }
        let actions = self.readUp(now: now)
        self.quietAt = min(self.quietAt, now + Self.longestRest)
        return actions
    }

    /// A record was read, and the chain has not begun.
    ///
    /// That at which reading begins counts, for whoever wrote the newest one had read it. Where it is gone, the records
    /// that are left say which of them does.
    ///
    /// - Returns: Which of the records read so far, this one among them, begins the chain, counted from 0: they are to
    ///   be read from there on once more. Nil while that is not known.
    package mutating func beginning(at sequence: UInt64, prev: UInt64, bytes: Int) -> Int? {
        guard sequence != self.beginsAt else {
            self.begin(ChainReader(last: prev, seen: sequence - 1))
            return 0
        }
        return self.links.take(sequence, prev: prev, bytes: bytes).map { self.begins(with: $0) }
    }

    /// A page ended, and the chain has not begun.
    ///
    /// - Returns: The same; nil where there are more records.
    package mutating func beginningOfPage() -> Int? {
        guard !self.hasBegun, case .paging(let through) = self.reading, self.links.last >= through else {
            return nil
        }
        return self.links.best.map { self.begins(with: $0) }
    }

    private mutating func begins(with index: Int) -> Int {
        self.begin(ChainReader(last: self.links.prev(of: index), seen: self.links.sequence(of: index) - 1))
        return index
    }

    private mutating func begin(_ chain: ChainReader) {
        self.chain = chain
        self.origin = chain
        self.readAfter = chain.seen
        self.hasBegun = true
    }

    /// Takes the next record of a page.
    package mutating func read(
        _ sequence: UInt64,
        prev: UInt64,
        id: String,
        now: NIODeadline
    ) -> (ChainReader.Verdict, [Action]) {
        guard self.hasBegun else {
            return (.gap, [])
        }
        let verdict = self.chain.read(sequence, prev: prev)
        guard verdict == .gap else {
            return self.isStrange(verdict, sequence, prev: prev)
                ? (.gap, self.restart()) : (verdict, self.judged(verdict, id: id, now: now))
        }
        guard !self.isOpen, sequence <= self.gapAt || self.restartCount >= Self.maximumRestarts else {
            self.gapAt = max(self.gapAt, sequence)
            return (.gap, self.restart())
        }
        // It is there again: what is missing is gone, and the chain goes on behind it.
        self.begin(ChainReader(last: prev, seen: sequence - 1))
        _ = self.chain.read(sequence, prev: prev)
        return (.anew, self.judged(.counts, id: id, now: now))
    }

    /// A copy of a record that was just stored, or was kept until what was read before it had been.
    package mutating func heard(
        _ sequence: UInt64,
        prev: UInt64,
        after previous: UInt64,
        id: String,
        now: NIODeadline
    ) -> (ChainReader.Verdict, [Action]) {
        guard self.hasBegun else {
            return (.gap, [])
        }
        let verdict = self.chain.hear(sequence, prev: prev, after: previous)
        switch verdict {
        case .gap: return (.gap, self.missed(through: sequence))
        case .anew: return (.gap, self.restart())
        case .counts, .void, .known:
            return self.isStrange(verdict, sequence, prev: prev)
                ? (.gap, self.restart()) : (verdict, self.judged(verdict, id: id, now: now))
        }
    }

    /// Whether a void record tells that its writer read another chain than this one.
    ///
    /// It is one of a log that was emptied meanwhile, or one that began before what was left of it here. Then the log is
    /// read anew, once.
    private mutating func isStrange(_ verdict: ChainReader.Verdict, _ sequence: UInt64, prev: UInt64) -> Bool {
        guard verdict == .void, self.isOpen, sequence > self.strangeAt,
            prev == 0 || (prev > self.origin.last && prev <= self.origin.seen)
        else {
            return false
        }
        self.strangeAt = sequence
        return true
    }

    /// There are records up to this one, by another node's word.
    package mutating func missed(through sequence: UInt64) -> [Action] {
        guard self.hasBegun, sequence > self.chain.seen, self.reading == .none else {
            return []
        }
        self.reading = .paging(through: sequence)
        return [.read(after: self.chain.seen)]
    }

    /// A page ended, with or without more behind it.
    package mutating func pageEnded(isLast: Bool, now: NIODeadline) -> [Action] {
        guard case .paging(let through) = self.reading else {
            return []
        }
        if self.hasBegun, self.chain.seen >= through {
            return self.readUp(now: now)
        }
        guard !isLast, self.hasBegun || self.links.count > 0 else {
            // A server that catches up, or what was named is gone: the leader is asked again.
            return self.isStale(now: now)
        }
        self.succeeded()
        return [.read(after: self.hasBegun ? self.chain.seen : self.links.last)]
    }

    /// The leader said whether what counted last is still there.
    ///
    /// A newest record that is void stands behind it where two raced for one place. Where it is gone, all of the log may
    /// be, and what is void here counts for everybody else.
    package mutating func looked(_ isThere: Bool, now: NIODeadline) -> [Action] {
        guard case .looking = self.reading else {
            return []
        }
        guard isThere else {
            let wasOpen = self.isOpen
            let actions = self.restart()
            guard wasOpen else {
                // It was read just now from a server that knows less of what is gone.
                return self.isStale(now: now)
            }
            return actions
        }
        self.trusted = self.chain.seen
        return self.readUp(now: now)
    }

    private mutating func isStale(now: NIODeadline) -> [Action] {
        self.reading = .resting(until: now + self.staleRest)
        self.staleRest = min(self.staleRest + self.staleRest, Self.longestRest)
        return []
    }

    private var isDoubtful: Bool { self.chain.last < self.chain.seen && self.trusted < self.chain.seen }

    /// Nothing came of what was asked.
    package mutating func readFailed(now: NIODeadline) -> [Action] {
        switch self.reading {
        case .none, .resting: return []
        case .asking, .paging, .looking: break
        }
        self.reading = .resting(until: now + self.rest)
        self.rest = min(self.rest + self.rest, Self.longestRest)
        let since = self.failsSince ?? now
        self.failsSince = since
        guard !self.isOpen, now - since >= self.patience else {
            return []
        }
        self.failsSince = now
        return [.notOpened]
    }

    /// Appends a record behind the last one that counts; the scan has to be open.
    package mutating func append(
        _ id: String,
        deadline: NIODeadline,
        now: NIODeadline
    ) -> [Action] {
        self.actions(
            self.append.begin(id, prev: self.chain.last, deadline: deadline, now: now),
            now: now
        )
    }

    /// Takes the stream's answer to an attempt.
    package mutating func answered(
        _ answer: AppendMachine.Answer,
        attempt: Int,
        of id: String,
        now: NIODeadline
    ) -> [Action] {
        self.actions(self.append.answered(answer, attempt: attempt, of: id, now: now), now: now)
    }

    /// Copies may have been lost: asks the leader for the newest record.
    package mutating func check() -> [Action] {
        guard self.reading == .none else {
            self.asksAgain = true
            return []
        }
        self.reading = .asking
        return [.askHead]
    }

    /// A record that counts by its place is none that can follow: the log may be another one.
    ///
    /// - Returns: How it is read anew; nil where that was done, and it is there still.
    package mutating func reread() -> [Action]? {
        self.restartCount < Self.maximumRestarts ? self.restart() : nil
    }

    /// The log cannot be followed from here on: it is read anew.
    private mutating func restart() -> [Action] {
        self.restartCount += 1
        self.behindSince = nil
        self.trusted = 0
        self.hasBegun = false
        self.isOpen = false
        self.chain = ChainReader()
        self.reading = .asking
        self.asksAgain = false
        self.append.pause()
        return [.askHead]
    }

    package mutating func tick(now: NIODeadline) -> [Action] {
        var actions = self.actions(self.append.tick(now: now), now: now)
        if case .resting(let until) = self.reading, now >= until {
            self.reading = .asking
            actions.append(.askHead)
        }
        if now >= self.quietAt {
            self.quietStage = min(self.quietStage + 1, Self.quietWaits.count - 1)
            self.quietAt = now + Self.quietWaits[self.quietStage]
            actions += self.check()
        }
        return actions
    }

    /// Everything of it is gone, or it never was.
    private mutating func nothingIsThere(now: NIODeadline) -> [Action] {
        guard !self.isOpen || self.chain.seen > 0 else {
            return self.readUp(now: now)
        }
        self.isOpen = false
        self.gapAt = 0
        self.strangeAt = 0
        self.trusted = 0
        self.begin(ChainReader())
        // Nothing is known of what stood there.
        self.readAfter = .max
        return [.begin(at: 0, behind: nil)] + self.readUp(now: now)
    }

    /// What the leader named has been read.
    private mutating func readUp(now: NIODeadline) -> [Action] {
        self.succeeded()
        guard !self.isDoubtful else {
            self.reading = .looking
            return [.look(at: self.chain.last)]
        }
        self.reading = .none
        self.restartCount = 0
        self.staleRest = Self.staleWait
        var actions: [Action] = []
        if !self.isOpen {
            self.isOpen = true
            self.quietSoon(now: now)
            actions.append(.opened)
            actions += self.actions(
                self.append.reopened(last: self.chain.last, readAfter: self.readAfter, now: now),
                now: now
            )
        }
        guard !self.asksAgain else {
            self.asksAgain = false
            self.reading = .asking
            return actions + [.askHead]
        }
        return actions + self.actions(self.append.readUp(now: now), now: now)
    }

    private mutating func judged(_ verdict: ChainReader.Verdict, id: String, now: NIODeadline) -> [Action] {
        guard verdict == .counts else {
            return []
        }
        guard self.isOpen else {
            self.append.found(id)
            return []
        }
        self.quietSoon(now: now)
        return self.actions(self.append.counted(id), now: now)
    }

    private mutating func quietSoon(now: NIODeadline) {
        self.quietStage = 0
        self.quietAt = now + Self.quietWaits[0]
    }

    private mutating func succeeded() {
        self.rest = Self.shortestRest
        self.failsSince = nil
    }

    private mutating func actions(_ action: AppendMachine.Action, now: NIODeadline) -> [Action] {
        switch action {
        case .doNothing: return []
        case .publish(let attempt):
            guard !self.isCatchingUp else {
                self.append.withhold()
                return []
            }
            guard self.isDoubtful else {
                return [.publish(expected: self.chain.seen, attempt: attempt)]
            }
            self.append.withhold()
            return self.check()
        case .readOn: return self.check()
        case .settle(let outcome): return [.settle(outcome)]
        }
    }
}
