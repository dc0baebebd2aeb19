/// Reads one JSON text as strictly as RFC 8259 has it.
///
/// Strict, because one message that the gateway refuses takes the whole array that carries it along. Depth is
/// limited as on the gateway, so hostile nesting cannot exhaust the stack.
struct JSONParser {
    /// How deep objects and arrays may be nested.
    static let maximumDepth = 64

    private let bytes: [UInt8]
    private let maximumDepth: Int
    private let leftOutKeys: Set<String>
    private var roomForNodes: Int
    private var position = 0

    /// Whether what is read now is checked and not kept.
    private var isLeavingOut = false

    private init(_ bytes: [UInt8], maximumDepth: Int, maximumNodeCount: Int, leavingOut keys: Set<String>) {
        self.bytes = bytes
        self.maximumDepth = maximumDepth
        self.roomForNodes = maximumNodeCount
        self.leftOutKeys = keys
    }

    /// Reads `bytes` as exactly one JSON value with nothing but white space around it.
    ///
    /// - Parameters:
    ///   - bytes: The text, in UTF-8.
    ///   - maximumDepth: How deep objects and arrays may be nested.
    ///   - maximumNodeCount: How many values there may be.
    ///   - keys: Members, at any depth, that are checked and not kept.
    /// - Returns: The value, its ranges counted from the start of `bytes`.
    /// - Throws: Where `bytes` stop being JSON.
    static func parse(
        _ bytes: [UInt8],
        maximumDepth: Int = JSONParser.maximumDepth,
        maximumNodeCount: Int = .max,
        leavingOut keys: Set<String> = []
    ) throws(JSONSyntaxError) -> JSONNode {
        // RFC 8259 section 8.1: UTF-8, and nothing else.
        guard String(validating: bytes, as: UTF8.self) != nil else { throw JSONSyntaxError(offset: 0) }
        var parser = JSONParser(
            bytes,
            maximumDepth: maximumDepth,
            maximumNodeCount: maximumNodeCount,
            leavingOut: keys
        )
        let node = try parser.value(depth: 0)
        parser.skipWhitespace()
        guard parser.position == bytes.count else { throw parser.fault }
        return node
    }

    private var fault: JSONSyntaxError { JSONSyntaxError(offset: self.position) }

    private var current: UInt8? {
        self.position < self.bytes.count ? self.bytes[self.position] : nil
    }

    private mutating func skipWhitespace() {
        while let byte = self.current, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 {
            self.position += 1
        }
    }

    private mutating func take(_ byte: UInt8) -> Bool {
        guard self.current == byte else { return false }
        self.position += 1
        return true
    }

    private mutating func value(depth: Int) throws(JSONSyntaxError) -> JSONNode {
        self.skipWhitespace()
        guard self.roomForNodes > 0 else { throw self.fault }
        self.roomForNodes -= 1
        let start = self.position
        let value: JSONNode.Value
        switch self.current {
        case UInt8(ascii: "{"):
            value = .object(try self.object(depth: depth + 1))
        case UInt8(ascii: "["):
            value = .array(try self.array(depth: depth + 1))
        case UInt8(ascii: "\""):
            value = .string(try self.string())
        case UInt8(ascii: "t"):
            try self.literal("true")
            value = .bool(true)
        case UInt8(ascii: "f"):
            try self.literal("false")
            value = .bool(false)
        case UInt8(ascii: "n"):
            try self.literal("null")
            value = .null
        default:
            value = .number(try self.number())
        }
        return JSONNode(range: start..<self.position, value: value)
    }

    private mutating func object(depth: Int) throws(JSONSyntaxError) -> [JSONMember] {
        guard depth <= self.maximumDepth else { throw self.fault }
        self.position += 1
        self.skipWhitespace()
        var members: [JSONMember] = []
        if self.take(UInt8(ascii: "}")) { return members }
        while true {
            self.skipWhitespace()
            guard self.current == UInt8(ascii: "\"") else { throw self.fault }
            let key = try self.string()
            self.skipWhitespace()
            guard self.take(UInt8(ascii: ":")) else { throw self.fault }
            if let member = try self.member(key, depth: depth) { members.append(member) }
            self.skipWhitespace()
            if self.take(UInt8(ascii: "}")) { return members }
            guard self.take(UInt8(ascii: ",")) else { throw self.fault }
        }
    }

    /// Reads a member's value; nothing if it is not kept.
    private mutating func member(_ key: String, depth: Int) throws(JSONSyntaxError) -> JSONMember? {
        let isWithinLeftOut = self.isLeavingOut
        self.isLeavingOut = isWithinLeftOut || self.leftOutKeys.contains(key)
        defer { self.isLeavingOut = isWithinLeftOut }
        let node = try self.value(depth: depth)
        return self.isLeavingOut ? nil : JSONMember(key: key, node: node)
    }

