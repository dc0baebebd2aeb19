extension JSONScanner {
    /// Passes a string, a number or a literal.
    ///
    /// - Parameters:
    ///   - bytes: The text.
    ///   - first: The byte at `offset`.
    /// - Throws: The first fault.
    @inlinable
    @inline(__always)
    public mutating func skipScalar(_ bytes: Span<UInt8>, first: UInt8) throws(JSONFault) {
        switch first {
        case UInt8(ascii: "\""): _ = try self.scanString(bytes)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): try self.skipNumber(bytes)
        case UInt8(ascii: "t"): try self.skipLiteral("true", bytes)
        case UInt8(ascii: "f"): try self.skipLiteral("false", bytes)
        case UInt8(ascii: "n"): try self.skipLiteral("null", bytes)
        default: throw JSONFault(.expectedValue, at: self.offset)
        }
    }

    /// Passes a literal name (RFC 8259 section 3).
    @inlinable
    internal mutating func skipLiteral(_ name: StaticString, _ bytes: Span<UInt8>) throws(JSONFault) {
        let end = self.offset &+ name.utf8CodeUnitCount
        guard end <= bytes.count, bytes.holds(name, in: self.offset..<end) else {
            throw JSONFault(.invalidLiteral, at: self.offset)
        }
        self.offset = end
    }

    /// Passes a number of any size and precision (RFC 8259 section 6).
    @inlinable
    internal mutating func skipNumber(_ bytes: Span<UInt8>) throws(JSONFault) {
        if bytes[self.offset] == UInt8(ascii: "-") { self.offset &+= 1 }
        let start = self.offset
        try self.skipDigits(bytes)
        if bytes[start] == UInt8(ascii: "0"), self.offset > start &+ 1 { throw JSONFault(.invalidNumber, at: start) }
        if self.passes(UInt8(ascii: "."), bytes) { try self.skipDigits(bytes) }
        if self.passes(UInt8(ascii: "e"), bytes) || self.passes(UInt8(ascii: "E"), bytes) {
            if !self.passes(UInt8(ascii: "+"), bytes) { _ = self.passes(UInt8(ascii: "-"), bytes) }
            try self.skipDigits(bytes)
        }
    }

    /// Passes one digit or more.
    @inlinable
    @inline(__always)
    internal mutating func skipDigits(_ bytes: Span<UInt8>) throws(JSONFault) {
        let start = self.offset
        while self.offset < bytes.count, bytes[self.offset] &- UInt8(ascii: "0") < 10 { self.offset &+= 1 }
        guard self.offset > start else { throw JSONFault(.invalidNumber, at: start) }
    }

    @inlinable
    @inline(__always)
    internal mutating func passes(_ byte: UInt8, _ bytes: Span<UInt8>) -> Bool {
        guard self.offset < bytes.count, bytes[self.offset] == byte else { return false }
        self.offset &+= 1
        return true
    }
}
