package import SluiceBase
import Synchronization

/// A ``BucketMap`` that every event loop may ask.
package final class RateLimiter<Key: Hashable & Sendable>: Sendable {
    private let buckets: Mutex<BucketMap<Key>>

    /// A limiter without a key.
    ///
    /// - Parameters:
    ///   - limit: How much each key may take.
    ///   - maximumCount: The most keys remembered; at least 1.
    package init(limit: RateLimit, maximumCount: Int = 100_000) {
        self.buckets = Mutex(BucketMap(limit: limit, maximumCount: maximumCount))
    }

    /// The most that a key can take at once.
    package var burst: Int { self.buckets.withLock { $0.limit.burst } }

    /// How many keys are remembered.
    package var count: Int { self.buckets.withLock { $0.count } }

    /// Takes all or nothing from a key's bucket.
    ///
    /// - Parameters:
    ///   - count: How many units.
    ///   - key: Whose tokens they are.
    ///   - now: The monotonic clock, in nanoseconds.
    /// - Returns: As ``TokenBucket/take(_:now:)``.
    package func take(_ count: Int = 1, for key: Key, now: UInt64) -> TokenBucket.Answer {
        self.buckets.withLock { $0.take(count, for: key, now: now) }
    }

    /// The answer that ``take(_:for:now:)`` would give; nothing is taken.
    ///
    /// - Parameters:
    ///   - count: How many units.
    ///   - key: Whose tokens they are.
    ///   - now: The monotonic clock, in nanoseconds.
    /// - Returns: As ``TokenBucket/answer(to:now:)``.
    package func answer(to count: Int = 1, for key: Key, now: UInt64) -> TokenBucket.Answer {
        self.buckets.withLock { $0.answer(to: count, for: key, now: now) }
    }

    /// Takes in any case from a key's bucket.
    ///
    /// - Parameters:
    ///   - count: How many units.
    ///   - key: Whose tokens they are.
    ///   - now: The monotonic clock, in nanoseconds.
    /// - Returns: How long to wait, in nanoseconds, as ``TokenBucket/charge(_:now:)``.
    package func charge(_ count: Int, for key: Key, now: UInt64) -> UInt64 {
        self.buckets.withLock { $0.charge(count, for: key, now: now) }
    }

    /// From now on it is noted what is taken; see ``takeNotes()``.
    package func beginNoting() {
        self.buckets.withLock { $0.beginNoting() }
    }

    /// What was taken since this was last asked for, to be paid by the other nodes, too.
    package func takeNotes() -> [Key: Int] {
        self.buckets.withLock { $0.takeNotes() }
    }

    /// Pays what was taken on another node, and goes into debt.
    ///
    /// - Parameters:
    ///   - count: How many units.
    ///   - key: Whose tokens they are.
    ///   - now: The monotonic clock, in nanoseconds.
    package func pay(_ count: Int, for key: Key, now: UInt64) {
        self.buckets.withLock { $0.pay(count, for: key, now: now) }
    }

    /// Changes the limit of every key, from its next attempt on.
    ///
    /// - Parameter limit: How much each key may take.
    package func setLimit(_ limit: RateLimit) {
        self.buckets.withLock { $0.limit = limit }
    }
}

/// As the general ones, but compiled for names: a generic call from another module costs ten times as much.
extension RateLimiter where Key == ByteName {
    package var burst: Int { self.buckets.withLock { $0.limit.burst } }

    package func take(_ count: Int = 1, for key: ByteName, now: UInt64) -> TokenBucket.Answer {
        self.buckets.withLock { $0.take(count, for: key, now: now) }
    }

    /// The same, and without a search where the key's bucket is in the same place as the last time.
    package func take(_ count: Int, for key: ByteName, now: UInt64, place: inout Int?) -> TokenBucket.Answer {
        self.buckets.withLock { $0.take(count, for: key, now: now, place: &place) }
    }

    package func answer(to count: Int = 1, for key: ByteName, now: UInt64) -> TokenBucket.Answer {
        self.buckets.withLock { $0.answer(to: count, for: key, now: now) }
    }

    package func charge(_ count: Int, for key: ByteName, now: UInt64) -> UInt64 {
        self.buckets.withLock { $0.charge(count, for: key, now: now) }
    }
}
