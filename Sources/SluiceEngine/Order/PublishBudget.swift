/// How much may be published and not answered yet, in bytes.
///
/// What waits for its turn does not count: it would keep out what is to be tried again, and so itself.
package struct PublishBudget: Sendable, Equatable {
    private let maximumBytes: Int
    private var bytes = 0

    package init(maximumBytes: Int) {
        self.maximumBytes = maximumBytes
    }

    /// Whether a record may be published now; one always may, however large it is.
    package mutating func take(_ count: Int) -> Bool {
        guard self.bytes == 0 || self.bytes + count <= self.maximumBytes else {
            return false
        }
        self.bytes += count
        return true
    }

    /// One that was published is answered, or its time is over.
    package mutating func giveBack(_ count: Int) {
        self.bytes -= count
    }
}
