/// Base64 with the URL alphabet and no padding, as RFC 7515 section 2 has it.
///
/// Decoding is strict: one text for each value. Padding, white space, the other alphabet and stray bits in the last
/// character are refused, or one signature would have many spellings.
public enum Base64URL {
    @usableFromInline internal static let alphabet = [UInt8](
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8
    )

    /// The value of each character of the alphabet, and 0xFF for every other byte.
    @usableFromInline internal static let values: [UInt8] = {
        var values = [UInt8](repeating: 0xFF, count: 256)
        for (value, character) in Self.alphabet.enumerated() {
            values[Int(character)] = UInt8(value)
        }
        return values
    }()

    /// The bytes that a text stands for.
    ///
    /// - Parameter text: ASCII bytes; empty gives empty.
    /// - Returns: The bytes, or `nil` if the text is not exactly the output of ``encode(_:)``.
    @inlinable
    public static func decode(_ text: some Collection<UInt8>) -> [UInt8]? {
        let remainder = text.count % 4
        guard remainder != 1 else {
            return nil
        }
        let values = Self.values
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count / 4 * 3 + 2)
        var bits: UInt32 = 0
        var bitCount = 0
        for character in text {
            let value = values[Int(character)]
            guard value != 0xFF else {
                return nil
            }
            bits = bits << 6 | UInt32(value)
            bitCount += 6
            if bitCount >= 8 {
                bitCount -= 8
                bytes.append(UInt8(truncatingIfNeeded: bits >> UInt32(bitCount)))
                bits &= (1 << UInt32(bitCount)) - 1
            }
        }
        return bits == 0 ? bytes : nil
    }

    /// The text for some bytes.
    ///
    /// - Parameter bytes: Any bytes; empty gives empty.
    /// - Returns: Four characters for every three bytes, and no padding.
    @inlinable
    public static func encode(_ bytes: some Collection<UInt8>) -> String {
        var text: [UInt8] = []
        text.reserveCapacity((bytes.count * 4 + 2) / 3)
        var bits: UInt32 = 0
        var bitCount = 0
        for byte in bytes {
            bits = bits << 8 | UInt32(byte)
            bitCount += 8
            while bitCount >= 6 {
                bitCount -= 6
                text.append(Self.alphabet[Int(bits >> UInt32(bitCount) & 0x3F)])
            }
            bits &= (1 << UInt32(bitCount)) - 1
        }
        if bitCount > 0 {
            text.append(Self.alphabet[Int(bits << UInt32(6 - bitCount) & 0x3F)])
        }
        return String(decoding: text, as: UTF8.self)
    }
}

/// Texts that cannot be guessed, from the system's cryptographically secure generator.
package enum RandomText {
    /// Random bytes as base64url.
    package static func make(byteCount: Int) -> String {
        var generator = SystemRandomNumberGenerator()
        return Base64URL.encode((0..<byteCount).map { _ in UInt8.random(in: .min ... .max, using: &generator) })
    }
}
