internal import Synchronization

/// How many bytes of requests all connections together hold: collected bodies, and bytes received behind a request in
/// progress.
///
/// Beyond the limit, or a quarter of it while memory is short, requests are refused with 503. Shared by all loops.
package final class RequestMemory: Sendable {
    /// This many bytes of each connection are not counted: heads and small bodies pass even when nothing is left.
    static let freeBytes = 16 * 1024

    /// The most bytes at once, of all connections.
    package let limit: Int
    private let used = Atomic<Int>(0)
    private let isShort = Atomic<Bool>(false)

    package init(limit: Int = 256 * 1024 * 1024) {
        self.limit = limit
    }

    /// Bytes held now.
    package var usedBytes: Int { self.used.load(ordering: .relaxed) }

    /// The machine's memory became short, or is no longer short.
    package func setShort(_ isShort: Bool) {
        self.isShort.store(isShort, ordering: .relaxed)
    }

    private func reserve(_ byteCount: Int) -> Bool {
        let limit = self.isShort.load(ordering: .relaxed) ? self.limit / 4 : self.limit
        guard self.used.add(byteCount, ordering: .relaxed).newValue <= limit else {
            self.release(byteCount)
            return false
        }
        return true
    }

    private func release(_ byteCount: Int) {
        self.used.subtract(byteCount, ordering: .relaxed)
    }

    /// One holder's part of it; given back when the share is released.
    struct Share: ~Copyable {
        private let memory: RequestMemory
        private var byteCount = 0

        init(of memory: RequestMemory) {
            self.memory = memory
        }

        /// This many bytes are held now.
        ///
        /// - Returns: Whether there is room for them; if not, the share stays as it was.
        mutating func set(_ heldByteCount: Int) -> Bool {
            let wanted = heldByteCount > RequestMemory.freeBytes ? heldByteCount : 0
            if wanted > self.byteCount {
                guard self.memory.reserve(wanted - self.byteCount) else { return false }
            } else if wanted < self.byteCount {
                self.memory.release(self.byteCount - wanted)
            }
            self.byteCount = wanted
            return true
        }

        deinit {
            self.memory.release(self.byteCount)
        }
    }
}
