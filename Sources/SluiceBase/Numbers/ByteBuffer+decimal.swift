public import NIOCore

// Inlined into the caller's module: a call across modules costs ten times as much.

extension UInt64 {
    /// How many decimal digits the number has.
    @inlinable
    public var decimalDigits: Int {
        var digits = 1
        var rest = self / 10
        while rest > 0 {
            digits += 1
            rest /= 10
        }
        return digits
    }
}

extension ByteBuffer {
    /// Writes a number in decimal, without an allocation.
    @inlinable
    public mutating func writeDecimal(_ number: UInt64) {
        let wordLimit: UInt64 = 100_000_000
        guard number >= wordLimit else {
            self.writeDigits(number, count: number.decimalDigits)
            return
        }
        self.writeDecimal(number / wordLimit)
        self.writeDigits(number % wordLimit, count: 8)
    }

    /// Writes the last digits of a number, at most eight, in one go: they fit into a word.
    @inlinable
    internal mutating func writeDigits(_ number: UInt64, count: Int) {
        var rest = number
        var word: UInt64 = 0
        for _ in 0..<count {
            word = word >> 8 | (UInt64(UInt8(ascii: "0")) + rest % 10) << 56
            rest /= 10
        }
        self.setInteger(word, at: self.writerIndex)
        self.moveWriterIndex(forwardBy: count)
    }
}
