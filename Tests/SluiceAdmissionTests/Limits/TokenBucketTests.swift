import TestSupport
import Testing

@testable import SluiceAdmission

@Suite struct TokenBucketTests {
    static let second: UInt64 = 1_000_000_000

    @Test func `a burst goes through, then one each interval`() {
        var bucket = TokenBucket(limit: RateLimit(rate: 10, burst: 20))
        let start: UInt64 = 5 * Self.second
        for _ in 0..<20 {
            check(bucket.take(now: start), .taken)
        }
        check(bucket.take(now: start), .refused(retryAfter: 100_000_000))
        check(bucket.take(now: start + 99_999_999), .refused(retryAfter: 1))
        check(bucket.take(now: start + 100_000_000), .taken)
        check(bucket.take(now: start + 100_000_000), .refused(retryAfter: 100_000_000))
    }

    @Test func `it is all or nothing, and more than the burst never fits`() {
        var bucket = TokenBucket(limit: RateLimit(rate: 1, burst: 5))
        check(bucket.take(6, now: 0), .neverFits)
        check(bucket.take(3, now: 0), .taken)
        check(bucket.take(3, now: 0), .refused(retryAfter: Self.second))
        check(bucket.take(2, now: 0), .taken)
        check(bucket.take(0, now: 0), .taken)
        #expect(bucket.isFull(now: 4 * Self.second) == false)
        #expect(bucket.isFull(now: 5 * Self.second))
    }

    @Test func `a clock that goes back gives nothing`() {
        var bucket = TokenBucket(limit: RateLimit(rate: 1, burst: 1))
        check(bucket.take(now: 10 * Self.second), .taken)
        check(bucket.take(now: 0), .refused(retryAfter: 11 * Self.second))
        check(bucket.take(now: 11 * Self.second), .taken)
    }

    @Test func `a charge is paid by waiting`() {
        var bucket = TokenBucket(limit: RateLimit(rate: 100, burst: 10))
        check(bucket.charge(10, now: 0), 0)
        check(bucket.charge(50, now: 0), Self.second / 2)
        check(bucket.charge(0, now: Self.second / 4), Self.second / 4)
        check(bucket.charge(0, now: Self.second / 2), 0)
        check(bucket.take(now: Self.second / 2), .refused(retryAfter: Self.second / 100))
        check(bucket.charge(.max, now: 0) > 1_000_000 * Self.second, true)
    }

    @Test func `asking takes nothing, and tells what taking would`() {
        var bucket = TokenBucket(limit: RateLimit(rate: 1, burst: 5))
        check(bucket.answer(to: 5, now: 0), .taken)
        check(bucket.answer(to: 6, now: 0), .neverFits)
        check(bucket.take(5, now: 0), .taken)
        check(bucket.answer(to: 2, now: 0), .refused(retryAfter: 2 * Self.second))
        check(bucket.answer(to: 2, now: 2 * Self.second), .taken)
        check(bucket.take(2, now: 2 * Self.second), .taken)
    }

    @Test func `a debt under an old limit shrinks also if it is only asked about`() {
        var map = BucketMap<String>(limit: RateLimit(rate: 1, burst: 1))
        check(map.charge(1000, for: "a", now: 0) > 0, true)
        map.limit = RateLimit(rate: 10, burst: 10)
        check(map.answer(for: "a", now: 0), .refused(retryAfter: Self.second / 10))
        check(map.answer(for: "a", now: Self.second / 10), .taken)
        check(map.answer(for: "stranger", now: 0), .taken)
        #expect(map.count == 1)
    }

    @Test func `a new limit holds at once, and an old debt is no greater than an empty bucket`() {
        var bucket = TokenBucket(limit: RateLimit(rate: 1, burst: 1000))
        check(bucket.take(1000, now: 0), .taken)
        bucket.limit = RateLimit(rate: 10, burst: 10)
        check(bucket.take(now: 0), .refused(retryAfter: Self.second / 10))
        check(bucket.take(10, now: Self.second), .taken)
    }

    @Test(arguments: [3, 7, 999_983, 6e8])
    func `whoever takes as soon as told gets the rate, and no more`(rate: Double) {
        var bucket = TokenBucket(limit: RateLimit(rate: rate, burst: 5))
        var now: UInt64 = 0
        var takenCount = 0
        while takenCount < 1000 {
            switch bucket.take(now: now) {
            case .taken:
                takenCount += 1
            case .refused(let delay):
                now += delay
            case .neverFits:
                Issue.record("one fits into a burst of five")
                return
            }
        }
        #expect(Double(takenCount) <= 5 + rate * Double(now) / 1e9 + 1e-9)
    }

    @Test(arguments: [0.0001, 0.1, 1.0 / 3, 1, 3, 7, 10, 5000, 999_983, 2e9])
    func `no interval gives more than burst and rate, and what is said about waiting is true`(rate: Double) {
        var generator = SplitMix64(seed: UInt64(rate * 1000) + 1)
        for burst in [1, 2, 7, 40] {
            let limit = RateLimit(rate: rate, burst: burst)
            var bucket = TokenBucket(limit: limit)
            var now = UInt64.random(in: 0...(1 << 40), using: &generator)
            var taken: [(at: UInt64, count: Int)] = []
            for _ in 0..<300 {
                let count = Int.random(in: 1...burst, using: &generator)
                switch bucket.take(count, now: now) {
                case .taken:
                    taken.append((now, count))
                case .refused(let delay):
                    var early = bucket
                    var late = bucket
                    check(early.take(count, now: now + delay - 1) != .taken, true)
                    check(late.take(count, now: now + delay) == .taken, true)
                case .neverFits:
                    Issue.record("a part of the burst fits")
                }
                now += UInt64.random(in: 0...(limit.interval * 3), using: &generator)
            }
            for first in taken.indices {
                var sum = 0
                for last in taken[first...] {
                    sum += last.count
                    let seconds = Double(last.at - taken[first].at) / 1e9
                    // Below one an hour counts as one an hour, above a billion a second as a billion.
                    let allowed = Double(burst) + min(max(rate, 1.0 / 3600), 1e9) * seconds
                    #expect(Double(sum) <= allowed + 1e-6)
                }
            }
        }
    }
}
