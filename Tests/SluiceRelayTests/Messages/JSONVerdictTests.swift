import NIOCore
import SluiceRelay
import Testing

@Suite("The check against RFC 8259 and a second parser")
struct JSONVerdictTests {
    private let parser = MessageFixtures.parser()

    @Test("each edge case has its decided verdict", arguments: JSONEdgeCase.table)
    func verdict(_ edge: JSONEdgeCase) throws {
        let result = MessageFixtures.outcome(self.parser, edge)
        switch result {
        case .success:
            #expect(edge.isAccepted)
        case .failure(let error):
            #expect(!edge.isAccepted, "\(error)")
            #expect(error.code == .invalidMessage)
            #expect(error.index == 0 || edge.name.contains("array"))
            let offset = try #require(error.offset)
            #expect(0...edge.document.count ~= offset)
        }
    }

    @Test("in slices of whatever length it is the same verdict", arguments: JSONEdgeCase.table)
    func slices(_ edge: JSONEdgeCase) {
        let whole = MessageFixtures.outcome(self.parser, edge)
        for byteCount in [0, 1, 5] {
            var walk = DocumentWalk(self.parser, ByteBuffer(bytes: edge.document), maximumCount: 10)
            var turns = 0
            let result = Result { () throws(MessageError) in
                while try !walk.goOn(byteCount: byteCount) {
                    turns += 1
                }
                return walk.messages
            }
            switch (whole, result) {
            case (.success(let expected), .success(let messages)):
                #expect(messages.map(\.body) == expected.map(\.body))
                #expect(turns == max(0, messages.count - 1))
            case (.failure(let expected), .failure(let error)):
                #expect(error == expected)
            default:
                Issue.record("\(result) and not \(whole)")
            }
        }
    }

    @Test("a slice ends with the message that stands at its end")
    func sliceEnds() throws {
        let messages = Array(repeating: #"{"type":"t"}"#, count: 100).joined(separator: ",")
        var walk = DocumentWalk(self.parser, ByteBuffer(string: "[\(messages)]"), maximumCount: 100)
        var counts: [Int] = []
        while try !walk.goOn(byteCount: 130) {
            counts.append(walk.messages.count)
        }
        // Twelve bytes each, and a comma.
        #expect(counts == Array(stride(from: 10, to: 100, by: 10)))
        #expect(walk.messages.count == 100)
    }

    @Test("the second parser gives the same verdicts, but for the decided differences")
    func secondParser() throws {
        let table = JSONEdgeCase.table
        #expect(table.count >= 150)
        #expect(Set(table.map(\.document)).count >= 150)
        let verdicts = try SecondParser.judge(table.map(\.document))
        try #require(verdicts.count == table.count)
        for (edge, verdict) in zip(table, verdicts) {
            let isJSONForBoth =
                switch verdict {
                case .accepted: true
                case .faulty(_, let codes): edge.difference != nil && codes == ["invalid_message"]
                case .invalid: false
                }
            #expect(isJSONForBoth == (edge.isAccepted || edge.difference != nil), "\(edge.name): \(verdict)")
        }
    }

    @Test("a line of NDJSON has the same verdict as the object alone", arguments: JSONEdgeCase.table)
    func line(_ edge: JSONEdgeCase) throws {
        let isArray = edge.document.first { !" \t\r\n".utf8.contains($0) } == UInt8(ascii: "[")
        let isBlank = edge.document.allSatisfy { " \t\r\n".utf8.contains($0) }
        do throws(MessageError) {
            let message = try self.parser.parseLine(ByteBuffer(bytes: edge.document))
            #expect(isBlank ? message == nil : edge.isAccepted)
        } catch {
            #expect(isArray || !edge.isAccepted)
            #expect(error.index == nil)
        }
    }

    @Test("a cut at any place is refused, and so is one more byte")
    func cuts() {
        let document = Array(#"[{"type":"t","a":[1.5e3,{"b":"\u00e9é😀"}],"c":true},{"type":"u","n":null}]"#.utf8)
        for length in 0..<document.count {
            let cut = ByteBuffer(bytes: document[..<length])
            #expect(throws: MessageError.self) { try self.parser.parseDocument(cut, maximumCount: 10) }
        }
        for byte in UInt8.min...UInt8.max where !" \t\r\n".utf8.contains(byte) {
            let longer = ByteBuffer(bytes: document + [byte])
            #expect(throws: MessageError.self) { try self.parser.parseDocument(longer, maximumCount: 10) }
        }
    }
}
