import SluiceBase
import Testing

@Suite struct JSONReaderTests {
    @Test(
        "what RFC 8259 does not allow is refused",
        arguments: [
            "", " ", "{", "{\"a\":1,}", "[1,]", "[1 2]", "01", "1.", ".5", "-", "1e", "+1", "nul", "tru", "\"\t\"",
            "\"\\x\"",
            "\"\\u12\"", "{a:1}", "{\"a\"}", "1 2", "\u{FEFF}1", "\"abc", "NaN",
        ]
    )
    func invalid(text: String) {
        #expect(throws: JSONFault.self) { try JSONReader.read(Array(text.utf8)) }
    }

    @Test("nesting is read up to the limit and no further")
    func depth() {
        func nested(_ depth: Int) -> [UInt8] {
            Array((String(repeating: "[", count: depth) + String(repeating: "]", count: depth)).utf8)
        }
        #expect(throws: Never.self) { try JSONReader.read(nested(64)) }
        #expect(throws: JSONFault.self) { try JSONReader.read(nested(65)) }
        #expect(throws: JSONFault.self) { try JSONReader.read(nested(1_000_000)) }
    }

    @Test("escapes are undone, surrogates joined, halves replaced")
    func strings() throws {
        #expect(
            try JSONReader.read(Array(#""a\n\u00e9\ud83d\ude00\ud83dx\udc00\/""#.utf8)).string
                == "a\né😀\u{FFFD}x\u{FFFD}/"
        )
    }

    @Test("bytes that are not UTF-8 are refused")
    func invalidBytes() {
        #expect(throws: JSONFault.self) { try JSONReader.read([0x22, 0xFF, 0x22]) }
        #expect(throws: JSONFault.self) { try JSONReader.read([0x22, 0xC0, 0x80, 0x22]) }
    }

    @Test("ranges give back each piece as it was written, members in order")
    func ranges() throws {
        let text = Array(#" {"b": [1.50, {"x" : null}], "a":true} "#.utf8)
        let node = try JSONReader.read(text)
        #expect(node.members.map(\.name) == ["b", "a"])
        let elements = node["b"]?.elements ?? []
        #expect(elements.map { String(decoding: text[$0.range], as: UTF8.self) } == ["1.50", #"{"x" : null}"#])
        #expect(node["a"]?.scalarText == "true")
    }

    @Test("what is written is read again unchanged")
    func writing() throws {
        var object = JSONWriter()
        object.beginObject()
        let text = "\"\\\u{0}\u{1F}\u{7F}é😀\n\t/"
        object.member("te\"xt", text)
        object.member("n", -3)
        object.member("d", Double.nan)
        object.member("list", ["a", "b"])
        object.member("none", ifPresent: "")
        object.endObject()
        let node = try JSONReader.read(object.bytes)
        #expect(node["te\"xt"]?.string == text)
        #expect(node["n"]?.integer == -3)
        #expect(node["d"]?.value == .null)
        #expect(node["none"] == nil)
        #expect(node["list"]?.elements.compactMap(\.string) == ["a", "b"])
    }

    @Test("what is left out is checked, counted and not kept")
    func leftOut() throws {
        let text = #"{"a":{"x":"\u0041","b":[1,{"x":[2]}]},"x":{"y":3},"c":4}"#
        let node = try JSONReader.read(Array(text.utf8), .tolerant(leavingOut: ["x"]))
        #expect(node.members.map(\.name) == ["a", "c"])
        #expect(node["a"]?.members.map(\.name) == ["b"])
        #expect(node["a"]?["b"]?.elements.map(\.members.count) == [0, 0])
        let broken = Array(#"{"x":[tru]}"#.utf8)
        #expect(throws: JSONFault(.invalidLiteral, at: 6)) {
            try JSONReader.read(broken, .tolerant(leavingOut: ["x"]))
        }
        let five = Array(#"{"x":[1,2,3]}"#.utf8)
        #expect(throws: Never.self) {
            try JSONReader.read(five, .tolerant(maximumNodeCount: 5, leavingOut: ["x"]))
        }
        #expect(throws: JSONFault(.tooManyValues(limit: 4), at: 10)) {
            try JSONReader.read(five, .tolerant(maximumNodeCount: 4, leavingOut: ["x"]))
        }
    }
}
