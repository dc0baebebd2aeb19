import NIOCore
import SluiceRelay
import TestSupport
import Testing

@Suite("The check and a second parser on damaged documents")
struct JSONMutationTests {
    private static let originals: [String] = [
        #"{"type":"hostDiscovered","ip":"192.168.1.1","ports":[22,80,443],"up":true,"name":null}"#,
        #"{"scanId":"abc-123","type":"scanProgress","phase":"ports","percent":42.5e0,"note":"жあ😀\u00e9\ud83d\ude00"}"#,
        #"[{"type":"a","x":{"y":[{"z":[]},-0.5E+3]}},{"type":"b","s":"\"\\\/\b\f\n\r\t"},{"type":"c"}]"#,
        " [ {\n\t\"type\" : \"a\" , \"v\" : [ true , false ] } , { \"type\" : \"b\" } ] \r\n",
        #"{"ty\u0070e":"t\u0079pe","\u0073canId":"abc\u002d123","a":1,"a":2}"#,
    ]

    /// Pieces inserted anywhere.
    private static let pieces: [[UInt8]] =
        [
            "\"", "\\", "{", "}", "[", "]", ",", ":", " ", "\n", "\u{0C}", "\u{0}", "0", "-", ".", "e", "+", "01",
            "1.5",
            "true", "nul", "\\u0041", "\\ud800", "\\udc00", "\\u00", "\\x", "\"\"", "{}", "[]", "\u{FEFF}", "\u{7F}",
            "é", "\u{85}", "😀", #","k":{"type":1}"#, "pong", "[[[[[[[[[[[[[[[[", "]]]]]]]]]]]]]]]]",
        ].map { Array($0.utf8) } + [
            [0x80], [0xC0, 0xAF], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xE2, 0x82], [0xFF],
        ]

    /// Members inserted where a member may begin, so that more documents stay JSON.
    private static let members: [[UInt8]] = [
        #""seq":1,"#, #""se\u0071":1,"#, #""type":"x","#, #""type":"batch","#, #""scanId":"abc-123","#,
        #""scanId":"other","#, #""scanId":1,"#, #""scanId":"\ud800","#, #""a":[1,{"seq":2},"\ud800"],"#, #""":-0e-0,"#,
        #""é":"\u0000","#, #""😀" : { "type" : { } } , "#, #""n":[[[]],1E400,true,false,null],"#,
    ].map { Array($0.utf8) }

    @Test("the verdicts, codes and values are the same", arguments: [UInt64(1), 2026])
    func mutations(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let documents = (0..<4000).map { _ in Self.mutated(using: &random) }
        let verdicts = try SecondParser.judge(documents)
        try #require(verdicts.count == documents.count)
        let parser = MessageFixtures.parser()
        var acceptedCount = 0
        for (document, verdict) in zip(documents, verdicts) {
            let outcome = MessageFixtures.outcome(parser, document)
            #expect(Self.agrees(outcome, verdict), "seed \(seed), \(document.hexadecimal): \(outcome), \(verdict)")
            if case .success(let messages) = outcome {
                acceptedCount += 1
                Self.expectPreserved(messages, document)
            }
        }
        #expect(400...3600 ~= acceptedCount, "the documents should be of both kinds: \(acceptedCount) accepted")
    }

    private static func agrees(_ outcome: Result<[Message], MessageError>, _ verdict: SecondParser.Verdict) -> Bool {
        switch (outcome, verdict) {
        case (.success(let messages), .accepted(let expected)):
            messages.map { "\($0.type.utf8.hexadecimal):\($0.carriesScanID ? "True" : "False")" } == expected
        case (.failure(let error), .faulty(let index, let codes)):
            error.index == index && codes.contains(error.code.rawValue)
        case (.failure, .invalid):
            true
        default:
            false
        }
    }

    /// Every body stands in the document after an opening brace, one after the other.
    private static func expectPreserved(_ messages: [Message], _ document: [UInt8]) {
        var rest = document[...]
        for message in messages {
            guard let brace = rest.firstIndex(of: UInt8(ascii: "{")) else {
                Issue.record("no object left in \(document.hexadecimal)")
                return
            }
            rest = rest[(brace + 1)...]
            let body = Array(message.body.readableBytesView)
            #expect(rest.starts(with: body))
            rest = rest.dropFirst(body.count)
        }
    }

    private static func mutated(using random: inout SplitMix64) -> [UInt8] {
        var document = Array(self.originals.randomElement(using: &random)!.utf8)
        for _ in 0..<Int.random(in: 1...3, using: &random) {
            let place = Int.random(in: 0...document.count, using: &random)
            let end = min(document.count, place + Int.random(in: 0...8, using: &random))
            switch Int.random(in: 0..<10, using: &random) {
            case 0: document.removeSubrange(place..<end)
            case 1: document.insert(contentsOf: document[place..<end], at: place)
            case 2: document.insert(UInt8.random(in: .min ... .max, using: &random), at: place)
            case 3 where place < document.count: document[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            case 4 where place < document.count: document[place] = UInt8.random(in: 0x20...0x7E, using: &random)
            case 5...7: self.insertMember(self.members.randomElement(using: &random)!, place, &document)
            default: document.insert(contentsOf: self.pieces.randomElement(using: &random)!, at: place)
            }
        }
        return document
    }

    private static func insertMember(_ member: [UInt8], _ place: Int, _ document: inout [UInt8]) {
        let boundary = document[..<place].lastIndex { $0 == UInt8(ascii: "{") || $0 == UInt8(ascii: ",") }
        document.insert(contentsOf: member, at: boundary.map { $0 + 1 } ?? 0)
    }
}
