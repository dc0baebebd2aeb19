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
