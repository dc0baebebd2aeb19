import NIOCore

/// Remembers what was seen lately, and forgets the oldest when there is too much of it.
struct RecentSet: Sendable {
    private let maximumCount: Int
    private var members: Set<String> = []
    private var order = CircularBuffer<String>()

    /// A set with nothing in it.
    ///
    /// - Parameter maximumCount: How many members are remembered.
    init(maximumCount: Int) {
        self.maximumCount = maximumCount
    }

    /// Remembers `member`.
    ///
    /// - Returns: Whether it was new.
    mutating func insert(_ member: String) -> Bool {
        guard self.members.insert(member).inserted else { return false }
        self.order.append(member)
        if self.order.count > self.maximumCount {
            self.members.remove(self.order.removeFirst())
        }
        return true
    }
}
