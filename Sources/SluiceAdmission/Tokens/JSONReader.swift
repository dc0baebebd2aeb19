/// A strict reader of RFC 8259 for token headers, claims and key sets.
///
/// Stricter than the RFC where a token could be read in two ways: a name twice in an object, a lone surrogate, invalid
/// UTF-8 and a byte order mark are refused. Not for scan messages: it builds values, and is made for short texts.
package struct JSONReader {
    /// Why a text is not what it has to be.
    package enum Failure: Error, Equatable {
        case syntax(offset: Int)
        case depth
        case duplicateName
        case notAnObject
    }

    private let bytes: [UInt8]
    private var offset = 0
    private let maximumDepth: Int
    private let maximumMemberCount: Int

    private init(_ bytes: [UInt8], maximumDepth: Int, maximumMemberCount: Int) {
        self.bytes = bytes
        self.maximumDepth = maximumDepth
        self.maximumMemberCount = maximumMemberCount
    }

    /// Reads a text that has to be one object and nothing besides.
    ///
    /// - Parameters:
    ///   - bytes: The text. The caller bounds its length.
    ///   - maximumDepth: How many arrays and objects may stand in one another, the outermost counted.
    ///   - maximumMemberCount: The most members of an object. Each is compared with those before it, so what a
    ///     stranger may send has to be few.
    /// - Returns: The object.
    /// - Throws: ``Failure``.
    package static func object(
        _ bytes: [UInt8],
        maximumDepth: Int,
        maximumMemberCount: Int
    ) throws(Failure) -> JSONObject {
        var reader = Self(bytes, maximumDepth: maximumDepth, maximumMemberCount: maximumMemberCount)
        reader.skipWhiteSpace()
        guard reader.peek() == UInt8(ascii: "{") else {
            throw .notAnObject
        }
        let value = try reader.value(depth: 1)
        reader.skipWhiteSpace()
        guard reader.offset == bytes.count else {
            throw reader.syntax
        }
        guard case .object(let object) = value else {
            throw .notAnObject
        }
        return object
    }

    private var syntax: Failure { .syntax(offset: self.offset) }

    private func peek() -> UInt8? {
        self.offset < self.bytes.count ? self.bytes[self.offset] : nil
    }

    private mutating func skipWhiteSpace() {
        while let byte = self.peek(), byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 {
            self.offset += 1
        }
    }

    /// Goes on if the next byte is the one expected.
    private mutating func take(_ byte: Unicode.Scalar) -> Bool {
        guard self.peek() == UInt8(ascii: byte) else {
            return false
        }
        self.offset += 1
        return true
    }

    private mutating func value(depth: Int) throws(Failure) -> JSONValue {
        guard depth <= self.maximumDepth + 1 else {
            throw .depth
        }
        switch self.peek() {
        case UInt8(ascii: "{"):
            return .object(try self.members(depth: depth))
        case UInt8(ascii: "["):
            return .array(try self.elements(depth: depth))
        case UInt8(ascii: "\""):
            return .string(try self.text())
        case UInt8(ascii: "t"):
            return try self.literal("true", .bool(true))
        case UInt8(ascii: "f"):
            return try self.literal("false", .bool(false))
        case UInt8(ascii: "n"):
            return try self.literal("null", .null)
        default:
            return .number(try self.number())
        }
    }

    private mutating func literal(_ text: StaticString, _ value: JSONValue) throws(Failure) -> JSONValue {
        for byte in text.description.utf8 {
            guard self.peek() == byte else {
                throw self.syntax
            }
            self.offset += 1
        }
        return value
    }

    private mutating func members(depth: Int) throws(Failure) -> JSONObject {
        guard depth <= self.maximumDepth else {
            throw .depth
        }
        self.offset += 1
        var object = JSONObject()
        var count = 0
        self.skipWhiteSpace()
        if self.take("}") {
            return object
        }
        while true {
            self.skipWhiteSpace()
            count += 1
            guard self.peek() == UInt8(ascii: "\""), count <= self.maximumMemberCount else {
                throw self.syntax
            }
            let name = try self.text()
            self.skipWhiteSpace()
            guard self.take(":") else {
                throw self.syntax
            }
            self.skipWhiteSpace()
            let start = self.offset
            let value = try self.value(depth: depth + 1)
            guard object.append(name: name, value: value, place: start..<self.offset) else {
                throw .duplicateName
            }
            self.skipWhiteSpace()
            if self.take("}") {
                return object
            }
            guard self.take(",") else {
                throw self.syntax
            }
        }
    }

    private mutating func elements(depth: Int) throws(Failure) -> [JSONValue] {
        guard depth <= self.maximumDepth else {
            throw .depth
        }
        self.offset += 1
        var elements: [JSONValue] = []
        self.skipWhiteSpace()
        if self.take("]") {
            return elements
        }
        while true {
            self.skipWhiteSpace()
            elements.append(try self.value(depth: depth + 1))
            self.skipWhiteSpace()
            if self.take("]") {
                return elements
            }
            guard self.take(",") else {
                throw self.syntax
            }
        }
    }

    /// RFC 8259 section 6: no leading zero, no bare point, no plus sign.
    private mutating func number() throws(Failure) -> Double {
        let start = self.offset
        _ = self.take("-")
        if !self.take("0") {
            try self.digits()
        }
        if self.take(".") {
            try self.digits()
        }
        if self.take("e") || self.take("E") {
            if !self.take("-") {
                _ = self.take("+")
            }
            try self.digits()
        }
        guard let value = Double(String(decoding: self.bytes[start..<self.offset], as: UTF8.self)) else {
            throw self.syntax
        }
        return value
    }

    private mutating func digits() throws(Failure) {
        let start = self.offset
        while let byte = self.peek(), (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) {
            self.offset += 1
        }
        guard self.offset > start else {
            throw self.syntax
        }
    }

    private mutating func text() throws(Failure) -> String {
        self.offset += 1
        var text: [UInt8] = []
        while let byte = self.peek() {
            self.offset += 1
            switch byte {
            case UInt8(ascii: "\""):
                guard let string = String(validating: text, as: UTF8.self) else {
                    throw self.syntax
                }
                return string
            case UInt8(ascii: "\\"):
                try self.escape(into: &text)
            case 0..<0x20:
                throw self.syntax
            default:
                text.append(byte)
            }
        }
        throw self.syntax
    }

    private mutating func escape(into text: inout [UInt8]) throws(Failure) {
        guard let byte = self.peek() else {
            throw self.syntax
        }
        self.offset += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"):
            text.append(byte)
        case UInt8(ascii: "b"):
            text.append(0x08)
        case UInt8(ascii: "f"):
            text.append(0x0C)
        case UInt8(ascii: "n"):
            text.append(0x0A)
        case UInt8(ascii: "r"):
            text.append(0x0D)
        case UInt8(ascii: "t"):
            text.append(0x09)
        case UInt8(ascii: "u"):
            text.append(contentsOf: Array(String(try self.escapedScalar()).utf8))
        default:
            throw self.syntax
        }
    }

    private mutating func escapedScalar() throws(Failure) -> Character {
        let unit = try self.hexadecimal()
        var code = UInt32(unit)
        if UTF16.isLeadSurrogate(unit) {
            guard self.take("\\"), self.take("u") else {
                throw self.syntax
            }
            let trail = try self.hexadecimal()
            guard UTF16.isTrailSurrogate(trail) else {
                throw self.syntax
            }
            code = 0x1_0000 + (UInt32(unit) - 0xD800) << 10 + (UInt32(trail) - 0xDC00)
        }
        guard let scalar = Unicode.Scalar(code) else {
            throw self.syntax
        }
        return Character(scalar)
    }

    private mutating func hexadecimal() throws(Failure) -> UInt16 {
        var unit: UInt16 = 0
        for _ in 0..<4 {
            guard let byte = self.peek(), let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
                throw self.syntax
            }
            self.offset += 1
            unit = unit << 4 | UInt16(digit)
        }
        return unit
    }
}
