import Synchronization

/// How much memory all compressors together may hold.
///
/// Shared by all loops.
package final class CompressionMemory: Sendable {
    /// The most bytes of compressors at once; groups beyond it go uncompressed.
    package let limit: Int
    private let used = Atomic<Int>(0)
    private let refusals = Atomic<Int>(0)

    package init(limit: Int) {
        self.limit = limit
    }

    /// Bytes held now.
    package var usedBytes: Int { self.used.load(ordering: .relaxed) }
    /// How many groups and streams were refused a compressor.
    package var refusedCount: Int { self.refusals.load(ordering: .relaxed) }

    /// Takes a share, if there is room.
    ///
    /// A caller that asks again after a refusal counts as refused once.
    package func reserve(_ bytes: Int, isAskedAgain: Bool = false) -> Bool {
        let after = self.used.add(bytes, ordering: .relaxed).newValue
        guard after <= self.limit else {
            self.used.subtract(bytes, ordering: .relaxed)
            self.refusals.add(isAskedAgain ? 0 : 1, ordering: .relaxed)
            return false
        }
        return true
    }

    /// Gives a share back.
    package func release(_ bytes: Int) {
        self.used.subtract(bytes, ordering: .relaxed)
    }

    /// The memory of zlib's deflate for a window and memory level (zconf.h), in bytes.
    package static func deflateBytes(windowBits: Int, memoryLevel: Int) -> Int {
        (1 << (windowBits + 2)) + (1 << (memoryLevel + 9)) + 6 * 1024
    }
}
