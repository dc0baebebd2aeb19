/// A token bucket: it starts full, and refills steadily.
///
/// It keeps one number, the instant at which it will be full again, in whole nanoseconds: nothing is rounded away over
/// time, and its waiting times are exact. Time that goes backwards gives nothing.
package struct TokenBucket: Sendable, Hashable {
    /// The answer to an attempt to take.
    package enum Answer: Sendable, Hashable {
        /// Taken.
        case taken
        /// Nothing was taken. After this many nanoseconds the same attempt passes, if nothing is taken in between.
        case refused(retryAfter: UInt64)
        /// Nothing was taken, and the attempt can never pass: it is for more than the burst.
        case neverFits
    }

    /// How much may be taken.
    ///
    /// A change holds from the next attempt on.
    package var limit: RateLimit {
        didSet {
            self.isLimitNew = true
        }
    }

    /// When the bucket is full again, on the clock of `now`.
    private(set) var fullAt: UInt64 = 0
    private var isLimitNew = false

    /// A full bucket.
    ///
    /// - Parameter limit: How much may be taken.
    package init(limit: RateLimit) {
        self.limit = limit
    }

    /// Takes all or nothing.
    ///
    /// - Parameters:
    ///   - count: How many units; of none, or fewer, there is always enough.
    ///   - now: The monotonic clock, in nanoseconds.
    /// - Returns: Whether they were taken, or when they could be.
    package mutating func take(_ count: Int = 1, now: UInt64) -> Answer {
        let answer = self.answer(to: count, now: now)
        if answer == .taken {
            _ = self.charge(count, now: now)
        }
        return answer
    }

    /// The answer that ``take(_:now:)`` would give; nothing is taken.
    ///
    /// - Parameters:
    ///   - count: How many units.
    ///   - now: The monotonic clock, in nanoseconds.
    /// - Returns: Whether they would be taken, or when they could be.
    package mutating func answer(to count: Int = 1, now: UInt64) -> Answer {
        guard count <= self.limit.burst else {
            return .neverFits
        }
        let next = self.fullAfter(count, now: now)
        guard next - now <= self.limit.capacity else {
            return .refused(retryAfter: next - now - self.limit.capacity)
        }
        return .taken
    }

    /// Takes in any case, and goes into debt: for a stream that is slowed and not refused.
    ///
    /// - Parameters:
    ///   - count: How many units, also more than the burst.
    ///   - now: The monotonic clock, in nanoseconds.
    /// - Returns: How long to wait, in nanoseconds, until the debt is paid; 0 if there is none.
    package mutating func charge(_ count: Int, now: UInt64) -> UInt64 {
        self.fullAt = self.fullAfter(count, now: now)
        let untilFull = self.fullAt - now
        return untilFull > self.limit.capacity ? untilFull - self.limit.capacity : 0
    }

    /// Whether nothing is missing, so that a new bucket would do as well.
    ///
    /// - Parameter now: The monotonic clock, in nanoseconds.
    /// - Returns: Whether it is full at that instant.
    package func isFull(now: UInt64) -> Bool {
        self.fullAt <= now
    }

    private mutating func fullAfter(_ count: Int, now: UInt64) -> UInt64 {
        if self.isLimitNew {
            // Usage under another limit counts for no more than an empty bucket of this one.
            self.fullAt = min(self.fullAt, now + self.limit.capacity)
            self.isLimitNew = false
        }
        let (next, overflow) = max(self.fullAt, now).addingReportingOverflow(self.limit.duration(of: count))
        return overflow ? .max : next
    }
}

/// How much may be taken: a number a second in the long run, and a number at once.
package struct RateLimit: Sendable, Hashable {
    /// The longest time between two units: an hour.
    private static let longestInterval = 3_600_000_000_000.0

    /// How long one unit takes to come back, in nanoseconds; rounded up, so that never more than the rate is given.
    let interval: UInt64
    /// How long a bucket takes from empty to full, in nanoseconds.
    let capacity: UInt64
    /// The most that can be taken at once.
    package let burst: Int

    /// A limit.
    ///
    /// - Parameters:
    ///   - rate: Units a second; more than 0. Rates above a billion count as a billion, below one an hour as that.
    ///   - burst: The most that can be taken at once; at least 1.
    package init(rate: Double, burst: Int) {
        precondition(rate > 0 && burst > 0, "a rate limit lets something through")
        let interval = min(max((1_000_000_000 / rate).rounded(.up), 1), Self.longestInterval)
        self.interval = UInt64(exactly: interval) ?? 1
        self.burst = burst
        self.capacity = Self.duration(burst, interval: self.interval)
    }

    /// How long some units take to come back, in nanoseconds; at most a quarter of what 64 bits hold.
    func duration(of count: Int) -> UInt64 {
        Self.duration(count, interval: self.interval)
    }

    private static func duration(_ count: Int, interval: UInt64) -> UInt64 {
        let (duration, overflow) = UInt64(max(count, 0)).multipliedReportingOverflow(by: interval)
        return overflow ? UInt64.max / 4 : min(duration, UInt64.max / 4)
    }
}
