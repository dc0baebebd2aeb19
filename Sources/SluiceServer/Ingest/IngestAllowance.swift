internal import NIOCore
internal import SluiceAdmission
internal import SluiceBase
internal import SluiceHTTP

/// The charge of one request to its producer's ingest bucket: one for each message, and one if it brings none, because
/// it is empty or faulty.
///
/// A request refused for lack of budget takes nothing, so that its `Retry-After` is accurate.
struct IngestAllowance {
    private let limiter: RateLimiter<ByteName>
    private let producer: ByteName
    private var isPaid = false
    /// Of a stream: lines that are paid for and have not come yet.
    private var prepaidCount = 0

    /// - Parameters:
    ///   - limiter: The buckets of all producers.
    ///   - producer: Whose is taken from.
    init(_ limiter: RateLimiter<ByteName>, producer: ByteName) {
        self.limiter = limiter
        self.producer = producer
    }

    /// The most messages of one array.
    var burst: Int { self.limiter.burst }

    /// Takes the cost of an array, or throws its refusal.
    mutating func take(_ messageCount: Int, now: NIODeadline) throws(Problem) {
        var place: Int?
        try self.take(messageCount, now: now, place: &place)
    }

    /// The same, and without a search where the producer's bucket is in the same place as the last time.
    mutating func take(_ messageCount: Int, now: NIODeadline, place: inout Int?) throws(Problem) {
        let count = max(1, messageCount)
        switch self.limiter.take(count, for: self.producer, now: now.uptimeNanoseconds, place: &place) {
        case .taken:
            self.isPaid = true
        case .neverFits:
            throw Problem(.tooManyMessages, "send at most \(self.burst) messages in one array")
        case let answer:
            throw answer.problem("messages") ?? Problem(.rateLimited)
        }
    }

    /// The request is refused by something else than the budget, which costs one.
    ///
    /// - Parameters:
    ///   - problem: Why it is refused.
    ///   - now: The loop's time.
    /// - Returns: The answer: that problem, or that its producer has not even one left.
    mutating func fault(_ problem: Problem, now: NIODeadline) -> Problem {
        do throws(Problem) {
            if !self.isPaid {
                try self.take(0, now: now)
            }
            return problem
        } catch {
            return error
        }
    }

    /// A stream begins: its first line is paid for, whether it comes or not.
    ///
    /// - Returns: How long to wait before reading, in nanoseconds.
    mutating func open(now: NIODeadline) -> UInt64 {
        self.isPaid = true
        self.prepaidCount = 1
        return self.limiter.charge(1, for: self.producer, now: now.uptimeNanoseconds)
    }

    /// Lines of a stream came, empty ones among them.
    ///
    /// - Returns: How long to wait before reading on, in nanoseconds.
    mutating func charge(_ lineCount: Int, now: NIODeadline) -> UInt64 {
        let owedCount = max(0, lineCount - self.prepaidCount)
        self.prepaidCount = max(0, self.prepaidCount - lineCount)
        return self.limiter.charge(owedCount, for: self.producer, now: now.uptimeNanoseconds)
    }
}
