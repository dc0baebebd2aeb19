/// Texts of messages as the console shows them, so that what the gateway counts has the names that a person reads.
enum ShownText {
    /// The longest host, in UTF-16 code units.
    static let maximumHostLength = 120

    /// The text without white space around it.
    static func trimmed(_ text: String) -> String {
        let scalars = text.unicodeScalars
        guard let first = scalars.firstIndex(where: { !Self.isSpace($0) }),
            let last = scalars.lastIndex(where: { !Self.isSpace($0) })
        else {
            return ""
        }
        return String(scalars[first...last])
    }

    /// A decimal number; nil for anything else.
    static func number(_ text: String) -> Double? {
        let isDecimal = text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."),
                UInt8(ascii: "e"), UInt8(ascii: "E"):
                true
            default: false
            }
        }
        return isDecimal ? Double(text).flatMap { $0.isFinite ? $0 : nil } : nil
    }

    /// `10.0.0.1` of `https://user@10.0.0.1:8443/x`, of `10.0.0.1:22` and of itself; empty where there is none.
    static func bareHost(of text: String) -> String {
        let isPlain = text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"):
                true
            default: false
            }
        }
        if isPlain {
            return self.shown(text, limit: self.maximumHostLength)
        }
        let scalars = Array(text.unicodeScalars)
        let afterScheme = self.endOfScheme(scalars)
        // What looks like a scheme or a user may be the host itself, where none follows.
        for start in afterScheme > 0 ? [afterScheme, 0] : [0] {
            for place in [self.endOfUser(scalars, from: start), start] {
                if let host = self.host(scalars, at: place) {
                    return self.shown(host, limit: self.maximumHostLength)
                }
            }
        }
        return ""
    }

    /// A text in one line, cut to a length in UTF-16 code units, with characters written out that would move or hide
    /// others.
    static func shown(_ text: String, limit: Int) -> String {
        var shown = ""
        var isAfterBreak = false
        for scalar in self.cut(text, limit).unicodeScalars {
            let isBreak = scalar == "\n" || scalar == "\t" || scalar == "\r"
            if isBreak {
                shown += isAfterBreak ? "" : " "
            } else if self.isHiding(scalar) {
                let digits = String(scalar.value, radix: 16)
                shown += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            } else {
                shown.unicodeScalars.append(scalar)
            }
            isAfterBreak = isBreak
        }
        return shown
    }

    private static func cut(_ text: String, _ limit: Int) -> String {
        guard text.utf8.count > limit, text.utf16.count > limit else {
            return text
        }
        return String(decoding: text.utf16.prefix(limit), as: UTF16.self) + "…"
    }

    /// The place behind `scheme://`, or 0.
    private static func endOfScheme(_ scalars: [Unicode.Scalar]) -> Int {
        guard let first = scalars.first, self.isLetter(first) else {
            return 0
        }
        let end =
            scalars.firstIndex {
                !self.isLetter($0) && !("0"..."9" ~= $0) && $0 != "+" && $0 != "." && $0 != "-"
            } ?? scalars.count
        return scalars[end...].starts(with: "://".unicodeScalars) ? end + 3 : 0
    }

    /// The place behind `user@`, or where it started.
    private static func endOfUser(_ scalars: [Unicode.Scalar], from start: Int) -> Int {
        let end = scalars[start...].firstIndex { $0 == "/" || $0 == "@" || self.isSpace($0) }
        guard let end, scalars[end] == "@" else {
            return start
        }
        return end + 1
    }

    /// The host that begins here: an IPv6 address, in brackets or bare, or what stands before a port, a path or a space.
    private static func host(_ scalars: [Unicode.Scalar], at start: Int) -> String? {
        let rest = scalars[start...]
        var end = rest.prefix { $0 != ":" && $0 != "/" && $0 != "?" && $0 != "#" && !self.isSpace($0) }.endIndex
        let bracketed = rest.dropFirst().prefix { self.isInAddress($0) }
        let colons = rest.prefix { $0 == ":" || self.isHexadecimal($0) }.indices.filter { scalars[$0] == ":" }
        if rest.first == "[", !bracketed.isEmpty, scalars[bracketed.endIndex...].first == "]" {
            end = bracketed.endIndex + 1
        } else if colons.count >= 2 {
            end = scalars[(colons[1] + 1)...].prefix { self.isInAddress($0) }.endIndex
        }
        guard end > start else {
            return nil
        }
        var found = scalars[start..<end]
        if found.first == "[" {
            found = found.dropFirst()
        }
        if found.last == "]" {
            found = found.dropLast()
        }
        var host = String.UnicodeScalarView()
        host.append(contentsOf: found)
        return String(host)
    }

    /// Whether an IPv6 address may have it, with a zone or an IPv4 address in it.
    private static func isInAddress(_ scalar: Unicode.Scalar) -> Bool {
        self.isHexadecimal(scalar) || scalar == ":" || scalar == "." || scalar == "%"
    }

    private static func isLetter(_ scalar: Unicode.Scalar) -> Bool {
        "a"..."z" ~= scalar || "A"..."Z" ~= scalar
    }

    private static func isHexadecimal(_ scalar: Unicode.Scalar) -> Bool {
        "0"..."9" ~= scalar || "a"..."f" ~= scalar || "A"..."F" ~= scalar
    }

    /// White space and line ends, as ECMAScript has them.
    private static func isSpace(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x09...0x0D, 0x20, 0xA0, 0x1680, 0x2000...0x200A, 0x2028, 0x2029, 0x202F, 0x205F, 0x3000, 0xFEFF: true
        default: false
        }
    }

    /// Controls, and marks of direction and of no width.
    private static func isHiding(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0...0x08, 0x0B...0x1F, 0x7F...0x9F, 0x61C, 0x200B...0x200F, 0x2028...0x202E, 0x2060...0x206F, 0xFEFF: true
        default: false
        }
    }
}
