internal import CZlib

/// The CRC-32 of a row, so that a byte that turned on the disk is noticed and never shown.
struct Checksum {
    private(set) var value: UInt32 = 0

    mutating func add(_ number: some FixedWidthInteger) {
        var rest = UInt64(truncatingIfNeeded: number)
        var bytes: (UInt64) = (0)
        for _ in 0..<8 {
            bytes = bytes << 8 | rest & 0xFF
            rest >>= 8
        }
        unsafe withUnsafeBytes(of: bytes) { unsafe self.add($0) }
    }

    mutating func add(_ text: String?) {
        guard let text else {
            self.add(UInt64.max)
            return
        }
        self.add(text.utf8.count)
        var contiguous = text
        contiguous.withUTF8 { unsafe self.add(UnsafeRawBufferPointer($0)) }
    }

    mutating func add(_ bytes: [UInt8]?) {
        guard let bytes else {
            self.add(UInt64.max)
            return
        }
        self.add(bytes.count)
        unsafe bytes.withUnsafeBytes { unsafe self.add($0) }
    }

    mutating func add(_ bytes: UnsafeRawBufferPointer) {
        guard bytes.count > 0, let start = unsafe bytes.bindMemory(to: UInt8.self).baseAddress else {
            return
        }
        self.value = unsafe UInt32(truncatingIfNeeded: crc32(UInt(self.value), start, UInt32(bytes.count)))
    }
}
