/// Writes strings as JSON (RFC 8259 section 7).
enum JSONText {
    /// A string with its quotation marks, escaped where it has to be.
    static func quoted(_ text: String) -> String {
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"", "\\":
                quoted.unicodeScalars.append("\\")
                quoted.unicodeScalars.append(scalar)
            case "\u{0}"..<"\u{20}":
                let digits = String(scalar.value, radix: 16)
                quoted += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default:
                quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + "\""
    }

    /// An array of strings.
    static func array(_ texts: [String]) -> String {
        "[\(texts.map(Self.quoted).joined(separator: ","))]"
    }
}
