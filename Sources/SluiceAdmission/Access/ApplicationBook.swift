import Crypto

/// The questions that the application is being asked, and its last answers: it is asked the same once at a time, and not
/// again for a while.
///
/// Who waits for an answer is the owner's business, which tells them. Knows questions by their digest alone.
package struct ApplicationBook<Waiter: Sendable>: Sendable {
    /// The most answers kept; the oldest is forgotten first.
    package static var maximumCount: Int { 10_000 }
    /// The most bytes that the questions of kept answers hold, and about that many the answers.
    package static var maximumBytes: Int { 32 * 1024 * 1024 }
    /// The most that wait for answers at a time.
    package static var maximumWaitingCount: Int { 10_000 }
    /// How long a refusal is kept, in nanoseconds: somebody who has just signed in comes again at once.
    package static var refusalNanoseconds: UInt64 { 1_000_000_000 }

    /// What to do about a question.
    package enum Reply: Sendable, Equatable {
        /// This is the answer.
        case answered(ApplicationAnswer)
        /// Ask the application; the waiter is told with ``answered(_:_:now:wallTime:)``.
        case ask
        /// The application is being asked.
        case wait
        /// Too many wait already.
        case full
    }

    private struct Entry {
        var answer: ApplicationAnswer
        var byteCount: Int
        var keptUntil: UInt64
    }

    private struct Pending {
        var waiters: [Waiter]
        var generation: Int
    }

    /// How long an identity is kept, in nanoseconds; 0 keeps no answer at all.
    package var cacheNanoseconds: UInt64

    private var answers = RecencyMap<SHA256Digest, Entry>()
    private var byteCount = 0
    private var pending: [SHA256Digest: Pending] = [:]
    private var waitingCount = 0
    /// Rises when earlier answers do not hold any more.
    private var generation = 0

    package init(cacheNanoseconds: UInt64) {
        self.cacheNanoseconds = cacheNanoseconds
    }

    /// How many answers are kept.
    package var count: Int { self.answers.count }

    /// The kept answer to a question.
    ///
    /// - Parameters:
    ///   - question: The question.
    ///   - now: The monotonic clock, in nanoseconds.
    ///   - wallTime: The wall clock, in seconds since 1970.
    /// - Returns: The answer; `nil` if there is none, or none that still holds.
    package func known(_ question: ApplicationQuestion, now: UInt64, wallTime: Double) -> ApplicationAnswer? {
        guard let entry = self.answers[question.digest], now < entry.keptUntil, entry.answer.holds(now: wallTime) else {
            return nil
        }
        return entry.answer
    }

    /// Somebody wants an answer.
    ///
    /// - Parameters:
    ///   - question: The question.
    ///   - waiter: Who waits, unless the answer is there.
    ///   - isFresh: Whether a kept answer does not do.
    ///   - now: The monotonic clock, in nanoseconds.
    ///   - wallTime: The wall clock, in seconds since 1970.
    /// - Returns: What to do.
    package mutating func ask(
        _ question: ApplicationQuestion,
        _ waiter: Waiter,
        isFresh: Bool = false,
        now: UInt64,
        wallTime: Double
    ) -> Reply {
        if !isFresh, let answer = self.known(question, now: now, wallTime: wallTime) {
            return .answered(answer)
        }
        guard self.waitingCount < Self.maximumWaitingCount else {
            return .full
        }
        let digest = question.digest
        let isAsked = self.pending[digest]?.generation == self.generation
        self.waitingCount += 1
        if isAsked {
            self.pending[digest]?.waiters.append(waiter)
            return .wait
        }
        // Those who wait for another application's answer get this one's.
        let waiters = self.pending[digest]?.waiters ?? []
        self.pending[digest] = Pending(waiters: waiters + [waiter], generation: self.generation)
        return .ask
    }

    /// The generation that a question is asked in; its answer comes back with it.
    package var currentGeneration: Int { self.generation }

    /// The application has answered, or not.
    ///
    /// - Parameters:
    ///   - question: What it was asked.
    ///   - answer: The answer.
    ///   - generation: As it was when it was asked.
    ///   - now: The monotonic clock, in nanoseconds.
    /// - Returns: Those who waited for it; none if it is asked again since.
    package mutating func answered(
        _ question: ApplicationQuestion,
        _ answer: ApplicationAnswer,
        generation: Int,
        now: UInt64
    ) -> [Waiter] {
        let digest = question.digest
        guard let pending = self.pending[digest], pending.generation == generation else {
            return []
        }
        self.pending[digest] = nil
        self.waitingCount -= pending.waiters.count
        if generation == self.generation {
            self.keep(answer, digest, question, now: now)
        }
        return pending.waiters
    }

    /// Forgets all answers: they are another application's, or were made by other rules.
    package mutating func clear() {
        self.answers = RecencyMap()
        self.byteCount = 0
        self.generation += 1
    }

    private mutating func keep(
        _ answer: ApplicationAnswer,
        _ digest: SHA256Digest,
        _ question: ApplicationQuestion,
        now: UInt64
    ) {
        self.forget(digest)
        let time: UInt64
        switch answer {
        case .admitted: time = self.cacheNanoseconds
        case .refused: time = self.cacheNanoseconds == 0 ? 0 : Self.refusalNanoseconds
        case .unavailable: time = 0
        }
        guard time > 0 else {
            return
        }
        let byteCount = question.credential.byteCount + answer.byteCount
        self.answers.renew(digest, Entry(answer: answer, byteCount: byteCount, keptUntil: now + time))
        self.byteCount += byteCount
        while self.answers.count > Self.maximumCount || self.byteCount > Self.maximumBytes,
            let oldest = self.answers.oldest
        {
            self.forget(oldest.key)
        }
    }

    private mutating func forget(_ digest: SHA256Digest) {
        if let entry = self.answers.remove(digest) {
            self.byteCount -= entry.byteCount
        }
    }
}

extension ApplicationAnswer {
    /// About how many bytes it holds besides the question's.
    fileprivate var byteCount: Int {
        switch self {
        case .admitted(let identity): 256 + (identity.scans ?? []).reduce(0) { $0 + 64 + $1.description.utf8.count }
        case .refused(_, let challenges): 128 + challenges.reduce(0) { $0 + $1.utf8.count }
        case .unavailable: 0
        }
    }
}

/// Counts how often in a row nobody said whether a standing connection may stay.
package struct RecheckCount: Sendable, Equatable {
    /// So many times in a row end it.
    package static let maximumUnansweredCount = 10

    private var unansweredCount = 0

    package init() {}

    /// There was an answer.
    package mutating func answered() {
        self.unansweredCount = 0
    }

    /// There was none.
    ///
    /// - Returns: Whether the connection has to end.
    package mutating func unanswered() -> Bool {
        self.unansweredCount += 1
        return self.unansweredCount >= Self.maximumUnansweredCount
    }
}
