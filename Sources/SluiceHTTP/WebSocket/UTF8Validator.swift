import NIOCore

/// Judges UTF-8 that arrives in pieces (RFC 3629), and says so at the first byte that cannot be part of any.
struct UTF8Validator {
    /// How many bytes of the character under way are to come.
    private var missingCount = 0
    /// The allowed values of the next of them.
    ///
    /// Only the second byte of a character may allow less than 80 to BF: overlong forms, surrogates and values above
    /// U+10FFFF differ there from valid ones.
    private var expected: ClosedRange<UInt8> = 0x80...0xBF

    /// Whether the bytes so far end where a character ends.
    var isComplete: Bool { self.missingCount == 0 }

    /// Takes the next piece.
    ///
    /// - Parameter bytes: The bytes after those of the last call.
    /// - Returns: False if this can no longer be UTF-8; then no call may follow.
    mutating func append(_ bytes: Span<UInt8>) -> Bool {
        var index = 0
        let count = bytes.count
        while index < count {
            if self.missingCount == 0 {
                index = Self.skipASCII(bytes, from: index)
                guard index < count else { break }
            }
            guard self.append(bytes[index]) else { return false }
            index += 1
        }
        return true
    }

    private static func skipASCII(_ bytes: Span<UInt8>, from start: Int) -> Int {
        var index = start
        let lastWord = bytes.count - 8
        while index <= lastWord {
            // The load checks its bounds; unsafe is only that the bytes are taken for an integer.
            let word = unsafe bytes.bytes.unsafeLoadUnaligned(fromByteOffset: index, as: UInt64.self)
            guard word & 0x8080_8080_8080_8080 == 0 else { break }
            index += 8
        }
        while index < bytes.count, bytes[index] < 0x80 {
            index += 1
        }
        return index
    }

    private mutating func append(_ byte: UInt8) -> Bool {
        if self.missingCount > 0 {
            guard self.expected.contains(byte) else { return false }
            self.missingCount -= 1
            self.expected = 0x80...0xBF
            return true
        }
        switch byte {
        case 0x00...0x7F: break
        case 0xC2...0xDF: self.begin(missingCount: 1, second: 0x80...0xBF)
        case 0xE0: self.begin(missingCount: 2, second: 0xA0...0xBF)
        case 0xED: self.begin(missingCount: 2, second: 0x80...0x9F)
        case 0xE1...0xEF: self.begin(missingCount: 2, second: 0x80...0xBF)
        case 0xF0: self.begin(missingCount: 3, second: 0x90...0xBF)
        case 0xF1...0xF3: self.begin(missingCount: 3, second: 0x80...0xBF)
        case 0xF4: self.begin(missingCount: 3, second: 0x80...0x8F)
        default: return false
        }
        return true
    }

    private mutating func begin(missingCount: Int, second: ClosedRange<UInt8>) {
        self.missingCount = missingCount
        self.expected = second
    }
}
