package import SluiceBase

/// Decides which failures of strangers are logged one by one: a few of each address, and a limited number in all, so
/// that the log cannot be filled from outside.
///
/// Failures left out are counted, and the next line of the same address gives their number.
package struct FailureLog: Sendable {
    /// Whether one failure is logged.
    package enum Answer: Sendable, Hashable {
        /// Log it, and the number of the same address that were left out.
        case told(untoldCount: Int)
        /// It is counted for the address's next line.
        case untold
    }

    private struct Entry {
        var bucket: TokenBucket
        var untoldCount = 0
    }

    /// Each address gets five lines at once, and then one a minute.
    package static let limitOfAddress = RateLimit(rate: 1.0 / 60, burst: 5)
    /// All addresses together.
    package static let limitInAll = RateLimit(rate: 5, burst: 100)
    /// The most addresses remembered; beyond it the one that failed least recently is forgotten, with its count.
    package static let maximumCount = 10_000

    private var entries = RecencyMap<AddressKey, Entry>()
    private var inAll = TokenBucket(limit: FailureLog.limitInAll)

    /// A log without a line.
    package init() {}

    /// How many addresses are remembered.
    package var count: Int { self.entries.count }

    /// Something failed.
    ///
    /// - Parameters:
    ///   - address: Where it came from; `nil` if that is not known.
    ///   - now: The monotonic clock, in nanoseconds.
    /// - Returns: Whether to log it.
    package mutating func failed(_ address: AddressKey?, now: UInt64) -> Answer {
        guard let address else {
            return self.inAll.take(now: now) == .taken ? .told(untoldCount: 0) : .untold
        }
        var entry = self.entries[address] ?? Entry(bucket: TokenBucket(limit: Self.limitOfAddress))
        // A line that the whole log has no room for is not taken from the address.
        let isTold = entry.bucket.answer(now: now) == .taken && self.inAll.take(now: now) == .taken
        let untoldCount = entry.untoldCount
        if isTold {
            _ = entry.bucket.take(now: now)
            entry.untoldCount = 0
        } else {
            entry.untoldCount += 1
        }
        self.entries.renew(address, entry)
        if self.entries.count > Self.maximumCount, let oldest = self.entries.oldest {
            self.entries.remove(oldest.key)
        }
        return isTold ? .told(untoldCount: untoldCount) : .untold
    }
}
