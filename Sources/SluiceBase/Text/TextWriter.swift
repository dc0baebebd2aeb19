public import NIOCore

/// Text that is made of several short parts, written into bytes that are there: a buffer that is asked for each part
/// costs ten times as much.
@safe
@frozen
public struct TextWriter: ~Copyable {
    @usableFromInline internal let bytes: UnsafeMutableRawBufferPointer
    @inlinable internal var capacity: Int { unsafe self.bytes.count }
    /// How many bytes are written.
    @usableFromInline internal var count = 0

    /// Writes into these bytes, which have to stay as long as this does.
    @inlinable
    internal init(_ bytes: UnsafeMutableRawBufferPointer) {
        unsafe self.bytes = unsafe bytes
    }

    /// Where the next part goes; it has to fit.
    @inlinable
    @inline(__always)
    internal mutating func room(for byteCount: Int) -> UnsafeMutableRawBufferPointer {
        precondition(byteCount >= 0 && self.count + byteCount <= self.capacity, "there is room for the text")
        let start = self.count
        self.count += byteCount
        return unsafe UnsafeMutableRawBufferPointer(rebasing: self.bytes[start..<start + byteCount])
    }

    /// Writes a text of the program's own.
    @inlinable
    @inline(__always)
    public mutating func write(_ text: StaticString) {
        text.withUTF8Buffer { source in
            // Copied within the call.
            unsafe self.room(for: source.count).copyMemory(from: UnsafeRawBufferPointer(source))
        }
    }

    /// Writes some bytes.
    @inlinable
    @inline(__always)
    public mutating func write(_ source: [UInt8]) {
        unsafe source.withUnsafeBytes { source in
            // Copied within the call.
            unsafe self.room(for: source.count).copyMemory(from: source)
        }
    }

    /// Writes the readable bytes of a buffer.
    @inlinable
    @inline(__always)
    public mutating func write(_ source: ByteBuffer) {
        unsafe source.withUnsafeReadableBytes { source in
            // Copied within the call.
            unsafe self.room(for: source.count).copyMemory(from: source)
        }
    }

    /// Writes a number in decimal.
    @inlinable
    public mutating func write(decimal number: UInt64) {
        let digits = unsafe self.room(for: number.decimalDigits)
        var rest = number
        for place in digits.indices.reversed() {
            unsafe digits[place] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
            rest /= 10
        }
    }
}

extension ByteBuffer {
    /// Writes a text of at most so many bytes in one go.
    @inlinable
    public mutating func writeText(maximumBytes: Int, _ body: (inout TextWriter) -> Void) {
        // The writer does not outlive the call, and counts what it has written.
        unsafe self.writeWithUnsafeMutableBytes(minimumWritableBytes: maximumBytes) { bytes in
            var writer = unsafe TextWriter(bytes)
            body(&writer)
            return writer.count
        }
    }
}
