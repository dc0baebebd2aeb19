package import NIOCore

/// The steps to get one record of a scan counted.
///
/// The record is published behind the last one read, and only one thing proves that it counts: reading it back at its
/// place. After a refusal whose cause does not come, or without an answer, the log is read on; where another record
/// took the place it is overtaken, and where none did, the same record is published again. A copy that arrives late is
/// void then, because it names a record that another one already follows.
package struct AppendMachine: Sendable {
    package enum Outcome: Sendable, Equatable {
        case confirmed
        case overtaken
        /// Not confirmed in time; it may still count later.
        case unavailable
        case tooLarge
    }

    package enum Action: Sendable, Equatable {
        case doNothing
        /// Publish the record; attempts are counted from 1.
        case publish(attempt: Int)
        /// Read the log up to the record that its leader names from now on.
        case readOn
        case settle(Outcome)
    }

    /// The stream's answer.
    package enum Answer: Sendable, Equatable {
        case stored
        /// Another record stands where this one was expected.
        case refused
        /// No answer, or there is no leader.
        case unanswered
        /// Not stored, for another reason that may pass.
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
        /// It is published at `until`.
        case waiting(Draft, until: NIODeadline)
        case sent(Draft, at: NIODeadline)
        case stored(Draft, at: NIODeadline)
        /// Another record is in its place, and its copy is on its way.
        case refused(Draft, at: NIODeadline)
        case reading(Draft)
    }

    /// How long to wait for an answer.
    package static let answerTime = TimeAmount.milliseconds(400)
    /// How long to wait for the copy of a stored record.
    private static let copyTime = TimeAmount.milliseconds(100)
    /// How long to wait for the copy of a record that came first: reading it costs as much as writing one, and who
    /// loses a race would lose the next one meanwhile.
    private static let raceTime = TimeAmount.milliseconds(20)
    /// The longest wait between two attempts.
    private static let longestWait = TimeAmount.milliseconds(500)

    private var state = State.idle
    /// How often a record was published again, and how many were overtaken.
    package private(set) var repeatCount = 0
    package private(set) var overtakenCount = 0

    package init() {}

    package var isIdle: Bool {
        if case .idle = self.state { true } else { false }
    }

    /// The id of the record being written.
    package var id: String? { self.draft?.id }

    /// When `tick` next has something to do; nil while idle.
    package var deadline: NIODeadline? {
        switch self.state {
        case .idle: nil
        case .waiting(let draft, let until): min(until, draft.deadline)
        case .sent(let draft, let at): min(at + Self.answerTime, draft.deadline)
        case .stored(let draft, let at): min(at + Self.copyTime, draft.deadline)
        case .refused(let draft, let at): min(at + Self.raceTime, draft.deadline)
        case .reading(let draft): draft.deadline
        }
    }

    private var draft: Draft? {
        switch self.state {
        case .idle: nil
        case .waiting(let draft, _), .sent(let draft, _), .stored(let draft, _), .refused(let draft, _),
            .reading(let draft):
            draft
        }
    }

    /// Starts to write a record.
    ///
    /// - Parameters:
    ///   - id: The record's id.
    ///   - prev: The record that it names.
    ///   - deadline: When it is given up.
    ///   - now: The loop's time.
    /// - Returns: The next action.
    package mutating func begin(
        _ id: String,
        prev: UInt64,
        deadline: NIODeadline,
        now: NIODeadline
    ) -> Action {
        precondition(self.isIdle, "one record of a scan at a time")
        return self.publish(Draft(id: id, prev: prev, deadline: deadline), now: now)
    }

    /// Takes the stream's answer to an attempt; late answers change nothing.
    package mutating func answered(_ answer: Answer, attempt: Int, of id: String, now: NIODeadline) -> Action {
        guard case .sent(let draft, _) = self.state, draft.id == id, draft.attempt == attempt else {
            return .doNothing
        }
        switch answer {
        case .stored:
            self.state = .stored(draft, at: now)
            return .doNothing
        case .refused:
            self.state = .refused(draft, at: now)
            return .doNothing
        case .unanswered:
            self.state = .reading(draft)
            return .readOn
        case .failed:
            self.state = .waiting(draft, until: now + Self.wait(after: max(draft.attempt, 3)))
            return .doNothing
        case .tooLarge:
            return self.settle(.tooLarge)
        }
    }

    /// Takes a record that counts.
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

    /// Decides after the log was read anew.
    ///
    /// Where nothing follows the record it names, a copy under way may still count, so the same record is written
    /// again. Where the records after that one are gone unread, this record may have been among them.
    ///
    /// - Parameters:
    ///   - last: The last record that counts.
    ///   - readAfter: Every record after this one was read.
    ///   - now: The loop's time.
    /// - Returns: The next action.
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
        case .sent, .stored, .refused:
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

    /// 10 ms after the second attempt, doubled for each further one.
    private static func wait(after attempt: Int) -> TimeAmount {
        min(.milliseconds(5 << Int64(min(attempt - 1, 8))), Self.longestWait)
    }
}
