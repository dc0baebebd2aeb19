import Synchronization

/// Bytes of requests that wait for a shared log, of all homes together, so that the bound is one for the gateway.
final class WaitingBytes: Sendable {
    /// Beyond it nothing more is taken in; what is there stays.
    static let limit = 64 * 1024 * 1024

    private let count = Atomic<Int>(0)

    /// Takes room, if there is any.
    func take(_ bytes: Int) -> Bool {
        guard self.count.add(bytes, ordering: .relaxed).newValue <= Self.limit else {
            self.count.subtract(bytes, ordering: .relaxed)
            return false
        }
        return true
    }

    func giveBack(_ bytes: Int) {
        self.count.subtract(bytes, ordering: .relaxed)
    }

    var current: Int { self.count.load(ordering: .relaxed) }
}
