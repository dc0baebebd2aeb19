import Testing

@testable import SluiceRelay

@Suite("Pages of an archive that lost messages")
struct ScanLogStoredTests {
    /// Forty messages, of which memory keeps the last ordinary one, four critical ones, and the newest state.
    private func log() -> ScanLog {
        var history = RelayConfiguration.History()
        history.messageCount = 1
        var log = ScanLog(epoch: "e", history: history)
        for number in 1...40 {
            let message =
                switch number % 8 {
                case 1 where number < 32: TestMessage.critical()
                case 4 where number < 32: TestMessage.state("a")
                default: TestMessage.ordinary("host", "\"n\":\(number)")
                }
            _ = log.append(message, at: TestMessage.time)
        }
        return log
    }

    private func entry(_ seq: Seq) -> LogEntry {
        LogEntry(seq: seq, at: TestMessage.time, message: TestMessage.ordinary("host", "\"n\":\(seq.rawValue)"))
    }

    private func request(_ stretch: LogStretch, count: Int = 100, bytes: Int = .max) -> StoredPageRequest {
        StoredPageRequest(stretch: stretch, maximumCount: count, maximumBytes: bytes)
    }

    @Test("What memory keeps of what was lost is given in its place, with the gaps between")
    func filled() throws {
        let log = self.log()
        let stored = StoredPage(entries: [35, 36].map(self.entry), through: 36, lostThrough: 34)
        let page = log.filled(stored, of: self.request(LogStretch(after: 5, through: 36)))
        #expect(page.entries.map(\.seq) == [9, 17, 25, 28, 35, 36] && page.through == 36)
        // Before, all of them were told as lost.
        let told = log.page(page, after: 5, filter: .everything)
        let texts = told.items.map { item in
            switch item {
            case .entry(let entry): "\(entry.seq.rawValue)"
            case .missed(let count, let since): "-\(count) after \(since.rawValue)"
            }
        }
        let expected = [
            "-3 after 5", "9", "-6 after 9", "17", "-6 after 17", "25", "-2 after 25", "28", "-6 after 28", "35", "36",
        ]
        #expect(texts == expected, "\(texts)")
    }

    @Test("Backwards, too")
    func backwards() {
        let log = self.log()
        let stretch = LogStretch(after: 5, through: 36, order: .descending)
        let stored = StoredPage(entries: [36, 35].map(self.entry), through: 5, lostThrough: 34)
        let page = log.filled(stored, of: self.request(stretch))
        #expect(page.entries.map(\.seq) == [36, 35, 28, 25, 17, 9] && page.through == 5)
    }

    @Test("A page stays within its count and its bytes, and the next one goes on there", arguments: [1, 2, 3, 10])
    func pages(count: Int) {
        let log = self.log()
        for order in [LogStretch.Order.ascending, .descending] {
            var rest = LogStretch(after: 5, through: 36, order: order)
            var seqs: [Seq] = []
            while !rest.isEmpty {
                // The archive has 35 and 36 of it, and gives as many as it is asked for.
                let held = [35, 36].filter { $0 > rest.after && $0 <= rest.through }
                let given = (order == .ascending ? held : held.reversed()).prefix(count)
                var stored = StoredPage(entries: given.map { self.entry($0) }, through: rest.end, lostThrough: 34)
                if given.count < held.count, let last = given.last {
                    stored.through = order == .ascending ? last : last.previous
                }
                let page = log.filled(stored, of: self.request(rest, count: count))
                #expect(page.entries.count <= count)
                seqs += page.entries.map(\.seq)
                let next = rest.rest(from: page.through)
                guard next != rest else {
                    Issue.record("no progress at \(rest)")
                    return
                }
                rest = next
            }
            let all: [Seq] = [9, 17, 25, 28, 35, 36]
            #expect(seqs == (order == .ascending ? all : all.reversed()))
        }
        let one = log.filled(
            StoredPage(entries: [], through: 36, lostThrough: 36),
            of: self.request(LogStretch(after: 5, through: 36), bytes: 1)
        )
        #expect(one.entries.map(\.seq) == [9])
    }

    @Test("An archive that lost nothing of the stretch is believed")
    func whole() {
        let log = self.log()
        let stored = StoredPage(entries: [30].map(self.entry), through: 36, lostThrough: 20)
        let page = log.filled(stored, of: self.request(LogStretch(after: 20, through: 36)))
        #expect(page.entries.map(\.seq) == [30] && page.through == 36)
    }
}
