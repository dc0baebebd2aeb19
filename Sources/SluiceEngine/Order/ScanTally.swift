package import NIOCore
package import SluiceRelay

/// How many scans a shared log has: as they were listed, and what the nodes have begun and ended since.
///
/// What a node does is told up to a second later, so a list that is made meanwhile may have it already. Such a list is
/// made anew once everything is told that was done before it ended.
package struct ScanTally: Equatable {
    /// How late what a node did is told at most: a loop's report, a beat, and their way.
    package static let telling = TimeAmount.seconds(1)
    /// A list is made anew after this many times the time that it took, and after `telling`.
    private static let pause: Int64 = 10

    /// What each node has begun and ended, as it was told last.
    private var told: [String: ScanChanges] = [:]
    /// The same when the list was begun, and when the one was begun that is being made.
    private var base: [String: ScanChanges] = [:]
    private var nextBase: [String: ScanChanges]?
    private var listed: Int?
    private var beganAt = NIODeadline.uptimeNanoseconds(0)
    private var endedAt = NIODeadline.uptimeNanoseconds(0)
    /// Whether something was told that the list may have already.
    private var isDoubtful = false

    package init() {}

    /// Takes what each node has told; nodes that are not heard any more keep what they told last.
    package mutating func tell(_ changes: [String: ScanChanges], now: NIODeadline) {
        for (node, change) in changes where self.told[node] != change {
            if self.told.updateValue(change, forKey: node) == nil {
                // It may be older than the list, which then has what it did.
                self.base[node] = change
            }
            if self.nextBase != nil || now - self.endedAt <= Self.telling {
                self.isDoubtful = true
            }
        }
    }

    /// A list is begun; everything that is known by now was told.
    package mutating func begin(now: NIODeadline) {
        self.nextBase = self.told
        self.beganAt = now
        self.isDoubtful = false
    }

    /// The list that was begun is there, or it could not be made.
    ///
    /// - Parameters:
    ///   - count: How many scans it has that have not ended; nil if it is not whole.
    ///   - now: The time.
    package mutating func end(count: Int?, now: NIODeadline) {
        guard let nextBase = self.nextBase else { return }
        self.nextBase = nil
        self.endedAt = now
        guard let count else {
            self.isDoubtful = true
            return
        }
        self.listed = count
        self.base = self.told.merging(nextBase) { _, begun in begun }
    }

    /// Whether a list is to be made anew.
    package func isDue(now: NIODeadline) -> Bool {
        let pause = max(Self.telling, (self.endedAt - self.beganAt) * Self.pause)
        return self.isDoubtful && self.nextBase == nil && now - self.endedAt > pause
    }

    /// How many scans there are; 0 before the first list.
    package var count: Int {
        guard let listed = self.listed else { return 0 }
        let count = self.told.reduce(listed) { sum, node in
            let base = self.base[node.key] ?? node.value
            return sum + (node.value.begun - base.begun) - (node.value.ended - base.ended)
        }
        return max(0, count)
    }
}
