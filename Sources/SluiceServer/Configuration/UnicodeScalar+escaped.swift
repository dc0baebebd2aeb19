extension Unicode.Scalar {
    /// The scalar as text that cannot end a line, drive a terminal or turn the direction of writing.
    ///
    /// Escapes are JSON's (RFC 8259 section 7), so that they serve in a JSON string too.
    var escaped: String {
        switch self {
        case "\n":
            "\\n"
        case "\r":
            "\\r"
        case "\t":
            "\\t"
        case "\"":
            "\\\""
        case "\\":
            "\\\\"
        case _ where self.isHarmful:
            String(self).utf16
                .map { unit in
                    let digits = String(unit, radix: 16)
                    return "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
                }
                .joined()
        default:
            String(self)
        }
    }

    /// Controls, line and paragraph separators, and the marks that reorder text.
    var isHarmful: Bool {
        switch self.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse, .unassigned:
            true
        default:
            false
        }
    }
}
