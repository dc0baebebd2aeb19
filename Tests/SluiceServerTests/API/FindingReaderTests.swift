import Foundation
import NIOCore
import SluiceBase
import Testing

@testable import SluiceRelay
@testable import SluiceServer

@Suite("What a message says of a finding")
struct FindingReaderTests {
    /// A message and what is to be read of it.
    private struct Case: Decodable {
        struct Finding: Decodable {
            var severity: String
            var host: String
            var port: Int?
            var tags: [String]
        }

        var finding: Finding?
    }

    /// The cases that the console's own reading is tested against, too: each message as it stands there.
    private static func cases() throws -> [(message: String, expected: FindingFacts?)] {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "Browser/findings.json")
        let text = try String(contentsOf: file, encoding: .utf8)
        let expected = try JSONDecoder().decode([Case].self, from: Data(text.utf8)).map(\.finding)
        let messages = text.components(separatedBy: "{ \"message\": ").dropFirst()
            .compactMap { part in
                part.range(of: ",\\s+\"finding\":", options: .regularExpression).map { String(part[..<$0.lowerBound]) }
            }
        #expect(messages.count == expected.count)
        return zip(messages, expected)
            .map { message, finding in
                let facts = finding.map { finding in
                    let rank = FindingFacts.Rank.allCases.first { "\($0)" == finding.severity } ?? .unrated
                    return FindingFacts(rank: rank, host: finding.host, port: finding.port, tags: finding.tags)
                }
                return (message, facts)
            }
    }

    private static func read(_ text: String) throws -> FindingFacts? {
        let parser = MessageParser(
            rules: MessageRules(RelayConfiguration()),
            scanID: try #require(ScanID("a")),
            maximumMessageBytes: 1 << 20
        )
        return FindingReader.read(try #require(try parser.parseLine(ByteBuffer(string: text))))
    }

    @Test("The same as the console reads")
    func sharedCases() throws {
        let cases = try Self.cases()
        #expect(cases.count > 40)
        for (message, expected) in cases {
            #expect(try Self.read(message) == expected, "\(message)")
        }
    }

    @Test("Names with escapes are the same names, and of a name that stands there twice the last one counts")
    func escapesAndRepetitions() throws {
        let twice = #""severity":"low","port":1,"severity":"high","port":null,"tags":["a"],"tags":"b""#
        let text = #"{"type":"x","h\u006fst":"a",\#(twice)}"#
        #expect(try Self.read(text) == FindingFacts(rank: .high, host: "a", port: nil, tags: ["b"]))
        #expect(try Self.read(#"{"type":"x","cvss":{"a":[{"score":9}],"score":null,"baseScore":5}}"#)?.rank == .medium)
    }
}
