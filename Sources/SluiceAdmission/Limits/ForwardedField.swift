import SluiceBase

/// Reads the `Forwarded` field of RFC 7239, for its `for` and `proto` parameters.
enum ForwardedField {
    private static let quote = UInt8(ascii: "\"")
    private static let backslash = UInt8(ascii: "\\")

    /// The address of each element, from left to right; `nil` where an element names none (`unknown`, `_hidden`, no
    /// `for`, or two) or cannot be read.
    static func hops(_ values: [String]) -> [IPAddress?] {
        var hops: [IPAddress?] = []
        for value in values {
            if let elements = Self.split(Array(value.utf8), at: UInt8(ascii: ",")) {
                hops += elements.suffix(ForwardedAddress.maximumHopCount).map(Self.hop)
            } else {
                // An open quotation mark: where the elements end cannot be known.
                hops.append(nil)
            }
        }
        return hops.suffix(ForwardedAddress.maximumHopCount)
    }

    /// An address with an optional port (RFC 7239 section 6).
    ///
    /// For instance `192.0.2.1`, `192.0.2.1:80`, `[2001:db8::1]:80`. A bare IPv6 address, as X-Forwarded-For has it, is read too.
    static func address(_ node: String) -> IPAddress? {
        if node.hasPrefix("[") {
            guard let end = node.firstIndex(of: "]"), node.contains(":"),
                Self.isPort(node[node.index(after: end)...])
            else {
                return nil
            }
            return IPAddress(node[node.index(after: node.startIndex)..<end])
        }
        let parts = node.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2 else {
            return IPAddress(node)
        }
        return Self.isPort(node[parts[0].endIndex...]) ? IPAddress(parts[0]) : nil
    }

    private static func isPort(_ text: Substring) -> Bool {
        text.isEmpty || text.first == ":" && (1...5).contains(text.count - 1) && UInt16(text.dropFirst()) != nil
    }

    /// The `proto` of the leftmost element, which speaks of the client; `nil` if it has none or cannot be read.
    static func proto(_ values: [String]) -> String? {
        values.first
            .flatMap { Self.split(Array($0.utf8), at: UInt8(ascii: ",")) }
            .flatMap { Self.parameter("proto", in: $0[0]) }
    }

    private static func hop(_ element: [UInt8]) -> IPAddress? {
        Self.parameter("for", in: element).flatMap(Self.address)
    }

    /// A parameter's value; `nil` if it is absent or given twice, or if the element cannot be read.
    private static func parameter(_ name: String, in element: [UInt8]) -> String? {
        guard let pairs = Self.split(element, at: UInt8(ascii: ";")) else {
            return nil
        }
        var found: String?
        for pair in pairs {
            let parts = pair.split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2 else {
                return nil
            }
            if String(decoding: Self.trimmed(parts[0]), as: UTF8.self).lowercased() == name {
                guard found == nil, let value = Self.unquoted(Self.trimmed(parts[1])) else {
                    return nil
                }
                found = value
            }
        }
        return found
    }

    /// Splits outside quoted strings; `nil` if one does not end.
    private static func split(_ bytes: [UInt8], at separator: UInt8) -> [[UInt8]]? {
        var parts: [[UInt8]] = [[]]
        var isQuoted = false
        var isEscaped = false
        for byte in bytes {
            if !isQuoted, byte == separator {
                parts.append([])
                continue
            }
            parts[parts.count - 1].append(byte)
            if isEscaped {
                isEscaped = false
            } else if byte == Self.quote {
                isQuoted.toggle()
            } else if isQuoted, byte == Self.backslash {
                isEscaped = true
            }
        }
        return isQuoted ? nil : parts
    }

    /// Without the white space at both ends.
    static func trimmed(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        let isSpace: (UInt8) -> Bool = { $0 == 0x20 || $0 == 0x09 }
        let start = bytes.drop(while: isSpace)
        return start.prefix(start.count - start.reversed().prefix(while: isSpace).count)
    }

    /// A token, or a quoted string without its marks and escapes.
    private static func unquoted(_ bytes: ArraySlice<UInt8>) -> String? {
        guard bytes.first == Self.quote else {
            return bytes.contains(Self.quote) ? nil : String(decoding: bytes, as: UTF8.self)
        }
        guard bytes.count >= 2, bytes.last == Self.quote else {
            return nil
        }
        var text: [UInt8] = []
        var isEscaped = false
        for byte in bytes.dropFirst().dropLast() {
            if isEscaped || byte != Self.backslash {
                text.append(byte)
                isEscaped = false
            } else {
                isEscaped = true
            }
        }
        return String(decoding: text, as: UTF8.self)
    }
}
