import NIOCore
import SluiceRelay
import Testing

@Suite("The check of a message")
struct MessageParserTests {
    private let parser = MessageFixtures.parser()

    private func one(_ document: String) throws -> Message {
        let messages = try self.parser.parseDocument(ByteBuffer(string: document), maximumCount: 1)
        return try #require(messages.first)
    }

    @Test("the body is the posted bytes after the opening brace, with all white space inside and none outside")
    func bytesArePreserved() throws {
        let object = "{ \"z\" : 1.50E+2 ,\t\"a\":\"\\u00e9\\/\" , \"a\" : [ ] ,\n \"type\" : \"t\" }"
        let document = " \r\n" + object + "\n\n"
        #expect(try self.one(document).body == ByteBuffer(string: String(object.dropFirst())))
        #expect(try self.one(document).byteCount == object.utf8.count)
        let line = try self.parser.parseLine(ByteBuffer(string: document))
        #expect(line?.body == ByteBuffer(string: String(object.dropFirst())))
    }

    @Test("the body does not share the storage of the request")
    func bodyIsOwned() throws {
        var request = ByteBuffer(string: #"{"type":"t","v":1}"# + String(repeating: " ", count: 1 << 20))
        let message = try #require(try self.parser.parseDocument(request, maximumCount: 1).first)
        request.setRepeatingByte(0x20, count: 18, at: 0)
        #expect(message.body == ByteBuffer(string: #""type":"t","v":1}"#))
        #expect(message.body.storageCapacity < 1024)
    }

    @Test("a document that does not begin at the start of its buffer has offsets of its own")
    func readerIndex() throws {
        var buffer = ByteBuffer(string: #"[[[{"type":"t","seq":1}"#)
        buffer.moveReaderIndex(forwardBy: 3)
        let error = #expect(throws: MessageError.self) { try self.parser.parseDocument(buffer, maximumCount: 1) }
        #expect(error?.offset == 12)
        buffer = ByteBuffer(string: #"}{{"type":"t"}"#)
        buffer.moveReaderIndex(forwardBy: 2)
        #expect(try self.parser.parseDocument(buffer, maximumCount: 1).first?.type == "t")
    }

    @Test(
        "the type is unescaped",
        arguments: [
            (#""scan\u0050rogress""#, "scanProgress"), (#""\ud83d\ude00""#, "😀"), (#""\"\\\/""#, "\"\\/"),
            ("\"é\"", "é"),
            (#""\u00e9""#, "\u{E9}"), (#""e\u0301""#, "e\u{301}"), (#""\uffff""#, "\u{FFFF}"), (#""\u00a0""#, "\u{A0}"),
        ]
    )
    func typeIsUnescaped(_ posted: String, _ type: String) throws {
        let found = try self.one(#"{"type":"# + posted + "}").type
        #expect(Array(found.utf8) == Array(type.utf8))
    }

    @Test("a type has 1 to 128 characters, counted as Unicode scalars after unescaping")
    func typeLength() throws {
        for (unit, count) in [("a", 1), ("é", 1), ("😀", 1), (#"\u00e9"#, 1), (#"\ud83d\ude00"#, 1), ("e\u{301}", 2)] {
            let longest = String(repeating: unit, count: 128 / count)
            #expect(try self.one(#"{"type":""# + longest + #""}"#).type.unicodeScalars.count == 128)
            let error = MessageFixtures.failure(self.parser, #"{"type":""# + longest + unit + #""}"#)
            #expect(error?.code == .invalidMessage)
        }
        #expect(MessageFixtures.failure(self.parser, #"{"type":""}"#)?.code == .invalidMessage)
    }

    @Test(
        "a type that is no proper text is refused",
        arguments: [
            #""\u0000""#, #""\u001f""#, #""\n""#, #""\u007f""#, #""\u0080""#, #""a\u009f""#, "\"\u{7F}\"", "\"\u{85}\"",
            "\"a\u{9F}\"", #""\ud800""#, #""\udc00""#, #""\udc00\ud800""#, #""\ud800a""#, "1", "null", "[]", "{}",
            #"["t"]"#, "true",
        ]
    )
    func typeIsRefused(_ posted: String) {
        #expect(MessageFixtures.failure(self.parser, #"{"type":"# + posted + "}")?.code == .invalidMessage)
    }

    @Test("the gateway's own types are refused, escaped too", arguments: MessageRules.reservedTypes)
    func reservedTypes(_ type: String) {
        let escaped = type.utf8.map { "\\u00" + [$0].hexadecimal }.joined()
        for posted in [type, escaped] {
            let error = MessageFixtures.failure(self.parser, #"{"type":""# + posted + #""}"#)
            #expect(error?.code == .reservedType)
            #expect(error?.offset == 8)
        }
        #expect(MessageFixtures.failure(self.parser, #"{"type":""# + type.uppercased() + #""}"#) == nil)
    }

    @Test(
        "types that begin as the gateway's own are refused, others with such words are not",
        arguments: [
            ("sluice.close", true), ("sluice.", true), (#"\u0073luice.x"#, true), (#"sluice\u002ex"#, true),
            ("sluice", false), ("sluicex", false), ("Sluice.close", false), (" sluice.close", false), ("close", false),
        ]
    )
    func reservedPrefix(_ type: String, _ isRefused: Bool) {
        let error = MessageFixtures.failure(self.parser, #"{"type":""# + type + #""}"#)
        #expect(error?.code == (isRefused ? .reservedType : nil))
    }

    @Test(
        "owned fields are known by what their names say",
        arguments: [
            (#"{"a":1}"#, "invalid_message", 0),
            ("{}", "invalid_message", 0),
            (#"{"Type":"t"}"#, "invalid_message", 0),
            (#"{"type":"t","type":"t"}"#, "invalid_message", 12),
            (#"{"type":"t","ty\u0070e":"t"}"#, "invalid_message", 12),
            (#"{"type":"t","scanId":"abc-123","scanId":"abc-123"}"#, "invalid_message", 31),
            (#"{"type":"t","scanId":"abc-123","\u0073canId":"abc-123"}"#, "invalid_message", 31),
            (#"{"type":"t","seq":1}"#, "reserved_field", 12),
            (#"{"seq":null,"type":"t"}"#, "reserved_field", 1),
            (#"{"type":"t","s\u0065q":1}"#, "reserved_field", 12),
            (#"{"type":"t","scanId":"abc-124"}"#, "scan_id_mismatch", 21),
            (#"{"type":"t","scanId":"abc-1234"}"#, "scan_id_mismatch", 21),
            (#"{"type":"t","scanId":"ABC-123"}"#, "scan_id_mismatch", 21),
            (#"{"type":"t","scanId":"abc\u002d124"}"#, "scan_id_mismatch", 21),
            (#"{"type":"t","scanId":""}"#, "scan_id_mismatch", 21),
            (#"{"type":"t","scanId":7}"#, "scan_id_mismatch", 21),
            (#"{"type":"t","scanId":null}"#, "scan_id_mismatch", 21),
            (#"{"type":"t","scanId":["abc-123"]}"#, "scan_id_mismatch", 21),
            (#"{"type":"t","scanId":"\ud800"}"#, "invalid_message", 21),
        ]
    )
    func ownedFields(_ document: String, _ code: String, _ offset: Int) {
        let error = MessageFixtures.failure(self.parser, document)
        #expect(error?.code.rawValue == code)
        #expect(error?.offset == offset)
        #expect(error?.index == 0)
    }

    @Test("a scanId that is the path's passes, and is noted")
    func scanID() throws {
        #expect(try self.one(#"{"type":"t","scanId":"abc-123"}"#).carriesScanID)
        #expect(try self.one(#"{"sc\u0061nId":"abc\u002D123","type":"t"}"#).carriesScanID)
        #expect(try !self.one(#"{"type":"t","v":{"scanId":"other","seq":1}}"#).carriesScanID)
        #expect(try !self.one(#"{"type":"t","ScanId":1,"Seq":1,"SEQ":2}"#).carriesScanID)
    }

    @Test("an array is taken as a whole or not at all, and the error says which element and where")
    func arrays() throws {
        let good = #"{"type":"a"}"#
        let document = ByteBuffer(string: "[\(good), \(good) ,{\"type\":\"scanCompleted\"}]")
        #expect(try self.parser.parseDocument(document, maximumCount: 3).map(\.type) == ["a", "a", "scanCompleted"])
        for (bad, code, place) in [
            ("{}", "invalid_message", 0), (#"{"type":1}"#, "invalid_message", 8), ("7", "invalid_message", 0),
            (#"{"type":"t",}"#, "invalid_message", 11), (#"{"type":"lag"}"#, "reserved_type", 8),
            (#"{"type":"t","seq":1}"#, "reserved_field", 12),
        ] {
            let error = MessageFixtures.failure(self.parser, "[\(good),\(good),\(bad),\(good)]")
            #expect(error?.code.rawValue == code)
            #expect(error?.index == 2)
            #expect(error?.offset == 1 + 2 * (good.utf8.count + 1) + place)
        }
    }

    @Test("more messages than the limit are refused, as many as the limit are not")
    func maximumCount() {
        let document = #"[{"type":"a"},{"type":"b"},{"type":"c"}]"#
        #expect(MessageFixtures.failure(self.parser, document, maximumCount: 3) == nil)
        let error = MessageFixtures.failure(self.parser, document, maximumCount: 2)
        #expect(error?.code == .tooManyMessages)
        #expect(error?.index == 2)
        #expect(MessageFixtures.failure(self.parser, #"{"type":"a"}"#, maximumCount: 0)?.code == .tooManyMessages)
        #expect(MessageFixtures.failure(self.parser, "[]", maximumCount: 0) == nil)
    }

    @Test("a message may be as long as the limit from brace to brace, whatever stands around it")
    func maximumMessageBytes() {
        let object = #"{"type":"t","v":"12345"}"#
        let spaced = "   " + object + "   "
        let exact = MessageFixtures.parser(maximumMessageBytes: object.utf8.count)
        #expect(MessageFixtures.failure(exact, spaced) == nil)
        #expect(MessageFixtures.failure(exact, "[\(spaced),\(spaced)]") == nil)
        let tight = MessageFixtures.parser(maximumMessageBytes: object.utf8.count - 1)
        let error = MessageFixtures.failure(tight, "[{\"type\":\"t\"},\(object)]")
        #expect(error?.code == .messageTooLarge)
        #expect(error?.index == 1)
    }

    @Test("depth is counted from the message's object, which is 1")
    func depth() {
        let flat = MessageFixtures.parser(maximumDepth: 1)
        #expect(MessageFixtures.failure(flat, #"[{"type":"t","v":1}]"#) == nil)
        let error = MessageFixtures.failure(flat, #"[{"type":"t","v":[]}]"#)
        #expect(error?.code == .invalidMessage)
        #expect(error?.offset == 17)
    }

    @Test("input of any depth ends in an error, not in a full stack", arguments: ["[", #"{"a":"#, #"[{"a":"#])
    func hostileDepth(_ opening: String) {
        let many = String(repeating: opening, count: 300_000)
        for document in [many, #"{"type":"t","v":"# + many] {
            #expect(MessageFixtures.failure(self.parser, document)?.code == .invalidMessage)
        }
    }

    @Test("strings are checked alike wherever they lie against the eight bytes read at once")
    func alignment() {
        for length in 0..<40 {
            let plain = String(repeating: "x", count: length)
            for tail in ["", "é", "😀", #"\n"#, #"\\"#, #"\u00e9"#] {
                #expect(MessageFixtures.failure(self.parser, #"{"type":"t","v":""# + plain + tail + #""}"#) == nil)
            }
            for tail in ["\u{1}", "\n", #"\x"#, #"\"#] {
                let error = MessageFixtures.failure(self.parser, #"{"type":"t","v":""# + plain + tail + #""}"#)
                #expect(error?.code == .invalidMessage)
            }
        }
    }

    @Test("an error repeats nothing of what was posted")
    func errorsHoldNoInput() {
        let secret = "s3cr3t"
        for document in [
            #"{"type":"\#(secret)","seq":1}"#, #"{"type":"t","scanId":"\#(secret)"}"#, secret, "[\(secret)]",
            #"{"type":"t",\#(secret)}"#, #"{"type":"t","a":\#(secret)}"#, "{\"\(secret)\u{1}\":1}",
        ] {
            let error = MessageFixtures.failure(self.parser, document)
            #expect(error?.detail.isEmpty == false)
            #expect(error?.detail.contains(secret) == false)
        }
    }

    @Test("a line of white space is no message, and a line that is none is refused")
    func lines() throws {
        for blank in ["", " ", "\r", "\t \r\n"] {
            #expect(try self.parser.parseLine(ByteBuffer(string: blank)) == nil)
        }
        #expect(try self.parser.parseLine(ByteBuffer(string: "{\"type\":\"t\"}\r"))?.type == "t")
        for bad in [#"[{"type":"t"}]"#, "[]", #"{"type":"t"} {"type":"t"}"#, "\u{FEFF}{\"type\":\"t\"}", "x", "\u{0}"] {
            let error = #expect(throws: MessageError.self) { try self.parser.parseLine(ByteBuffer(string: bad)) }
            #expect(error?.code == .invalidMessage)
            #expect(error?.index == nil)
        }
    }
}
