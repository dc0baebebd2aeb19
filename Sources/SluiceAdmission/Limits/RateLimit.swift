/// How much may be taken: so many a second in the long run, and so many at once.
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
