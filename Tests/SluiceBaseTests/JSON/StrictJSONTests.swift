import SluiceBase
import Testing

@Suite struct StrictJSONTests {
    private func read(_ text: String, depth: Int = 4) throws -> JSONNode {
        try JSONReader.object(Array(text.utf8), .strict(maximumDepth: depth, maximumMemberCount: 8))
    }

    @Test func `every kind of value is read`() throws {
        let object = try self.read(
            " {\"n\" : null,\t\"t\":true,\"f\":false,\r\n\"i\":-12.5e1,\"s\":\"\\u00e9\\ud83d\\ude00\\/\\n\",\"a\":[1,[]],\"o\":{}} "
        )
        #expect(object["n"]?.value == .null)
        #expect(object["t"]?.value == .bool(true))
        #expect(object["f"]?.value == .bool(false))
        #expect(object["i"]?.double == -125)
        #expect(object["s"]?.string == "é😀/\n")
        #expect(object["a"]?.elements.map(\.value) == [.number("1"), .array([])])
        #expect(object["o"]?.value == .object([]))
        #expect(object["x"] == nil)
    }

    @Test(arguments: [
        "", " ", "{", "}", "{}x", "{}{}", "[]", "1", "\"a\"", "null", "{a:1}", "{'a':1}", "{\"a\"}", "{\"a\":}",
        "{\"a\":1,}", "{,}", "{\"a\":1 \"b\":2}", "{\"a\":tru}", "{\"a\":TRUE}", "{\"a\":nul", "{\"a\":-}",
        "{\"a\":.5}",
        "{\"a\":1.}", "{\"a\":1e}", "{\"a\":1e+}", "{\"a\":00}", "{\"a\":-01}", "{\"a\":+1}", "{\"a\":1_0}",
        "{\"a\":\"\\x\"}", "{\"a\":\"\\u12\"}", "{\"a\":\"\\u12g4\"}", "{\"a\":\"\\ud800\"}", "{\"a\":\"\\udc00\"}",
        "{\"a\":\"\\ud800\\u0041\"}", "{\"a\":\"\n\"}", "{\"a\":\"\t\"}", "{\"a\":\"", "{\"a\":\"\\", "{\"a\":[1,]}",
        "{\"a\":[,]}", "{\"a\":[1 2]}", "{\"a\":[1}", "// c\n{}", "{}\u{0}", "\u{FEFF}{}", "{\"a\":1}\u{C}",
        "{\"a\":1,\"a\":2}", "{\"a\":1,\"\\u0061\":2}", "{\"a\":{\"b\":1,\"b\":1}}",
        "{\"1\":1,\"2\":1,\"3\":1,\"4\":1,\"5\":1,\"6\":1,\"7\":1,\"8\":1,\"9\":1}",
    ])
    func `what is no strict object is refused`(text: String) {
        #expect(throws: JSONFault.self) { try self.read(text) }
    }

    @Test(arguments: [[0x22, 0xFF], [0x22, 0xC0, 0x80], [0x22, 0xED, 0xA0, 0x80], [0x22, 0xF5, 0x80, 0x80, 0x80]])
    func `bytes that are no UTF-8 are refused`(bytes: [UInt8]) {
        let text = Array("{\"a\":".utf8) + bytes + [0x22, 0x7D]
        #expect(throws: JSONFault.self) {
            try JSONReader.object(text, .strict(maximumDepth: 4, maximumMemberCount: 8))
        }
    }

    @Test func `depth is counted from the outermost object`() {
        #expect(throws: Never.self) { try self.read(#"{"a":[[[1]]]}"#) }
        #expect(throws: JSONFault(.tooDeep(limit: 4), at: 8)) { try self.read(#"{"a":[[[[]]]]}"#) }
        #expect(throws: Never.self) { try self.read(#"{"a":1}"#, depth: 1) }
        #expect(throws: JSONFault(.tooDeep(limit: 1), at: 5)) { try self.read(#"{"a":{}}"#, depth: 1) }
    }

    @Test func `names that Unicode takes for one are two`() throws {
        let object = try self.read("{\"\u{E9}\":1,\"e\u{301}\":2}")
        #expect(object["\u{E9}"]?.integer == 1)
        #expect(object["e\u{301}"]?.integer == 2)
    }
}
