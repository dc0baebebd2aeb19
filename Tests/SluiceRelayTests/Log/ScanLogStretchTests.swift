import Testing

@testable import SluiceRelay

@Suite("Reading a stretch of a log")
struct ScanLogStretchTests {
    /// Forty messages, of which memory keeps five ordinary ones, the critical ones, and the newest state.
    private func log() -> ScanLog {
        var history = RelayConfiguration.History()
        history.messageCount = 5
        var log = ScanLog(epoch: "e", history: history)
        for number in 1...40 {
            let message =
                switch number % 8 {
                case 1: TestMessage.critical()
                case 2: TestMessage.state("a")
                case 3: TestMessage.state("b\(number / 20)")
                default: TestMessage.ordinary("host", "\"n\":\(number)")
                }
            _ = log.append(message, at: TestMessage.time)
        }
        return log
    }

    private let kept: [Seq] = [1, 9, 17, 19, 25, 33, 34, 35, 36, 37, 38, 39, 40]

    @Test("both orders give the same, whatever the size of a page", arguments: [1, 2, 5, 100])
    func pages(_ count: Int) {
        let log = self.log()
        for order in [LogStretch.Order.ascending, .descending] {
            var rest = LogStretch(after: 0, through: .max, order: order)
            rest.through = log.head
            var seqs: [Seq] = []
            while !rest.isEmpty {
                let page = log.page(of: rest, .everything, maximumCount: count, maximumBytes: .max)
                #expect(page.entries.count <= count && page.through != rest.start)
                seqs += page.entries.map(\.seq)
                rest = rest.rest(from: page.through)
            }
            #expect(seqs == (order == .ascending ? self.kept : self.kept.reversed()))
        }
    }

    @Test("a stretch has its ends, and the head is never passed")
    func ends() {
        let log = self.log()
        let page = log.page(
            of: LogStretch(after: 9, through: 25, order: .descending),
            .everything,
            maximumCount: 9,
            maximumBytes: .max
        )
        #expect(page.entries.map(\.seq) == [25, 19, 17] && page.through == 9)
        let all = log.page(of: LogStretch(after: 38, through: .max), .everything, maximumCount: 9, maximumBytes: .max)
        #expect(all.entries.map(\.seq) == [39, 40] && all.through == 40)
        let none = log.page(of: LogStretch(after: 50, through: .max), .everything, maximumCount: 9, maximumBytes: .max)
        #expect(none.entries.isEmpty)
    }

    @Test("a page ends with its bytes, but not before its first message")
    func bytes() {
        let log = self.log()
        let size = log.page(of: LogStretch(after: 39, through: 40), .everything, maximumCount: 1, maximumBytes: 1)
            .entries.reduce(0) { $0 + $1.message.byteCount }
        #expect(size > 0)
        let page = log.page(
            of: LogStretch(after: 35, through: 40),
            .everything,
            maximumCount: 9,
            maximumBytes: 2 * size
        )
        #expect(page.entries.map(\.seq) == [36, 37] && page.through == 37)
    }

    @Test("who finds nothing gets a page all the same, after a megabyte that was looked through")
    func bounded() {
        var history = RelayConfiguration.History()
        history.bytes = .max
        var log = ScanLog(epoch: "e", history: history)
        for _ in 0..<100 {
            _ = log.append(
                TestMessage.ordinary("host", "\"pad\":\"\(String(repeating: "x", count: 50_000))\""),
                at: TestMessage.time
            )
        }
        let selection = MessageSelection(filter: TypeFilter(["port"]))
        let page = log.page(of: LogStretch(after: 0, through: 100), selection, maximumCount: 9, maximumBytes: .max)
        #expect(page.entries.isEmpty && page.through == 21)
    }
}
