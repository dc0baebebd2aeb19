/// A walk over the bytes of a JSON text that accepts only the grammar of RFC 8259, and builds nothing.
///
/// Every method starts at `offset` and leaves it after the bytes it has checked. The bytes are an argument of each call
/// because a span cannot be kept; all calls of one walk are given the same. Nothing here recurses.
@frozen
public struct JSONScanner {
    // Everything that the check of a message calls is inlined into the caller's module: a call across modules costs ten
    // times as much.

    /// The next byte to look at.
    public var offset = 0
    /// The deepest nesting allowed, the message's object included.
    public let maximumDepth: Int

    @inlinable
    public init(maximumDepth: Int) {
        self.maximumDepth = maximumDepth
    }

    /// Passes white space (RFC 8259 section 2).
    ///
    /// - Returns: The byte after it, which is not passed; `nil` at the end.
    @inlinable
    @inline(__always)
    public mutating func peek(_ bytes: Span<UInt8>) -> UInt8? {
        while self.offset < bytes.count {
            let byte = bytes[self.offset]
            switch byte {
            case UInt8(ascii: " "), UInt8(ascii: "\n"), UInt8(ascii: "\r"), UInt8(ascii: "\t"):
                self.offset &+= 1
            default:
                return byte
            }
        }
        return nil
    }

    /// Passes white space, where something has to follow.
    ///
    /// - Returns: The byte after it, which is not passed.
    @inlinable
    @inline(__always)
    public mutating func token(_ bytes: Span<UInt8>) throws(JSONFault) -> UInt8 {
        guard let byte = self.peek(bytes) else { throw JSONFault(.unexpectedEnd, at: self.offset) }
        return byte
    }

    /// Passes a member's name and the colon after it (RFC 8259 section 4).
    @inlinable
    @inline(__always)
    public mutating func scanKey(_ bytes: Span<UInt8>) throws(JSONFault) -> JSONString {
        let key = try self.scanString(bytes)
        guard try self.token(bytes) == UInt8(ascii: ":") else { throw JSONFault(.expectedColon, at: self.offset) }
        self.offset &+= 1
        return key
    }

    /// Passes the comma or the closing byte after a member or an element.
    ///
    /// - Parameters:
    ///   - bytes: The text.
    ///   - closing: The byte that closes the container.
    /// - Returns: Whether there was a comma, so that another member or element follows.
    /// - Throws: A fault if there was neither, or if nothing follows the comma.
    @inlinable
    @inline(__always)
    public mutating func scanSeparator(_ bytes: Span<UInt8>, closing: UInt8) throws(JSONFault) -> Bool {
        let byte = try self.token(bytes)
        let isComma = byte == UInt8(ascii: ",")
        guard isComma || byte == closing else {
            let isObject = closing == UInt8(ascii: "}")
            throw JSONFault(isObject ? .expectedCommaOrBrace : .expectedCommaOrBracket, at: self.offset)
        }
        let place = self.offset
        self.offset &+= 1
        if isComma, try self.token(bytes) == closing { throw JSONFault(.trailingComma, at: place) }
        return isComma
    }

    /// Passes one value and all that stands in it.
    ///
    /// - Parameters:
    ///   - bytes: The text.
    ///   - first: The byte at `offset`.
    /// - Throws: The first fault.
    @inlinable
    public mutating func skipValue(_ bytes: Span<UInt8>, first: UInt8) throws(JSONFault) {
        guard first == UInt8(ascii: "{") || first == UInt8(ascii: "[") else {
            return try self.skipScalar(bytes, first: first)
        }
        var nesting = JSONNesting(limit: self.maximumDepth)
        repeat {
            while try self.opensContainer(bytes, &nesting) {}
        } while try self.movesToNextValue(bytes, &nesting)
    }

    /// Passes one value that is no container, or enters one.
    ///
    /// - Returns: Whether a container was opened that is not empty: then its first value is next.
    @inlinable
    internal mutating func opensContainer(
        _ bytes: Span<UInt8>,
        _ nesting: inout JSONNesting
    ) throws(JSONFault) -> Bool {
        let first = try self.token(bytes)
        let isObject = first == UInt8(ascii: "{")
        guard isObject || first == UInt8(ascii: "[") else {
            try self.skipScalar(bytes, first: first)
            return false
        }
        guard nesting.push(isObject: isObject) else {
            throw JSONFault(.tooDeep(limit: self.maximumDepth), at: self.offset)
        }
        self.offset &+= 1
        let next = try self.token(bytes)
        if next == UInt8(ascii: isObject ? "}" : "]") {
            self.offset &+= 1
            nesting.pop()
            return false
        }
        if isObject { _ = try self.scanKey(bytes) }
        return true
    }

    /// Closes the containers that end here, and passes the comma, and the key in an object, before the next value.
    ///
    /// - Returns: False if all containers are closed.
    @inlinable
    internal mutating func movesToNextValue(
        _ bytes: Span<UInt8>,
        _ nesting: inout JSONNesting
    ) throws(JSONFault) -> Bool {
        while !nesting.isEmpty {
            let isObject = nesting.isInObject
            if try self.scanSeparator(bytes, closing: UInt8(ascii: isObject ? "}" : "]")) {
                if isObject { _ = try self.scanKey(bytes) }
                return true
            }
            nesting.pop()
        }
        return false
    }
}
