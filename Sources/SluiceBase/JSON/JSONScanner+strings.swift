extension JSONScanner {
    /// Passes a string (RFC 8259 section 7) that begins at `offset`.
    ///
    /// - Returns: Where it stands.
    @inlinable
    public mutating func scanString(_ bytes: Span<UInt8>) throws(JSONFault) -> JSONString {
        guard bytes[self.offset] == UInt8(ascii: "\"") else { throw JSONFault(.expectedKey, at: self.offset) }
        self.offset &+= 1
        let start = self.offset
        var hasEscapes = false
        while true {
            self.skipPlainCharacters(bytes)
            guard self.offset < bytes.count else { throw JSONFault(.unexpectedEnd, at: self.offset) }
            switch bytes[self.offset] {
            case UInt8(ascii: "\""):
                let contents = start..<self.offset
                self.offset &+= 1
                return JSONString(contents: contents, hasEscapes: hasEscapes)
            case UInt8(ascii: "\\"):
                hasEscapes = true
                try self.skipEscape(bytes)
            case 0x80...:
                try self.skipMultibyteCharacters(bytes)
            default:
                throw JSONFault(.controlCharacter, at: self.offset)
            }
        }
    }

    /// Passes characters of one byte that mean themselves.
    @inlinable
    @inline(__always)
    internal mutating func skipPlainCharacters(_ bytes: Span<UInt8>) {
        while self.offset <= bytes.count &- ByteWord.blockWidth, ByteWord.isPlainStringBlock(bytes, at: self.offset) {
            self.offset &+= ByteWord.blockWidth
        }
        while self.offset <= bytes.count &- ByteWord.width {
            let count = ByteWord(bytes, at: self.offset).plainStringPrefix
            self.offset &+= count
            if count < ByteWord.width { return }
        }
        while self.offset < bytes.count {
            let byte = bytes[self.offset]
            guard byte >= 0x20, byte < 0x80, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\") else { return }
            self.offset &+= 1
        }
    }

    /// Passes a backslash and the rest of the escape.
    ///
    /// Whether surrogates come in pairs is not the grammar's business.
    @inlinable
    internal mutating func skipEscape(_ bytes: Span<UInt8>) throws(JSONFault) {
        let start = self.offset
        guard start &+ 1 < bytes.count else { throw JSONFault(.unexpectedEnd, at: bytes.count) }
        switch bytes[start &+ 1] {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"),
            UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
            self.offset &+= 2
        case UInt8(ascii: "u"):
            for place in (start &+ 2)..<(start &+ 6) {
                guard place < bytes.count else { throw JSONFault(.unexpectedEnd, at: bytes.count) }
                guard Hexadecimal.value(ofDigit: bytes[place]) != nil else {
                    throw JSONFault(.invalidEscape, at: start)
                }
            }
            self.offset &+= 6
        default:
            throw JSONFault(.invalidEscape, at: start)
        }
    }

    /// Passes characters of two to four bytes by the table of RFC 3629 section 4, which leaves no room for overlong
    /// forms, surrogates or anything over U+10FFFF.
    @inlinable
    internal mutating func skipMultibyteCharacters(_ bytes: Span<UInt8>) throws(JSONFault) {
        while self.offset < bytes.count {
            let first = bytes[self.offset]
            let second: ClosedRange<UInt8>
            let tailCount: Int
            switch first {
            case ..<0x80: return
            case 0xC2...0xDF: (second, tailCount) = (0x80...0xBF, 1)
            case 0xE0: (second, tailCount) = (0xA0...0xBF, 2)
            case 0xED: (second, tailCount) = (0x80...0x9F, 2)
            case 0xE1...0xEF: (second, tailCount) = (0x80...0xBF, 2)
            case 0xF0: (second, tailCount) = (0x90...0xBF, 3)
            case 0xF1...0xF3: (second, tailCount) = (0x80...0xBF, 3)
            case 0xF4: (second, tailCount) = (0x80...0x8F, 3)
            default: throw JSONFault(.invalidUTF8, at: self.offset)
            }
            guard self.offset &+ tailCount < bytes.count, second.contains(bytes[self.offset &+ 1]) else {
                throw JSONFault(.invalidUTF8, at: self.offset)
            }
            for place in (self.offset &+ 1)...(self.offset &+ tailCount) where bytes[place] & 0xC0 != 0x80 {
                throw JSONFault(.invalidUTF8, at: self.offset)
            }
            self.offset &+= tailCount &+ 1
        }
    }
}
