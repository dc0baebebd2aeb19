internal import Synchronization

/// How many TCP connections the public listener holds.
///
/// One over the limit is told so, and closed.
final class TransportCount: Sendable {
    private let count = Atomic<Int>(0)
    private let limit: Atomic<Int>

    init(limit: Int) {
        self.limit = Atomic(limit)
    }

    /// How many there are.
    var current: Int { self.count.load(ordering: .relaxed) }

    /// A new limit from the operator; those that stand stay.
    func setLimit(_ limit: Int) {
        self.limit.store(limit, ordering: .relaxed)
    }

    /// A connection stands.
    ///
    /// Returns what its requests are to be answered, if there is no room for it.
    func open() -> Problem? {
        let count = self.count.add(1, ordering: .relaxed).newValue
        guard count > self.limit.load(ordering: .relaxed) else {
            return nil
        }
        return Problem(.overloaded, "the gateway holds as many connections as it may", retryAfterSeconds: 5)
    }

    /// A connection is gone.
    func close() {
        self.count.subtract(1, ordering: .relaxed)
    }
}
