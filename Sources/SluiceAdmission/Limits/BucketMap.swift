/// A token bucket for each key, for a bounded number of keys.
///
/// A bucket that is full again is as good as none, so each new key removes some buckets that have long been idle, and
/// no timer is needed. A bucket that is not full is forgotten only when the map is full of buckets in use: the least
/// recently used one.
package struct BucketMap<Key: Hashable & Sendable>: Sendable {
    /// How many of the least recently used a new key looks at.
    private static var sweepCount: Int { 16 }

    /// How much each key may take.
    ///
    /// A change holds for all keys from their next attempt on.
    package var limit: RateLimit
    /// The most keys remembered.
    package let maximumCount: Int
    private var buckets = RecencyMap<Key, TokenBucket>()
    /// What was taken since it was last asked for; nil where nobody asks.
    private var taken: [Key: Int]?

    /// A map without keys.
    ///
    /// - Parameters:
    ///   - limit: How much each key may take.
    ///   - maximumCount: The most keys remembered; at least 1.
    package init(limit: RateLimit, maximumCount: Int = 100_000) {
        precondition(maximumCount > 0, "a map of buckets has room for one")
        self.limit = limit
        self.maximumCount = maximumCount
    }

    /// How many keys are remembered.
    package var count: Int { self.buckets.count }

    /// Takes all or nothing from a key's bucket.
    ///
    /// - Parameters:
    ///   - count: How many units.
    ///   - key: Whose tokens they are.
    ///   - now: The monotonic clock, in nanoseconds.
    ///   - place: Where the key's bucket was the last time, which spares the search if it still is there.
    /// - Returns: As ``TokenBucket/take(_:now:)``.
    package mutating func take(
        _ count: Int = 1,
        for key: Key,
        now: UInt64,
        place: inout Int?
    ) -> TokenBucket.Answer {
        let answer: TokenBucket.Answer
        place = self.buckets.slot(of: key, guess: place)
        if let slot = place, var bucket = self.buckets.value(at: slot) {
            self.adapt(&bucket)
            answer = bucket.take(count, now: now)
            self.buckets.renew(at: slot, bucket)
        } else {
            self.makeRoom(now: now)
            var bucket = TokenBucket(limit: self.limit)
            answer = bucket.take(count, now: now)
            place = self.buckets.renew(key, bucket)
        }
        if answer == .taken {
            self.note(count, of: key)
        }
        return answer
    }

    /// The same where it is not remembered where the bucket is.
    package mutating func take(_ count: Int = 1, for key: Key, now: UInt64) -> TokenBucket.Answer {
        var place: Int?
        return self.take(count, for: key, now: now, place: &place)
    }

    /// The answer that ``take(_:for:now:)`` would give; nothing is taken, and no new key is remembered.
    ///
    /// - Parameters:
    ///   - count: How many units.
    ///   - key: Whose tokens they are.
    ///   - now: The monotonic clock, in nanoseconds.
    /// - Returns: As ``TokenBucket/answer(to:now:)``.
    package mutating func answer(to count: Int = 1, for key: Key, now: UInt64) -> TokenBucket.Answer {
        guard var bucket = self.known(key) else {
            var bucket = TokenBucket(limit: self.limit)
            return bucket.answer(to: count, now: now)
        }
        let answer = bucket.answer(to: count, now: now)
        // A limit that is new to the bucket holds from now on.
        self.buckets.renew(key, bucket)
        return answer
    }

    /// Takes in any case from a key's bucket.
    ///
    /// - Parameters:
    ///   - count: How many units.
    ///   - key: Whose tokens they are.
    ///   - now: The monotonic clock, in nanoseconds.
    /// - Returns: How long to wait, in nanoseconds, as ``TokenBucket/charge(_:now:)``.
    package mutating func charge(_ count: Int, for key: Key, now: UInt64) -> UInt64 {
        var bucket = self.bucket(for: key, now: now)
        let delay = bucket.charge(count, now: now)
        self.buckets.renew(key, bucket)
        self.note(count, of: key)
        return delay
    }

    /// From now on it is noted what is taken, for others who have to pay it, too.
    package mutating func beginNoting() {
        self.taken = self.taken ?? [:]
    }

    /// What was taken since this was last asked for.
    package mutating func takeNotes() -> [Key: Int] {
        guard let taken = self.taken, !taken.isEmpty else {
            return [:]
        }
        self.taken = [:]
        return taken
    }

    /// Pays what was taken elsewhere, and goes into debt; it is noted for nobody.
    package mutating func pay(_ count: Int, for key: Key, now: UInt64) {
        var bucket = self.bucket(for: key, now: now)
        _ = bucket.charge(count, now: now)
        self.buckets.renew(key, bucket)
    }

    /// Of more keys than are remembered, each node counts alone.
    ///
    /// The dictionary has no second name here: changing it would copy it.
    private mutating func note(_ count: Int, of key: Key) {
        guard count > 0, let keyCount = self.taken?.count, let known = self.taken?[key, default: 0],
            known > 0 || keyCount < self.maximumCount
        else {
            return
        }
        let (sum, overflow) = known.addingReportingOverflow(count)
        self.taken?[key] = overflow ? .max : sum
    }

    private mutating func bucket(for key: Key, now: UInt64) -> TokenBucket {
        if let bucket = self.known(key) {
            return bucket
        }
        self.makeRoom(now: now)
        return TokenBucket(limit: self.limit)
    }

    private func known(_ key: Key) -> TokenBucket? {
        guard var bucket = self.buckets[key] else {
            return nil
        }
        self.adapt(&bucket)
        return bucket
    }

    private func adapt(_ bucket: inout TokenBucket) {
        if bucket.limit != self.limit {
            bucket.limit = self.limit
        }
    }

    private mutating func makeRoom(now: UInt64) {
        for (key, bucket) in self.buckets.oldest(Self.sweepCount) where bucket.isFull(now: now) {
            self.buckets.remove(key)
        }
        if self.buckets.count >= self.maximumCount, let oldest = self.buckets.oldest {
            self.buckets.remove(oldest.key)
        }
    }
}
