import Testing

@testable import SluiceServer

@Suite("What answers cost")
struct AnswerCostTests {
    @Test("The first 64 KiB are in the token of the request; each further begun 64 KiB cost one")
    func tokens() {
        let kibibyte = 1024
        for (bytes, tokens) in [
            (0, 0), (1, 0), (64 * kibibyte, 0), (64 * kibibyte + 1, 1), (128 * kibibyte, 1), (4096 * kibibyte, 63),
        ] {
            var cost = AnswerCost()
            let charged = cost.add(bytes)
            #expect(charged == tokens)
        }
    }

    @Test("In pieces it costs the same as at once", arguments: [1000, 10_000, 65_536, 100_000, 300_000])
    func pieces(bytes: Int) {
        var inPieces = AnswerCost()
        var charged = 0
        for _ in 0..<20 {
            charged += inPieces.add(bytes)
        }
        var whole = AnswerCost()
        let atOnce = whole.add(20 * bytes)
        #expect(charged == atOnce)
    }
}
