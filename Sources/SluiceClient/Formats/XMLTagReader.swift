/// Reads the tags in one line of XML.
///
/// Scanners end a line only between tags, so each line is read on its own, and no document is held in memory. A tag
/// that is cut off is skipped; so are comments, declarations and text.
struct XMLTagReader {
    private let bytes: [UInt8]
    private var position = 0
    private var isWhole = true

    private init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    /// The complete tags in `bytes`, in order, and whether no tag was cut off.
    static func tags(in bytes: [UInt8]) -> (tags: [XMLTag], isWhole: Bool) {
        var reader = XMLTagReader(bytes)
        var tags: [XMLTag] = []
        while reader.skip(through: UInt8(ascii: "<")) {
            if let tag = reader.tag() { tags.append(tag) }
        }
        return (tags, reader.isWhole)
    }

    private var current: UInt8? {
        self.position < self.bytes.count ? self.bytes[self.position] : nil
    }

    private mutating func skip(through byte: UInt8) -> Bool {
        while let current = self.current {
            self.position += 1
            if current == byte { return true }
        }
        return false
    }

    /// Reads a tag whose `<` has been read; nil if it is not an element's tag, or not complete.
    private mutating func tag() -> XMLTag? {
        if self.current == UInt8(ascii: "!") || self.current == UInt8(ascii: "?") {
            if !self.skip(through: UInt8(ascii: ">")) { self.isWhole = false }
            return nil
        }
        let tag = self.element()
        if tag == nil { self.isWhole = false }
        return tag
    }

    /// Reads an element's tag; nil if it is not complete.
    private mutating func element() -> XMLTag? {
        let isEnd = self.current == UInt8(ascii: "/")
        if isEnd { self.position += 1 }
        let name = self.name()
        var attributes: [String: String] = [:]
        while let byte = self.current {
            switch byte {
            case UInt8(ascii: ">"):
                self.position += 1
                return name.isEmpty ? nil : XMLTag(name: name, isEnd: isEnd, attributes: attributes)
            case UInt8(ascii: "<"):
                // The tag before was cut off, and another begins.
                return nil
            case 0x20, 0x09, UInt8(ascii: "/"):
                self.position += 1
            default:
                guard let (key, value) = self.attribute() else { return nil }
                attributes[key] = value
            }
        }
        return nil
    }

    private mutating func name() -> String {
        let start = self.position
        while let byte = self.current, !" \t/>=<\"'".utf8.contains(byte) {
            self.position += 1
        }
        return String(decoding: self.bytes[start..<self.position], as: UTF8.self)
    }

    private mutating func attribute() -> (String, String)? {
        let key = self.name()
        guard !key.isEmpty, self.current == UInt8(ascii: "=") else { return nil }
        self.position += 1
        guard let quote = self.current, quote == UInt8(ascii: "\"") || quote == UInt8(ascii: "'") else { return nil }
        self.position += 1
        let start = self.position
        guard self.skip(through: quote) else { return nil }
        return (key, Self.withoutEntities(self.bytes[start..<(self.position - 1)]))
    }

    private static func withoutEntities(_ bytes: ArraySlice<UInt8>) -> String {
        let text = String(decoding: bytes, as: UTF8.self)
        guard text.utf8.contains(UInt8(ascii: "&")) else { return text }
        var result = ""
        var rest = text[...]
        while let ampersand = rest.firstIndex(of: "&") {
            result += rest[..<ampersand]
            rest = rest[ampersand...]
            // The longest entity is `&#x10ffff;`.
            guard let end = rest.prefix(10).firstIndex(of: ";"),
                let character = self.character(named: rest[rest.index(after: ampersand)..<end])
            else {
                result.append("&")
                rest = rest.dropFirst()
                continue
            }
            result.append(character)
            rest = rest[rest.index(after: end)...]
        }
        return result + rest
    }

    private static func character(named name: Substring) -> Character? {
        switch name {
        case "amp":
            return "&"
        case "lt":
            return "<"
        case "gt":
            return ">"
        case "quot":
            return "\""
        case "apos":
            return "'"
        default:
            guard name.hasPrefix("#") else { return nil }
            let digits = name.dropFirst()
            let number =
                digits.hasPrefix("x") ? UInt32(digits.dropFirst(), radix: 16) : UInt32(digits, radix: 10)
            return number.flatMap(Unicode.Scalar.init).map(Character.init)
        }
    }
}

/// One tag of an XML document; scanners' reports are in tags and their attributes alone.
struct XMLTag: Sendable, Equatable {
    /// The element's name; `port` for `</port>`.
    let name: String

    /// Whether this is an end tag.
    let isEnd: Bool

    /// The attributes, with entities replaced; the last one where a name occurs twice.
    let attributes: [String: String]

    subscript(attribute: String) -> String? {
        self.attributes[attribute].flatMap { $0.isEmpty ? nil : $0 }
    }
}
