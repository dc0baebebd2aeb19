import TestSupport
import Testing

@testable import SluiceRelay

@Suite("Looking for a text among bytes")
struct TextSearchTests {
    @Test("a text is found wherever it stands, and nowhere else")
    func places() throws {
        var random = SplitMix64(seed: 7)
        for _ in 0..<2000 {
            // Few letters, so that there are many near misses.
            let bytes = (0..<Int.random(in: 0...40, using: &random)).map { _ in
                UInt8.random(in: 97...99, using: &random)
            }
            let text = (0..<Int.random(in: 1...6, using: &random)).map { _ in UInt8.random(in: 97...99, using: &random)
            }
            let isThere = bytes.indices.contains { bytes[$0...].starts(with: text) }
            let search = try #require(TextSearch(text))
            #expect(search.isFound(in: bytes.span) == isThere, "\(text) in \(bytes)")
        }
    }

    @Test("no bytes make it look at any of them more than twice", arguments: [0, 1, 100, 127, 200, 255])
    func linear(_ odd: Int) throws {
        var text = [UInt8](repeating: 97, count: 256)
        text[odd] = 98
        let search = try #require(TextSearch(text))
        var bytes = [UInt8](repeating: 97, count: 100_000)
        let same = search.lookedAt(in: bytes.span)
        #expect(!same.isFound && same.count <= 2 * bytes.count)
        for place in stride(from: odd, to: bytes.count, by: 255) {
            bytes[place] = 98
        }
        #expect(search.lookedAt(in: bytes.span).count <= 2 * bytes.count)
    }

    @Test("an object's opening brace counts as a part of it")
    func openingBrace() throws {
        let body = Array(#""a":{"b":1}}"#.utf8)
        func isFound(_ text: String) throws -> Bool {
            try #require(TextSearch(text.utf8)).isFound(inObject: body.span)
        }
        #expect(try isFound(#"{"a":{"#) && isFound(#"{"b""#) && isFound("}}") && isFound("{"))
        #expect(try !isFound(#"{"a":1"#) && !isFound(#"{"a":{"b":1}}}"#) && !isFound(#"{{"#))
    }

    @Test("nothing cannot be looked for, and what is too long is looked for by its beginning")
    func bounds() throws {
        #expect(TextSearch([]) == nil)
        let search = try #require(TextSearch([UInt8](repeating: 7, count: 1000)))
        #expect(search.text.count == TextSearch.maximumByteCount)
    }
}
