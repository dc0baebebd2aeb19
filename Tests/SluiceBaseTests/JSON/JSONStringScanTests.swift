import SluiceBase
import Testing

/// Strings are passed over by blocks, by words and by bytes: which of them comes to a byte changes nothing.
@Suite struct JSONStringScanTests {
    /// What one byte within a string does to it.
    private static func ends(_ byte: UInt8) -> Bool {
        byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") || byte >= 0x80
    }

    @Test(arguments: [1, 8, 15, 16, 17, 33, 48])
    func `each byte means the same at each place`(length: Int) {
        for byte in UInt8.min...UInt8.max {
            for place in 0..<length {
                var text = [UInt8](repeating: UInt8(ascii: "~"), count: length)
                text[place] = byte
                let bytes = [UInt8(ascii: "\"")] + text + [UInt8(ascii: "\"")]
                var scanner = JSONScanner(maximumDepth: 1)
                let found = try? scanner.scanString(bytes.span)
                let isQuote = byte == UInt8(ascii: "\"")
                if isQuote || !Self.ends(byte) {
                    #expect(found?.contents == 1..<(isQuote ? place + 1 : length + 1))
                    #expect(found?.hasEscapes == false)
                } else {
                    // Nothing that begins with such a byte goes on with a tilde, or ends with the quote.
                    #expect(found == nil)
                }
            }
        }
    }

    @Test(arguments: 0..<40)
    func `escapes and longer characters are found wherever they begin`(place: Int) throws {
        for part in ["\\n", "\\u00e9", "é", "€", "😀", "\u{7F}"] {
            let text = String(repeating: "x", count: place) + part + String(repeating: "y", count: 40)
            let bytes = Array("\"\(text)\"".utf8)
            var scanner = JSONScanner(maximumDepth: 1)
            let found = try scanner.scanString(bytes.span)
            #expect(found.contents == 1..<(bytes.count - 1) && found.hasEscapes == part.hasPrefix("\\"))
            #expect(scanner.offset == bytes.count)
        }
    }
}
