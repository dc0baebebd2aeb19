import TestSupport
import Testing

@testable import SluiceAdmission

@Suite struct BucketMapTests {
    private let second: UInt64 = 1_000_000_000

    @Test func `each key has a bucket of its own`() {
        var map = BucketMap<String>(limit: RateLimit(rate: 1, burst: 1), maximumCount: 10)
        var answers = [map.take(for: "a", now: 0), map.take(for: "b", now: 0), map.take(for: "a", now: 0)]
        #expect(answers == [.taken, .taken, .refused(retryAfter: self.second)])
        map.limit = RateLimit(rate: 2, burst: 2)
        answers = [map.take(for: "a", now: self.second), map.take(for: "a", now: self.second)]
        #expect(answers == [.taken, .taken])
        check(map.charge(2, for: "c", now: 0), 0)
        check(map.charge(2, for: "c", now: 0), self.second)
    }

    @Test func `idle keys are forgotten before there are too many`() {
        var map = BucketMap<Int>(limit: RateLimit(rate: 10, burst: 10), maximumCount: 10_000)
        for key in 0..<1000 {
            _ = map.take(for: key, now: 0)
        }
        #expect(map.count == 1000)
        for key in 1000..<1100 {
            _ = map.take(for: key, now: self.second)
        }
        #expect(map.count == 100)
    }

    @Test func `a full map lets go of idle keys first, and of the least recently used only then`() {
        var map = BucketMap<Int>(limit: RateLimit(rate: 1, burst: 10), maximumCount: 4)
        _ = map.take(10, for: 0, now: 0)
        for key in 1..<4 {
            _ = map.take(for: key, now: 0)
        }
        // The oldest key is still paying for its burst; the others are idle again.
        _ = map.take(for: 4, now: 2 * self.second)
        #expect(map.count == 2)
        check(map.take(10, for: 0, now: 2 * self.second) != .taken, true)
        for key in 5..<7 {
            _ = map.take(10, for: key, now: 2 * self.second)
        }
        #expect(map.count == 4)
        _ = map.take(10, for: 7, now: 2 * self.second)
        #expect(map.count == 4)
        check(map.take(10, for: 0, now: 2 * self.second) != .taken, true)
        check(map.take(10, for: 4, now: 2 * self.second), .taken)
    }

    @Test(arguments: [1, 2, 3, 4])
    func `the bound holds, and no key gets more than its share while it is remembered`(seed: UInt64) {
        var generator = SplitMix64(seed: seed)
        var map = BucketMap<Int>(limit: RateLimit(rate: 5, burst: 3), maximumCount: 20)
        var model: [Int: TokenBucket] = [:]
        var now: UInt64 = 0
        for _ in 0..<20_000 {
            now += UInt64.random(in: 0...(self.second / 50), using: &generator)
            // Few enough keys that none in use has to be forgotten: then it must behave as an unbounded map does.
            let key = Int.random(in: 0..<20, using: &generator)
            let count = Int.random(in: 1...3, using: &generator)
            let expected = model[key, default: TokenBucket(limit: map.limit)].take(count, now: now)
            // Where its bucket is said to be may be another's, or nowhere.
            var place: Int? = Int.random(in: -5..<25, using: &generator)
            let answer = map.take(count, for: key, now: now, place: &place)
            #expect(answer == expected)
            #expect(map.count <= 20)
        }
        for key in 0..<10_000 {
            _ = map.take(for: key, now: now)
            #expect(map.count <= 20)
        }
    }

    @Test func `what is taken is noted where somebody asks, and what is paid is not`() {
        var map = BucketMap<String>(limit: RateLimit(rate: 1, burst: 5), maximumCount: 2)
        _ = map.take(2, for: "a", now: 0)
        #expect(map.takeNotes() == [:])
        map.beginNoting()
        _ = map.take(2, for: "a", now: 0)
        _ = map.charge(3, for: "b", now: 0)
        #expect(map.take(2, for: "a", now: 0) != .taken)
        map.pay(4, for: "b", now: 0)
        // Of more keys than are remembered nothing is noted.
        _ = map.charge(1, for: "c", now: 0)
        _ = map.charge(1, for: "b", now: 0)
        #expect(map.takeNotes() == ["a": 2, "b": 4] && map.takeNotes() == [:])
    }

    /// Nodes that take what their buckets give, and tell each other; how much all took together.
    private func taken(seconds: UInt64, active: [Int], limit: RateLimit, seed: UInt64) -> Int {
        var random = SplitMix64(seed: seed)
        var nodes = (0..<3).map { _ in BucketMap<String>(limit: limit) }
        for node in nodes.indices {
            nodes[node].beginNoting()
        }
        var total = 0
        var now: UInt64 = 0
        let interval = self.second / 4
        for _ in 0..<4 * seconds {
            now += interval
            for node in active.shuffled(using: &random) where UInt.random(in: 0..<8, using: &random) > 0 {
                while nodes[node].take(for: "user", now: now) == .taken {
                    total += 1
                }
            }
            for node in nodes.indices {
                for (key, count) in nodes[node].takeNotes() {
                    for other in nodes.indices where other != node {
                        nodes[other].pay(count, for: key, now: now)
                    }
                }
            }
        }
        return total
    }

    @Test(arguments: [[0], [1, 2], [0, 1, 2]])
    func `a key has its rate, and a burst on each node, whichever nodes it uses`(active: [Int]) {
        for (rate, burst) in [(20, 40), (1, 500)] {
            for seed in 0..<10 as Range<UInt64> {
                let limit = RateLimit(rate: Double(rate), burst: burst)
                let taken = self.taken(seconds: 1000, active: active, limit: limit, seed: seed)
                #expect(taken <= rate * 1000 + active.count * burst, "\(active): \(taken)")
                #expect(taken >= rate * 1000, "\(active): \(taken)")
            }
        }
    }

    @Test func `many loops may ask at once`() async {
        let limiter = RateLimiter<String>(limit: RateLimit(rate: 1, burst: 1000), maximumCount: 10)
        let taken = await withTaskGroup(of: Int.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    (0..<500).count { _ in limiter.take(for: "a", now: 0) == .taken }
                }
            }
            return await group.reduce(0, +)
        }
        #expect(taken == 1000)
        limiter.setLimit(RateLimit(rate: 1, burst: 2000))
        #expect(limiter.burst == 2000)
        #expect(limiter.count == 1)
    }
}
