/// Text from elsewhere, made fit for a terminal.
enum DisplayText {
    /// Replaces characters that control a terminal, or reverse the reading order, by U+FFFD.
    ///
    /// Banners and page titles are under the control of the scanned host.
    static func safe(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: self.isUnsafe) else { return text }
        var result = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            result.append(self.isUnsafe(scalar) ? "\u{FFFD}" : scalar)
        }
        return String(result)
    }

    /// Writes characters that ``safe(_:)`` would replace as `\u001b`.
    static func escaped(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: self.isUnsafe) else { return text }
        var result = ""
        for scalar in text.unicodeScalars {
            if self.isUnsafe(scalar) {
                result += self.escape(scalar)
            } else {
                result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    /// Lines of JSON with the same meaning, in which nothing steers a terminal.
    ///
    /// Within a string such a character is written as an escape; between values only a carriage return could be one, and
    /// becomes a space.
    static func escaped(json bytes: [UInt8]) -> [UInt8] {
        let text = String(decoding: bytes, as: UTF8.self)
        guard text.unicodeScalars.contains(where: { self.isUnsafe($0) && $0 != "\n" && $0 != "\t" }) else {
            return bytes
        }
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\r": result += " "
            case "\n", "\t": result.unicodeScalars.append(scalar)
            default: result += self.isUnsafe(scalar) ? self.escape(scalar) : String(scalar)
            }
        }
        return Array(result.utf8)
    }

    /// Leaves out the control sequences that colour a text (ECMA-48).
    static func withoutColours(_ text: String) -> String {
        guard text.utf8.contains(0x1B) else { return text }
        var result = String.UnicodeScalarView()
        var isSequence = false
        for scalar in text.unicodeScalars {
            if scalar == "\u{1B}" {
                isSequence = true
            } else if isSequence {
                isSequence = !scalar.properties.isAlphabetic
            } else {
                result.append(scalar)
            }
        }
        return String(result)
    }

    private static func escape(_ scalar: Unicode.Scalar) -> String {
        let digits = String(scalar.value, radix: 16)
        return "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
    }

    private static func isUnsafe(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0..<0x20, 0x7F...0x9F, 0x200E, 0x200F, 0x2028...0x202E, 0x2066...0x2069:
            true
        default:
            false
        }
    }
}

extension StringProtocol {
    /// As much of the text's beginning as fits into this many bytes, cut between two characters' codes.
    func prefix(bytes: Int) -> String {
        let text = String(self)
        guard text.utf8.count > bytes else { return text }
        var end = text.utf8.index(text.startIndex, offsetBy: bytes)
        while end.samePosition(in: text.unicodeScalars) == nil { text.utf8.formIndex(before: &end) }
        return String(text[..<end])
    }
}
