import NIOCore
import Testing

@testable import SluiceRelay

@Suite("What a message says about how bad it is")
struct MessageSeverityTests {
    @Test(
        "it is the string under the top-level name, in lower case; the last of several counts",
        arguments: [
            (#"{"type":"t","severity":"HIGH"}"#, "high"), (#"{"severity":"Info","type":"t"}"#, "info"),
            (#"{"type":"t"}"#, nil), (#"{"type":"t","severity":3}"#, nil), (#"{"type":"t","severity":["high"]}"#, nil),
            (#"{"type":"t","severity":""}"#, nil), (#"{"type":"t","severity":"\ud800"}"#, nil),
            (#"{"type":"t","a":{"severity":"high"}}"#, nil), (#"{"type":"t","Severity":"high"}"#, nil),
            (#"{"type":"t","severi\u0074y":"h\u0069gh"}"#, "high"), (#"{"type":"t","severity":"ÄRG"}"#, "ärg"),
            (#"{"type":"t","severity":"low","severity":"high"}"#, "high"),
            (#"{"type":"t","severity":"low","severity":null}"#, nil),
            (#"{ "type" : "t" , "severity" : "low" , "x" : [ { } ] }"#, "low"),
        ]
    )
    func severity(_ text: String, _ expected: String?) throws {
        let message = try #require(try MessageFixtures.parser().parseLine(ByteBuffer(string: text)))
        #expect(message.severity == expected)
        #expect(MessageSeverity.find(in: message.body) == expected)
    }

    @Test("one that is too long counts as none")
    func tooLong() throws {
        for (count, isOne) in [(MessageSeverity.maximumByteCount, true), (MessageSeverity.maximumByteCount + 1, false)]
        {
            let severity = String(repeating: "x", count: count)
            let text = #"{"type":"t","severity":""# + severity + #""}"#
            let message = try #require(try MessageFixtures.parser().parseLine(ByteBuffer(string: text)))
            #expect(message.severity == (isOne ? severity : nil))
        }
    }

    @Test("bytes that are no object have none")
    func noObject() {
        for text in ["", "}", #""severity":"high""#, #""severity":"high"]"#, "\u{0}"] {
            #expect(MessageSeverity.find(in: ByteBuffer(string: text)) == nil)
        }
    }
}
