package import NIOCore
internal import SluiceBase

/// The severity that a message gives: the string under its top-level `severity`, in lower case.
///
/// The gateway counts by it and finds messages by it, and leaves the field itself as it was posted.
package enum MessageSeverity {
    /// The longest one, in bytes of UTF-8 before it is put in lower case; a longer one counts as none.
    package static let maximumByteCount = 64

    /// The severity in an object's bytes after its opening brace; nil if there is none, or if the bytes are no object.
    ///
    /// A walk over all of it: for messages that were stored before their severity was noted beside them.
    package static func find(in body: ByteBuffer) -> String? {
        let bytes = body.readableBytesUInt8Span
        var scanner = JSONScanner(maximumDepth: JSONNesting.capacity)
        var severity: String?
        do throws(JSONFault) {
            repeat {
                _ = try scanner.token(bytes)
                let isSeverity = Self.isName(try scanner.scanKey(bytes), bytes)
                let first = try scanner.token(bytes)
                if isSeverity {
                    severity = try Self.scan(&scanner, bytes, first: first)
                } else {
                    try scanner.skipValue(bytes, first: first)
                }
            } while try scanner.scanSeparator(bytes, closing: UInt8(ascii: "}"))
            return severity
        } catch {
            return nil
        }
    }

    /// Passes the value of a `severity`.
    ///
    /// - Parameters:
    ///   - scanner: Stands at the value.
    ///   - bytes: The text.
    ///   - first: The byte at the scanner's offset.
    /// - Returns: The severity; nil if the value is none.
    /// - Throws: The first fault of the grammar.
    static func scan(
        _ scanner: inout JSONScanner,
        _ bytes: Span<UInt8>,
        first: UInt8
    ) throws(JSONFault) -> String? {
        guard first == UInt8(ascii: "\"") else {
            try scanner.skipValue(bytes, first: first)
            return nil
        }
        let string = try scanner.scanString(bytes)
        if !string.hasEscapes, let plain = Self.plain(bytes.extracting(string.contents)) { return plain }
        // An escape takes at most six bytes for one byte of text.
        guard string.contents.count <= Self.maximumByteCount * 6 else { return nil }
        let text = string.unescaped(bytes)
        guard 1...Self.maximumByteCount ~= text.count, JSONString.isText(text) else { return nil }
        return String(decoding: text, as: UTF8.self).lowercased()
    }

    /// A severity that is in lower case already, as most are; nil for any other.
    private static func plain(_ text: Span<UInt8>) -> String? {
        guard 1...Self.maximumByteCount ~= text.count else { return nil }
        for index in text.indices {
            let byte = text[index]
            guard byte < 0x80, !(UInt8(ascii: "A")...UInt8(ascii: "Z") ~= byte) else { return nil }
        }
        do throws(UTF8.ValidationError) {
            return String(copying: try UTF8Span(validating: text))
        } catch {
            return nil
        }
    }

    /// Whether the bytes are the field's name.
    @inline(__always)
    static func isName(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Bool {
        bytes.holds("severity", in: range)
    }

    private static func isName(_ key: JSONString, _ bytes: Span<UInt8>) -> Bool {
        guard key.hasEscapes else {
            return Self.isName(bytes, key.contents)
        }
        let unescaped = key.unescaped(bytes)
        return Self.isName(unescaped.span, unescaped.indices)
    }
}
