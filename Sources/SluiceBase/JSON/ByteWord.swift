/// Eight bytes looked at in one go.
///
/// Each question is answered by a word in which the high bit of a byte marks a hit. Marks above the first may be false,
/// because a subtraction borrows upwards; the first is always right, and only the first is used.
@frozen
public struct ByteWord {
    /// How many bytes a word has.
    @inlinable
    public static var width: Int { 8 }

    // Computed, because a stored constant of another module is read through a call.
    @inlinable
    internal static var ones: UInt64 { 0x0101_0101_0101_0101 }
    @inlinable
    internal static var highBits: UInt64 { 0x8080_8080_8080_8080 }

    /// The first byte is the lowest one, whatever the machine's order.
    @usableFromInline internal let bits: UInt64

    /// The eight bytes from `offset` on, which have to be there.
    @inlinable
    public init(_ bytes: Span<UInt8>, at offset: Int) {
        // Bounds are checked by the load itself; unsafe is only that the bytes are taken for an integer.
        let loaded = unsafe bytes.bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self)
        self.bits = UInt64(littleEndian: loaded)
    }

    /// How many bytes stand before the first that needs a look inside a JSON string; 8 if none does.
    ///
    /// Those are a quote, a backslash, a control character and every part of a multi-byte character.
    @inlinable
    @inline(__always)
    public var plainStringPrefix: Int {
        let marks =
            self.marks(of: UInt8(ascii: "\"")) | self.marks(of: UInt8(ascii: "\\")) | (self.bits &- 0x20 &* Self.ones)
            | self.bits
        return (marks & Self.highBits).trailingZeroBitCount / 8
    }

    /// How many bytes ``isPlainStringBlock(_:at:)`` looks at.
    @inlinable
    public static var blockWidth: Int { 16 }

    /// Whether none of the sixteen bytes from `offset` on, which have to be there, needs a look inside a JSON string.
    @inlinable
    @inline(__always)
    public static func isPlainStringBlock(_ bytes: Span<UInt8>, at offset: Int) -> Bool {
        // Bounds are checked by the load itself; unsafe is only that the bytes are taken for a vector.
        let block = unsafe bytes.bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: SIMD16<Int8>.self)
        // With a sign, parts of multi-byte characters are below control characters. Each step has its type, or it would be
        // taken lane by lane.
        let controls = block .< SIMD16<Int8>(repeating: 0x20)
        let quotes = block .== SIMD16<Int8>(repeating: 0x22)
        let backslashes = block .== SIMD16<Int8>(repeating: 0x5C)
        let marks = controls .| quotes .| backslashes
        // A mask has all bits of a lane set or none.
        let words = unsafe unsafeBitCast(marks, to: SIMD2<UInt64>.self)
        return words.x | words.y == 0
    }

    /// How many bytes stand before the first line feed; 8 if there is none.
    @inlinable
    @inline(__always)
    public var prefixBeforeLineFeed: Int {
        (self.marks(of: UInt8(ascii: "\n")) & Self.highBits).trailingZeroBitCount / 8
    }

    @inlinable
    @inline(__always)
    internal func marks(of byte: UInt8) -> UInt64 {
        let difference = self.bits ^ (UInt64(byte) &* Self.ones)
        return (difference &- Self.ones) & ~difference
    }
}
