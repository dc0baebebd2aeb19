import Testing

@testable import SluiceClient

@Suite struct ErrorTailTests {
    private func tail(_ lines: [String]) -> String? {
        var tail = ErrorTail()
        for line in lines { tail.append(OutputLine(line)) }
        return tail.text
    }

    @Test("the last lines are kept, and empty ones are none")
    func lastLines() {
        #expect(self.tail([]) == nil)
        #expect(self.tail(["", " \t "]) == nil)
        #expect(self.tail(["a", "", "b  c\td "]) == "a\nb c d")
        #expect(self.tail((1...100).map(String.init)) == (91...100).map(String.init).joined(separator: "\n"))
    }

    @Test("what would steer a terminal is written out, and colours are left out")
    func controls() {
        #expect(self.tail(["\u{1B}[31mFTL\u{1B}[0m bad\u{1}\u{7F}\u{202E}x"]) == #"FTL bad\u0001\u007f\u202ex"#)
        var tail = ErrorTail()
        tail.append(OutputLine(bytes: [0x61, 0xFF, 0x00]))
        #expect(tail.text == "a\u{FFFD}\\u0000")
    }

    @Test("its bytes are bounded, whatever is written")
    func bounds() throws {
        for text in ["x", "é", "\u{1}", "😀", "a "] {
            let tail = try #require(self.tail(Array(repeating: String(repeating: text, count: 100_000), count: 20)))
            #expect((400...2000).contains(tail.utf8.count))
        }
        #expect(
            try #require(self.tail(Array(repeating: String(repeating: "x", count: 190), count: 20))).split(
                separator: "\n"
            ).count == 10
        )
    }
}
