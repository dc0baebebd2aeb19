import Testing

@testable import SluiceRelay

@Suite("Numbers of messages")
struct SeqTests {
    @Test("Neighbours and distances stop at the ends, and trap nowhere")
    func ends() {
        #expect(Seq(5).next == 6 && Seq(5).previous == 4)
        #expect(Seq(0).previous == 0 && Seq.max.next == .max)
        #expect(Seq(3).distance(to: 8) == 5 && Seq(8).distance(to: 3) == -5)
        #expect(Seq(0).distance(to: .max) == 9_007_199_254_740_991)
        #expect(Seq.max.advanced(by: .max) == .max && Seq(7).advanced(by: .min) == 0)
        #expect(Seq.max.advanced(by: -1) == .max.previous)
        #expect(Seq.max.previous < .max && !(Seq.max < .max))
        #expect((Seq(2)...4).map { "\($0)" } == ["2", "3", "4"])
    }

    @Test("Whatever number comes, it becomes the nearest", arguments: [(-1, 0), (.min, 0), (7, 7), (.max, .max)])
    func clamping(value: Int, seq: Seq) {
        #expect(Seq(clamping: value) == seq)
        #expect(Seq(exactly: value) == (value == 7 ? 7 : nil))
    }

    @Test(
        "From outside come digits of at most 2^53 - 1",
        arguments: [
            ("0", 0), ("007", 7), ("9007199254740991", .max), ("9007199254740992", nil), ("18446744073709551615", nil),
            ("18446744073709551616", nil), ("", nil), ("-0", nil), ("+1", nil), ("1.0", nil), (" 1", nil), ("٣", nil),
        ] as [(String, Seq?)]
    )
    func digits(text: String, seq: Seq?) {
        #expect(Seq(text) == seq)
    }

    @Test(
        "Or a JSON number that is one",
        arguments: [
            (0, 0), (-0.0, 0), (3, 3), (0.5, nil), (-1, nil), (9_007_199_254_740_991, .max),
            (9_007_199_254_740_992, nil), (1e300, nil), (.nan, nil), (.infinity, nil),
        ] as [(Double, Seq?)]
    )
    func number(value: Double, seq: Seq?) {
        #expect(Seq(exactly: value) == seq)
    }

    @Test("A log at the end of all numbers reads, and counts what is gone")
    func logAtTheEnd() {
        let tail = StoredTail(entries: [], evictedThrough: .max.previous, counts: [:])
        var log = ScanLog(resuming: tail, epoch: "e", head: .max.previous, history: .init())
        _ = log.append(TestMessage.ordinary(), at: TestMessage.time)
        #expect(log.head == .max)
        #expect(log.page(after: .max.previous, maximumCount: 9).entries.map(\.seq) == [.max])
        #expect(log.missedCount(after: 0) == Seq(0).distance(to: .max.previous))
        #expect(log.page(after: .max, maximumCount: 9).items.isEmpty)
        let page = log.page(StoredPage(entries: [], through: .max, lostThrough: .max), after: .max, filter: .everything)
        #expect(page.through == .max && page.items.isEmpty)
        _ = log.append(TestMessage.ordinary(), at: TestMessage.time)
        #expect(log.head == .max)
    }
}
