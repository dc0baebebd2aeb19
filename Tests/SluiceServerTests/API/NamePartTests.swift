import TestSupport
import Testing

@testable import SluiceServer

@Suite("A part of a name")
struct NamePartTests {
    @Test("It is found wherever it stands, and nowhere else", arguments: 0..<20 as Range<UInt64>)
    func random(_ seed: UInt64) {
        var random = SplitMix64(seed: seed)
        for _ in 0..<500 {
            let name = String(
                (0..<Int.random(in: 0...12, using: &random)).map { _ in "abAB".randomElement(using: &random)! }
            )
            let part = String(
                (1...Int.random(in: 1...5, using: &random)).map { _ in "abAB".randomElement(using: &random)! }
            )
            #expect(NamePart(part)!.stands(in: name) == name.lowercased().contains(part.lowercased()))
        }
    }

    @Test("Only ASCII letters have two cases, and bytes like theirs have not")
    func cases() {
        #expect(NamePart("é")!.stands(in: "café"))
        #expect(!NamePart("É")!.stands(in: "café"))
        #expect(!NamePart("[")!.stands(in: "{"))
        #expect(!NamePart("@")!.stands(in: "`"))
    }
}
