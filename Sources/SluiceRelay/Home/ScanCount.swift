import Synchronization

/// How many scans all homes hold together, so that the limit is one for the gateway.
final class ScanCount: Sendable {
    private let count = Atomic<Int>(0)

    /// Takes a place, if there is one.
    func takeOne(limit: Int) -> Bool {
        guard self.count.add(1, ordering: .relaxed).newValue <= limit else {
            self.count.subtract(1, ordering: .relaxed)
            return false
        }
        return true
    }

    func giveBackOne() {
        self.count.subtract(1, ordering: .relaxed)
    }

    var current: Int { self.count.load(ordering: .relaxed) }
}
