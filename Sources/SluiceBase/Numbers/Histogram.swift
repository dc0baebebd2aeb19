/// How often a value was at most each of some bounds: a classic histogram in Prometheus' terms.
///
/// Its buckets are fixed when it is made, so counting takes no lock and no memory: each counter owns one, and a report
/// adds up copies. A pure value.
package struct Histogram: Sendable, Equatable {
    /// Bounds of times, in seconds: from the least time of a message to a minute.
    package static let timeBounds = [
        0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60,
    ]
    /// Bounds of numbers of things.
    package static let countBounds = [1.0, 2, 5, 10, 20, 50, 100, 200, 500, 1000]

    /// The greatest value of each bucket but the last, which has none.
    package let bounds: [Double]
    /// How many values each bucket has that are in none before it.
    package private(set) var counts: [Int]
    /// The sum of all values.
    package private(set) var sum = 0.0

    /// - Parameter bounds: Ascending; none, for a count and a sum alone.
    package init(bounds: [Double]) {
        precondition(zip(bounds, bounds.dropFirst()).allSatisfy { $0.0 < $0.1 }, "bounds ascend")
        self.bounds = bounds
        self.counts = Array(repeating: 0, count: bounds.count + 1)
    }

    /// How many values there were.
    package var count: Int { self.counts.reduce(0, +) }

    /// Counts a value, as many times as it was seen; a value that is not finite is not counted.
    package mutating func observe(_ value: Double, times: Int = 1) {
        guard value.isFinite, times > 0 else {
            return
        }
        var bucket = 0
        while bucket < self.bounds.count, value > self.bounds[bucket] {
            bucket += 1
        }
        self.counts[bucket] += times
        self.sum += value * Double(times)
    }

    /// Adds the counts of another histogram with the same bounds.
    package mutating func add(_ other: Histogram) {
        precondition(self.bounds == other.bounds, "only like is added to like")
        for bucket in self.counts.indices {
            self.counts[bucket] += other.counts[bucket]
        }
        self.sum += other.sum
    }
}
