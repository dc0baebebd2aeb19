package import NIOCore

/// What is done to get one record of a scan counted.
///
/// It is published at what was read last, and no answer but one proves anything: it counts when it was read back at its
/// place. Refused or unanswered, the log is read on; where another record took its place it is overtaken, and where
/// none did, the same record is published once more. A copy that arrives late is void then, since it names a record
/// that another one follows.
package struct AppendMachine: Sendable {
    package enum Outcome: Sendable, Equatable {
        case confirmed
        case overtaken
        /// Not confirmed in time; it may still turn up.
        case unavailable
        case tooLarge
    }

    package enum Action: Sendable, Equatable {
        case doNothing
        /// Publish it, for the so-manieth time, counted from 1.
        case publish(attempt: Int)
        /// Read the log up to what its leader names from now on.
        case readOn
        case settle(Outcome)
    }

    /// What the stream answered.
    package enum Answer: Sendable, Equatable {
        case stored
        /// Something else stands where it was expected to stand.
        case refused
        /// Nothing, or that there is no leader.
        case unanswered
        /// It was not stored, for another reason that may pass.
        case failed
        case tooLarge
    }

    private struct Draft {
        var id: String
        /// The record that it names.
        var prev: UInt64
        var deadline: NIODeadline
        var attempt = 0
        /// Whether it was found while the log was read anew.
        var isFound = false
    }

    private enum State {
        case idle
        /// It is published then.
        case waiting(Draft, until: NIODeadline)
        case sent(Draft, at: NIODeadline)
        case stored(Draft, at: NIODeadline)
        case reading(Draft)
    }

    /// How long an answer is waited for.
    package static let answerTime = TimeAmount.milliseconds(400)
    /// How long the copy of a stored record is waited for.
    private static let copyTime = TimeAmount.milliseconds(100)
    /// The longest wait between two attempts.
    private static let longestWait = TimeAmount.milliseconds(500)

    private var state = State.idle
    /// How often a record was published once more, and how often one was overtaken.
    package private(set) var repeatCount = 0
    package private(set) var overtakenCount = 0

    package init() {}

    package var isIdle: Bool {
        if case .idle = self.state { true } else { false }
    }

    /// What names the record at hand.
    package var id: String? { self.draft?.id }

    /// When time asks for something.
    package var deadline: NIODeadline? {
        switch self.state {
        case .idle: nil
        case .waiting(let draft, let until): min(until, draft.deadline)
        case .sent(let draft, let at): min(at + Self.answerTime, draft.deadline)
        case .stored(let draft, let at): min(at + Self.copyTime, draft.deadline)
        case .reading(let draft): draft.deadline
        }
    }

    private var draft: Draft? {
        switch self.state {
        case .idle: nil
        case .waiting(let draft, _), .sent(let draft, _), .stored(let draft, _), .reading(let draft): draft
        }
    }

    /// A record is to be written.
    ///
    /// - Parameters:
    ///   - id: Names it.
    ///   - prev: The record that it names.
    ///   - deadline: When it is given up.
    ///   - wait: How long others are let go first.
    ///   - now: The loop's time.
    /// - Returns: What is to be done.
    package mutating func begin(
        _ id: String,
        prev: UInt64,
        deadline: NIODeadline,
        wait: TimeAmount,
        now: NIODeadline
    ) -> Action {
        precondition(self.isIdle, "one record of a scan at a time")
        let draft = Draft(id: id, prev: prev, deadline: deadline)
        guard wait <= .zero else {
            self.state = .waiting(draft, until: now + wait)
            return .doNothing
        }
        return self.publish(draft, now: now)
    }

    /// The stream answered an attempt; late answers change nothing.
    package mutating func answered(_ answer: Answer, attempt: Int, of id: String, now: NIODeadline) -> Action {
        guard case .sent(let draft, _) = self.state, draft.id == id, draft.attempt == attempt else {
            return .doNothing
        }
        switch answer {
        case .stored:
            self.state = .stored(draft, at: now)
            return .doNothing
        case .refused, .unanswered:
            self.state = .reading(draft)
            return .readOn
        case .failed:
            self.state = .waiting(draft, until: now + Self.wait(after: max(draft.attempt, 3)))
            return .doNothing
        case .tooLarge:
            return self.settle(.tooLarge)
        }
    }

    /// A record counts.
    package mutating func counted(_ id: String) -> Action {
        guard let draft = self.draft else {
            return .doNothing
        }
        return self.settle(draft.id == id ? .confirmed : .overtaken)
    }

    /// The log is to be read anew: nothing is published meanwhile.
    package mutating func pause() {
        if let draft = self.draft {
            self.state = .reading(draft)
        }
    }

    /// What was to be published is not, before the log has been read on.
    package mutating func withhold() {
        guard case .sent(var draft, _) = self.state else {
            return
        }
        self.repeatCount -= draft.attempt > 1 ? 1 : 0
        draft.attempt -= 1
        self.state = .reading(draft)
    }

    /// A record counts, and the log is being read anew: nothing is decided before all of it has been.
    package mutating func found(_ id: String) {
        if var draft = self.draft, draft.id == id {
            draft.isFound = true
            self.state = .reading(draft)
        }
    }

    /// The log was read anew.
    ///
    /// Where nothing follows what the record names, a copy on its way may still count: so it is the same record that is
    /// written again. Where what follows it is gone unread, the record may have stood there.
    ///
    /// - Parameters:
    ///   - last: The last record that counts.
    ///   - readAfter: Every record after this one was read.
    ///   - now: The loop's time.
    /// - Returns: What is to be done.
    package mutating func reopened(last: UInt64, readAfter: UInt64, now: NIODeadline) -> Action {
        guard let draft = self.draft else {
            return .doNothing
        }
        guard draft.isFound || draft.prev != last else {
            return self.publish(draft, now: now)
        }
        return self.settle(draft.isFound ? .confirmed : readAfter <= draft.prev ? .overtaken : .unavailable)
    }

    /// The log was read up to what its leader named after ``Action/readOn``, and the record is not there.
    package mutating func readUp(now: NIODeadline) -> Action {
        guard case .reading(let draft) = self.state else {
            return .doNothing
        }
        guard draft.attempt > 1 else {
            return self.publish(draft, now: now)
        }
        self.state = .waiting(draft, until: now + Self.wait(after: draft.attempt))
        return .doNothing
    }

    package mutating func tick(now: NIODeadline) -> Action {
        guard let draft = self.draft, let deadline = self.deadline, now >= deadline else {
            return .doNothing
        }
        guard now < draft.deadline else {
            return self.settle(.unavailable)
        }
        switch self.state {
        case .idle, .reading:
            return .doNothing
        case .waiting:
            return self.publish(draft, now: now)
        case .sent, .stored:
            self.state = .reading(draft)
            return .readOn
        }
    }

    private mutating func publish(_ draft: Draft, now: NIODeadline) -> Action {
        var draft = draft
        draft.attempt += 1
        self.repeatCount += draft.attempt > 1 ? 1 : 0
        self.state = .sent(draft, at: now)
        return .publish(attempt: draft.attempt)
    }

    private mutating func settle(_ outcome: Outcome) -> Action {
        self.overtakenCount += outcome == .overtaken ? 1 : 0
        self.state = .idle
        return .settle(outcome)
    }

    /// 10 ms after the second attempt, and twice as long after each further one.
    private static func wait(after attempt: Int) -> TimeAmount {
        min(.milliseconds(5 << Int64(min(attempt - 1, 8))), Self.longestWait)
    }
}
