import Synchronization

/// The bytes of requests that wait for a shared log, of all homes together, so that the bound holds for the whole
/// gateway.
final class WaitingBytes: Sendable {
    /// Beyond this nothing more is taken in; what waits already stays.
    static let limit = 64 * 1024 * 1024

    private let count = Atomic<Int>(0)

    /// Takes room; false where there is none.
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
