import Synchronization

/// Counts from any thread.
final class LockedCount: Sendable {
    private let value = Mutex(0)

    var count: Int { self.value.withLock { $0 } }

    func add() {
        self.value.withLock { $0 += 1 }
    }
}
