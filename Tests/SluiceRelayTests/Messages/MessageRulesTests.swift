import NIOCore
import SluiceRelay
import Testing

@Suite("Rules by type")
struct MessageRulesTests {
    private func message(_ configuration: RelayConfiguration, _ document: String) throws -> Message {
        let parser = MessageFixtures.parser(configuration)
        return try #require(try parser.parseDocument(ByteBuffer(string: document), maximumCount: 1).first)
    }

    private func key(_ fields: [String], _ members: String) throws -> ConflationKey {
        var configuration = RelayConfiguration()
        configuration.conflate = ["state": fields]
        return try #require(try self.message(configuration, "{\(members)}").conflationKey)
    }

    @Test(
        "the product's own configuration tells fates and ends",
        arguments: [
            ("scanStarted", Fate.critical, false), ("phaseStarted", .critical, false),
            ("scanCompleted", .critical, true),
            ("error", .critical, true), ("scanProgress", .conflated, false), ("progress", .conflated, false),
            ("stats", .conflated, false), ("hostDiscovered", .ordinary, false), ("Error", .ordinary, false),
        ]
    )
    func defaults(_ type: String, _ fate: Fate, _ isTerminal: Bool) throws {
        let message = try self.message(RelayConfiguration(), #"{"type":"\#(type)"}"#)
        #expect(message.fate == fate)
        #expect(message.isTerminal == isTerminal)
        #expect((message.conflationKey != nil) == (fate == .conflated))
        #expect(MessageRules(RelayConfiguration()).rule(of: type).fate == fate)
    }

    @Test("a type that is both critical and conflated is critical")
    func criticalWins() throws {
        var configuration = RelayConfiguration()
        configuration.critical = ["state"]
        configuration.terminal = ["state"]
        configuration.conflate = ["state": ["phase"]]
        let message = try self.message(configuration, #"{"type":"state","phase":1}"#)
        #expect(message.fate == .critical)
        #expect(message.isTerminal)
        #expect(message.conflationKey == nil)
        #expect(MessageRules(configuration).rule(of: "state").conflationFields.isEmpty)
    }

    @Test("a type is its bytes: canonically equivalent spellings are others")
    func typesAreBytes() throws {
        var configuration = RelayConfiguration()
        configuration.critical = ["caf\u{E9}"]
        #expect(try self.message(configuration, "{\"type\":\"caf\u{E9}\"}").fate == .critical)
        #expect(try self.message(configuration, "{\"type\":\"cafe\u{301}\"}").fate == .ordinary)
    }

    @Test(
        "two messages share a key if type and configured values are the same",
        arguments: [
            (#""type":"state","phase":"a""#, #""phase":"a","other":1,"type":"state""#),
            (#""type":"state","phase":"a""#, #""type":"state","ph\u0061se":"\u0061""#),
            (#""type":"state","phase":"a""#, #""type":"state","phase":"b","phase":"a""#),
            (#""type":"state","phase":"é""#, #""type":"state","phase":"\u00E9""#),
            (#""type":"state""#, #""type":"state","x":{"phase":1}"#),
            (#""type":"state","phase":[1,2]"#, #""type":"state","phase": [1,2] "#),
        ]
    )
    func sameKeys(_ first: String, _ second: String) throws {
        #expect(try self.key(["phase"], first) == self.key(["phase"], second))
    }

    @Test(
        "two messages differ in key if a configured value differs",
        arguments: [
            (#""phase":"a""#, #""phase":"b""#), (#""phase":"1""#, #""phase":1"#), (#""phase":1"#, #""phase":1.0"#),
            (#""phase":null"#, #""x":1"#), (#""phase":"""#, #""x":1"#), (#""phase":"null""#, #""phase":null"#),
            (#""phase":"\u00e9""#, #""phase":"e\u0301""#), (#""phase":"\ud800""#, #""phase":"\ud801""#),
            (#""phase":"\ud800""#, #""phase":"\ufffd""#), (#""phase":[1,2]"#, #""phase":[1, 2]"#),
        ]
    )
    func differentKeys(_ first: String, _ second: String) throws {
        let type = #""type":"state","#
        #expect(try self.key(["phase"], type + first) != self.key(["phase"], type + second))
    }

    @Test("a key has its values in the configured order, and only those of its type")
    func order() throws {
        let ab = #""type":"state","a":1,"b":2"#
        let ba = #""type":"state","a":2,"b":1"#
        #expect(try self.key(["a", "b"], ab) != self.key(["a", "b"], ba))
        #expect(try self.key(["a", "b"], ab) == self.key(["b", "a"], ba))
        #expect(try self.key([], ab) == self.key([], ba))

        var configuration = RelayConfiguration()
        configuration.conflate = ["x": ["a", "scanId"], "y": ["a"], "z": ["b"], "type": ["type"]]
        let keys = try ["x", "y", "z", "type"].map {
            try self.message(configuration, #"{"type":"\#($0)","a":1,"scanId":"abc-123"}"#).conflationKey
        }
        #expect(Set(keys).count == 4)
        #expect(try self.message(configuration, #"{"b":9,"a":1,"type":"y"}"#).conflationKey == keys[1])
    }

    @Test("names of fields of any length and script are found")
    func fieldNames() throws {
        for name in ["", "p", String(repeating: "n", count: 63), String(repeating: "n", count: 200), "фаза", "seq2"] {
            let one = try self.key([name], "\"type\":\"state\",\"\(name)\":1")
            #expect(try one != self.key([name], "\"type\":\"state\",\"\(name)\":2"))
            #expect(try one != self.key([name], "\"type\":\"state\",\"\(name)n\":1"))
        }
    }
}
