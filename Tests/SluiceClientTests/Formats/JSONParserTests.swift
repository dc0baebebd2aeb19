import Testing

@testable import SluiceClient

@Suite struct JSONParserTests {
    @Test(
        "what RFC 8259 does not allow is refused",
        arguments: [
            "", " ", "{", "{\"a\":1,}", "[1,]", "[1 2]", "01", "1.", ".5", "-", "1e", "+1", "nul", "tru", "\"\t\"",
            "\"\\x\"",
            "\"\\u12\"", "{a:1}", "{\"a\"}", "1 2", "\u{FEFF}1", "\"abc", "NaN",
        ]
    )
    func invalid(text: String) {
        #expect(throws: JSONSyntaxError.self) { try JSONParser.parse(Array(text.utf8)) }
    }

    @Test("nesting is read up to the limit and no further")
    func depth() {
        func nested(_ depth: Int) -> [UInt8] {
            Array((String(repeating: "[", count: depth) + String(repeating: "]", count: depth)).utf8)
        }
        #expect(throws: Never.self) { try JSONParser.parse(nested(64)) }
        #expect(throws: JSONSyntaxError.self) { try JSONParser.parse(nested(65)) }
        #expect(throws: JSONSyntaxError.self) { try JSONParser.parse(nested(1_000_000)) }
    }

    @Test("escapes are undone, surrogates joined, halves replaced")
    func strings() throws {
        #expect(
            try JSONParser.parse(Array(#""a\n\u00e9\ud83d\ude00\ud83dx\udc00\/""#.utf8)).string
                == "a\né😀\u{FFFD}x\u{FFFD}/"
        )
    }

    @Test("bytes that are not UTF-8 are refused")
    func invalidBytes() {
        #expect(throws: JSONSyntaxError.self) { try JSONParser.parse([0x22, 0xFF, 0x22]) }
        #expect(throws: JSONSyntaxError.self) { try JSONParser.parse([0x22, 0xC0, 0x80, 0x22]) }
    }

    @Test("ranges give back each piece as it was written, members in order")
    func ranges() throws {
        let text = Array(#" {"b": [1.50, {"x" : null}], "a":true} "#.utf8)
        let node = try JSONParser.parse(text)
        #expect(node.members.map(\.key) == ["b", "a"])
        let elements = node["b"]?.elements ?? []
        #expect(elements.map { String(decoding: text[$0.range], as: UTF8.self) } == ["1.50", #"{"x" : null}"#])
        #expect(node["a"]?.scalarText == "true")
    }

    @Test("what is written is read again unchanged")
    func writing() throws {
        var object = JSONObject()
        let text = "\"\\\u{0}\u{1F}\u{7F}é😀\n\t/"
        object.set("te\"xt", text)
        object.set("n", -3)
        object.set("d", Double.nan)
        object.set("list", ["a", "b"])
        let node = try JSONParser.parse(object.bytes)
        #expect(node["te\"xt"]?.string == text)
        #expect(node["n"]?.integer == -3)
        #expect(node["list"]?.elements.compactMap(\.string) == ["a", "b"])
    }
}
