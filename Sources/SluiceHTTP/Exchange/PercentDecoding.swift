/// Percent-decoding that takes nothing on trust (RFC 3986, section 2.1).
internal enum PercentDecoding {
    /// Decodes one piece of a target.
    ///
    /// - Parameters:
    ///   - bytes: The piece as it was sent.
    ///   - plusIsSpace: Whether `+` means a space, as in `application/x-www-form-urlencoded`.
    /// - Returns: nil if an escape is not two hexadecimal digits, the outcome is not UTF-8, or it has a control
    ///   character in it.
    static func decode(_ bytes: Substring.UTF8View, plusIsSpace: Bool) -> String? {
        // Most pieces are plain: their bytes stand for themselves.
        let isPlain = bytes.allSatisfy { byte in
            byte >= 0x20 && byte < 0x7F && byte != UInt8(ascii: "%") && byte != UInt8(ascii: "+")
        }
        guard !isPlain else { return String(Substring(bytes)) }
        return Self.decodeEscapes(bytes, plusIsSpace: plusIsSpace)
    }

    private static func decodeEscapes(_ bytes: Substring.UTF8View, plusIsSpace: Bool) -> String? {
        var decoded: [UInt8] = []
        decoded.reserveCapacity(bytes.count)
        var iterator = bytes.makeIterator()
        while let byte = iterator.next() {
            var value = byte
            if byte == UInt8(ascii: "%") {
                guard let high = iterator.next().flatMap(Self.digit), let low = iterator.next().flatMap(Self.digit)
                else { return nil }
                value = high << 4 | low
            } else if plusIsSpace, byte == UInt8(ascii: "+") {
                value = UInt8(ascii: " ")
            }
            guard value >= 0x20, value != 0x7F else { return nil }
            decoded.append(value)
        }
        return String(validating: decoded, as: Unicode.UTF8.self)
    }

    /// The value of a hexadecimal digit.
    static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