    private mutating func array(depth: Int) throws(JSONSyntaxError) -> [JSONNode] {
        guard depth <= self.maximumDepth else { throw self.fault }
        self.position += 1
        self.skipWhitespace()
        var elements: [JSONNode] = []
        if self.take(UInt8(ascii: "]")) { return elements }
        while true {
            let element = try self.value(depth: depth)
            if !self.isLeavingOut { elements.append(element) }
            self.skipWhitespace()
            if self.take(UInt8(ascii: "]")) { return elements }
            guard self.take(UInt8(ascii: ",")) else { throw self.fault }
        }
    }

    private mutating func literal(_ word: StaticString) throws(JSONSyntaxError) {
        for byte in "\(word)".utf8 {
            guard self.take(byte) else { throw self.fault }
        }
    }
}

// MARK: - Numbers and strings

extension JSONParser {
    /// RFC 8259 section 6: no leading zeros, no bare point, digits after the exponent.
    private mutating func number() throws(JSONSyntaxError) -> String {
        let start = self.position
        _ = self.take(UInt8(ascii: "-"))
        if !self.take(UInt8(ascii: "0")) {
            try self.digits()
        }
        if self.take(UInt8(ascii: ".")) {
            try self.digits()
        }
        if self.take(UInt8(ascii: "e")) || self.take(UInt8(ascii: "E")) {
            if !self.take(UInt8(ascii: "+")) {
                _ = self.take(UInt8(ascii: "-"))
            }
            try self.digits()
        }
        return String(decoding: self.bytes[start..<self.position], as: UTF8.self)
    }

    private mutating func digits() throws(JSONSyntaxError) {
        let start = self.position
        while let byte = self.current, byte >= 0x30, byte <= 0x39 {
            self.position += 1
        }
        guard self.position > start else { throw self.fault }
    }

    private mutating func string() throws(JSONSyntaxError) -> String {
        self.position += 1
        let start = self.position
        // Of what is left out no more than an escape is ever kept.
        var unescaped: [UInt8]? = self.isLeavingOut ? [] : nil
        while let byte = self.current {
            switch byte {
            case UInt8(ascii: "\""):
                let text = String(decoding: unescaped ?? Array(self.bytes[start..<self.position]), as: UTF8.self)
                self.position += 1
                return text
            case UInt8(ascii: "\\"):
                var bytes = unescaped ?? Array(self.bytes[start..<self.position])
                unescaped = nil
                try self.escape(into: &bytes)
                unescaped = self.isLeavingOut ? [] : bytes
            case 0..<0x20:
                throw self.fault
            default:
                if !self.isLeavingOut { unescaped?.append(byte) }
                self.position += 1
            }
        }
        throw self.fault
    }

    private mutating func escape(into bytes: inout [UInt8]) throws(JSONSyntaxError) {
        self.position += 1
        guard let byte = self.current else { throw self.fault }
        self.position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"):
            bytes.append(byte)
        case UInt8(ascii: "b"):
            bytes.append(0x08)
        case UInt8(ascii: "f"):
            bytes.append(0x0C)
        case UInt8(ascii: "n"):
            bytes.append(0x0A)
        case UInt8(ascii: "r"):
            bytes.append(0x0D)
        case UInt8(ascii: "t"):
            bytes.append(0x09)
        case UInt8(ascii: "u"):
            bytes.append(contentsOf: String(try self.scalar()).utf8)
        default:
            throw self.fault
        }
    }

    /// Reads what follows `\u`; a surrogate without its other half becomes U+FFFD.
    private mutating func scalar() throws(JSONSyntaxError) -> Character {
        let high = try self.hexadecimal()
        if let scalar = Unicode.Scalar(high) { return Character(scalar) }
        let mark = self.position
        if high < 0xDC00, self.take(UInt8(ascii: "\\")), self.take(UInt8(ascii: "u")) {
            let low = try self.hexadecimal()
            if (0xDC00...0xDFFF).contains(low),
                let scalar = Unicode.Scalar(0x10000 + (high - 0xD800) << 10 + (low - 0xDC00))
            {
                return Character(scalar)
            }
        }
        self.position = mark
        return "\u{FFFD}"
    }

    private mutating func hexadecimal() throws(JSONSyntaxError) -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<4 {
            guard let byte = self.current, let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
                throw self.fault
            }
            value = value << 4 + UInt32(digit)
            self.position += 1
        }
        return value
    }
}

/// Where a text stopped being JSON.
struct JSONSyntaxError: Error, Equatable {
    /// How many bytes were read before the fault.
    let offset: Int
}
