/// Where a checked string stands in a text, and how to read it.
@frozen
public struct JSONString {
    /// The bytes between the quotes.
    public let contents: Range<Int>
    /// Whether there is a backslash among them.
    public let hasEscapes: Bool

    @inlinable
    public init(contents: Range<Int>, hasEscapes: Bool) {
        self.contents = contents
        self.hasEscapes = hasEscapes
    }

    /// The text of the string, as UTF-8.
    ///
    /// Bytes rather than a `String`, because escapes can spell a lone surrogate, which no `String` can hold. It becomes
    /// the three bytes that UTF-8 would give it if it could, so that different strings stay different bytes.
    ///
    /// - Parameters:
    ///   - bytes: The text that the string was found in.
    ///   - enough: Bytes beyond the limit are left out, but no character is cut.
    /// - Returns: The bytes that the string stands for.
    @inlinable
    public func unescaped(_ bytes: Span<UInt8>, enough: Int = .max) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(min(self.contents.count, enough))
        var offset = self.contents.lowerBound
        while offset < self.contents.upperBound, result.count < enough || bytes[offset] & 0xC0 == 0x80 {
            guard bytes[offset] == UInt8(ascii: "\\") else {
                result.append(bytes[offset])
                offset += 1
                continue
            }
            if bytes[offset + 1] == UInt8(ascii: "u") {
                let (codePoint, length) = self.codePoint(bytes, at: offset)
                Self.append(codePoint, to: &result)
                offset += length
            } else {
                result.append(Self.meaning(ofEscaped: bytes[offset + 1]))
                offset += 2
            }
        }
        return result
    }

    /// The code point of a `\u` escape, and how many bytes it takes: 12 for a pair of surrogates (RFC 8259 section 7).
    @inlinable
    internal func codePoint(_ bytes: Span<UInt8>, at offset: Int) -> (codePoint: UInt32, length: Int) {
        let first = Self.codeUnit(bytes, at: offset + 2)
        guard 0xD800...0xDBFF ~= first, offset + 12 <= self.contents.upperBound,
            bytes[offset + 6] == UInt8(ascii: "\\"), bytes[offset + 7] == UInt8(ascii: "u")
        else { return (first, 6) }
        let second = Self.codeUnit(bytes, at: offset + 8)
        guard 0xDC00...0xDFFF ~= second else { return (first, 6) }
        return (0x10000 + (first - 0xD800) << 10 + (second - 0xDC00), 12)
    }

    @inlinable
    internal static func codeUnit(_ bytes: Span<UInt8>, at offset: Int) -> UInt32 {
        var result: UInt32 = 0
        for place in offset..<(offset + 4) {
            result = result << 4 | UInt32(Hexadecimal.value(ofDigit: bytes[place]) ?? 0)
        }
        return result
    }

    @inlinable
    internal static func append(_ codePoint: UInt32, to result: inout [UInt8]) {
        func tail(_ shift: UInt32) -> UInt8 { 0x80 | UInt8(codePoint >> shift & 0x3F) }
        switch codePoint {
        case ..<0x80: result.append(UInt8(codePoint))
        case ..<0x800: result += [0xC0 | UInt8(codePoint >> 6), tail(0)]
        case ..<0x10000: result += [0xE0 | UInt8(codePoint >> 12), tail(6), tail(0)]
        default: result += [0xF0 | UInt8(codePoint >> 18), tail(12), tail(6), tail(0)]
        }
    }

    @inlinable
    internal static func meaning(ofEscaped byte: UInt8) -> UInt8 {
        switch byte {
        case UInt8(ascii: "b"): 0x08
        case UInt8(ascii: "f"): 0x0C
        case UInt8(ascii: "n"): 0x0A
        case UInt8(ascii: "r"): 0x0D
        case UInt8(ascii: "t"): 0x09
        default: byte
        }
    }

    /// Whether unescaped bytes are UTF-8, which only a lone surrogate can keep them from.
    ///
    /// - Parameter unescaped: What `unescaped(_:)` gave.
    /// - Returns: False if there is a lone surrogate.
    @inlinable
    public static func isText(_ unescaped: [UInt8]) -> Bool {
        // 0xED leads U+D000 to U+DFFF, of which the upper half are the surrogates.
        !zip(unescaped, unescaped.dropFirst()).contains { $0 == 0xED && $1 >= 0xA0 }
    }
}
