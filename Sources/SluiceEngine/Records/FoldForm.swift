import NIOCore
package import SluiceRelay

/// The form of a fold with its counts by type.
package enum FoldForm {
    package static func bytes(_ fold: ScanFold) -> [UInt8] {
        var buffer = ByteBuffer()
        Self.write(fold, counts: fold.counts, into: &buffer)
        return Array(buffer.readableBytesView)
    }

    package static func fold(_ bytes: [UInt8]) -> ScanFold? {
        var buffer = ByteBuffer(bytes: bytes)
        guard let (stored, counts) = Self.read(from: &buffer) else {
            return nil
        }
        var fold = stored
        fold.restore(counts: counts)
        return fold
    }

    static func write(_ fold: ScanFold, counts: [String: Int], into buffer: inout ByteBuffer) {
        let stored = fold.stored
        buffer.writeInteger(UInt32(clamping: stored.count))
        buffer.writeBytes(stored)
        buffer.writeInteger(UInt32(clamping: counts.count))
        // Sorted, so that equal folds have equal bytes.
        for (type, count) in counts.sorted(by: { $0.key < $1.key }) {
            buffer.writeText(type)
            buffer.writeInteger(UInt64(clamping: count))
        }
    }

    static func read(from buffer: inout ByteBuffer) -> (ScanFold, [String: Int])? {
        guard let stored = buffer.readLengthPrefixedSlice(as: UInt32.self),
            let fold = ScanFold(stored: Array(stored.readableBytesView)),
            let typeCount = buffer.readInteger(as: UInt32.self)
        else {
            return nil
        }
        var counts: [String: Int] = [:]
        for _ in 0..<typeCount {
            guard let type = buffer.readText(), let count = buffer.readInteger(as: UInt64.self) else {
                return nil
            }
            counts[type] = min(Int(clamping: count), StoredNumber.maximum)
        }
        return (fold, counts)
    }
}
