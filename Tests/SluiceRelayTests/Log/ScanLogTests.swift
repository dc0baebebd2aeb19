import NIOCore
import TestSupport
import Testing

@testable import SluiceRelay

@Suite("The log of a scan")
struct ScanLogTests {
    private static func log(
        messages: Int = 1000,
        bytes: Int = 4 * 1024 * 1024,
        criticalBytes: Int = 4 * 1024 * 1024
    ) -> ScanLog {
        var history = RelayConfiguration.History()
        history.criticalBytes = criticalBytes
        history.messageCount = messages
        history.bytes = bytes
        return ScanLog(epoch: "e", history: history)
    }

    /// Letters are ordinary messages, digits state, `!` critical.
    private static func append(_ symbols: String, to log: inout ScanLog) {
        for symbol in symbols {
            if symbol == "!" {
                _ = log.append(TestMessage.critical(), at: TestMessage.time)
            } else if symbol.isNumber {
                _ = log.append(TestMessage.state(String(symbol)), at: TestMessage.time)
            } else {
                _ = log.append(TestMessage.ordinary(String(symbol)), at: TestMessage.time)
            }
        }
    }

    private static func picture(_ page: LogPage) -> [String] {
        page.items.map { item in
            switch item {
            case .entry(let entry): "\(entry.seq)"
            case .missed(let count, let since): "<\(count)@\(since)>"
            }
        }
    }

    @Test("What is kept of the three kinds reads as one, in order")
    func merge() {
        var log = Self.log()
        Self.append("a1!b12!1c", to: &log)
        #expect(Self.picture(log.page(after: 0, maximumCount: 100)) == ["1", "3", "4", "6", "7", "8", "9"])
        #expect(log.latest.map(\.seq) == [6, 8])
        #expect(log.counts == ["a": 1, "b": 1, "c": 1, "scanProgress": 4, "phaseStarted": 2])
    }

    @Test("The oldest ordinary messages go by count, and the gap is told where it is")
    func evictionByCount() {
        var log = Self.log(messages: 3)
        Self.append("ab!cd1efg", to: &log)
        let page = log.page(after: 0, maximumCount: 100)
        #expect(Self.picture(page) == ["<2@0>", "3", "<2@3>", "6", "7", "8", "9"])
        #expect(page.missedCount == 4)
        #expect(page.isComplete)
        #expect(Self.picture(log.page(after: 4, maximumCount: 100)) == ["<1@4>", "6", "7", "8", "9"])
        #expect(log.missedCount(after: 5) == 0)
    }

    @Test("The oldest ordinary messages go by bytes, and what is kept is counted")
    func evictionByBytes() {
        let size = TestMessage.ordinary("a").byteCount
        var log = Self.log(bytes: 3 * size)
        Self.append("abcde", to: &log)
        #expect(Self.picture(log.page(after: 0, maximumCount: 100)) == ["<2@0>", "3", "4", "5"])
        #expect(log.retainedBytes == 3 * size)
    }

    @Test("A reader with a filter misses only what it asked for")
    func missedWithFilter() {
        var log = Self.log(messages: 2)
        Self.append("aabb!aabab", to: &log)
        let filter = TypeFilter(["b"])
        #expect(log.missedCount(after: 0) == 7)
        #expect(log.missedCount(after: 0, filter: filter) == 3)
        #expect(Self.picture(log.page(after: 0, filter: filter, maximumCount: 9)) == ["<2@0>", "5", "<1@5>", "10"])
    }

    @Test("Pages of every size give the same as one, with gaps and filters", arguments: 1...12)
    func paging(size: Int) {
        var log = Self.log(messages: 4)
        Self.append("ab!cd1e!f21gha3bc!", to: &log)
        for filter in [TypeFilter.everything, TypeFilter(["a", "b"]), TypeFilter(["scanProgress"])] {
            let whole = log.page(after: 0, filter: filter, maximumCount: .max)
            var items: [String] = []
            var cursor: Seq = 0
            while true {
                let page = log.page(after: cursor, filter: filter, maximumCount: size)
                #expect(page.entries.count <= size)
                items += Self.picture(page)
                cursor = page.through
                if page.isComplete {
                    break
                }
            }
            #expect(items == Self.picture(whole))
            #expect(cursor == log.head)
        }
    }

    @Test("A page ends at its bytes, but holds at least one message")
    func pageBytes() {
        var log = Self.log()
        Self.append("abcd", to: &log)
        let size = TestMessage.ordinary("a").byteCount
        #expect(log.page(after: 0, maximumCount: 9, maximumBytes: 1).entries.count == 1)
        #expect(log.page(after: 0, maximumCount: 9, maximumBytes: 2 * size + 1).entries.count == 2)
    }

    @Test("A page ends where it was asked to, and a cursor beyond the head gives nothing")
    func pageEnd() {
        var log = Self.log()
        Self.append("abcd", to: &log)
        #expect(Self.picture(log.page(after: 1, through: 3, maximumCount: 9)) == ["2", "3"])
        #expect(log.page(after: 1, through: 3, maximumCount: 9).through == 3)
        #expect(log.page(after: .max, maximumCount: 9).items.isEmpty)
    }

    @Test("State of more keys than history holds loses its oldest, and says so")
    func stateOverLimit() {
        var log = Self.log(messages: 2)
        Self.append("1234", to: &log)
        #expect(log.latest.map(\.seq) == [3, 4])
        #expect(Self.picture(log.page(after: 0, maximumCount: 9)) == ["<2@0>", "3", "4"])
    }

    @Test("State of many keys holds no more bytes than history may, and its newest always stays")
    func stateBytes() {
        let byteCount = TestMessage.state("1").byteCount
        var log = Self.log(bytes: 2 * byteCount)
        Self.append("1233", to: &log)
        #expect(log.latest.map(\.seq) == [2, 4])
        #expect(log.retainedBytes == 2 * byteCount)
        var small = Self.log(bytes: 1)
        Self.append("12", to: &small)
        #expect(small.latest.map(\.seq) == [2])
    }

    @Test("Critical messages beyond their bytes go, oldest first, and every reader is told, whatever its filter")
    func criticalBytes() {
        let size = TestMessage.critical().byteCount
        var log = Self.log(messages: 100, criticalBytes: 2 * size)
        Self.append("a!b!!c", to: &log)
        #expect(Self.picture(log.page(after: 0, maximumCount: 9)) == ["1", "<1@1>", "3", "4", "5", "6"])
        #expect(log.missedCount(after: 0, filter: TypeFilter(["b"])) == 1)
        #expect(
            Self.picture(log.page(after: 0, filter: TypeFilter(["b"]), maximumCount: 9)) == ["<1@0>", "3", "4", "5"]
        )
        #expect(log.missedCount(after: 2) == 0)
        #expect(log.retainedBytes == 2 * size + 3 * TestMessage.ordinary("a").byteCount)
        var small = Self.log(criticalBytes: 1)
        Self.append("!!", to: &small)
        #expect(Self.picture(small.page(after: 0, maximumCount: 9)) == ["<1@0>", "2"])
    }

    @Test("Critical messages that the store has not got stay in memory, and those that it has are not lost")
    func criticalBytesWithStore() {
        let size = TestMessage.critical().byteCount
        var history = RelayConfiguration.History()
        history.criticalBytes = size
        var log = ScanLog(epoch: "e", history: history, isStored: true)
        Self.append("!!!", to: &log)
        #expect(log.page(after: 0, maximumCount: 9).entries.count == 3)
        log.stored(through: 2)
        #expect(log.retainedBytes == size)
        #expect(!log.holdsEverything(after: 1) && log.holdsEverything(after: 2))
        #expect(log.lostCount(after: 0, 2, filter: .everything) == 0)
    }

    @Test("A reader from before what the index remembers is told at least how much it missed")
    func beyondTheIndex() {
        var log = Self.log(messages: 10)
        let message = TestMessage.ordinary()
        for _ in 0..<(TypeIndex.maximumCount + 1000) {
            _ = log.append(message, at: TestMessage.time)
        }
        #expect(log.missedCount(after: 0) == TypeIndex.maximumCount + 990)
        #expect(log.missedCount(after: 0, filter: TypeFilter(["other"])) == 1000)
    }

    @Test(
        "Random logs give every reader all that is kept, and count all that is not",
        arguments: 0..<50 as Range<UInt64>
    )
    func random(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        var log = Self.log(messages: Int.random(in: 3...20, using: &random))
        var ordinary: [Seq] = []
        for _ in 0..<200 {
            let symbol = "ab!123".randomElement(using: &random) ?? "a"
            Self.append(String(symbol), to: &log)
            if symbol.isLetter {
                ordinary.append(log.head)
            }
        }
        for cursor in 0...log.head {
            let page = log.page(after: cursor, maximumCount: .max)
            let seqs = page.entries.map(\.seq)
            #expect(seqs == seqs.sorted() && Set(seqs).count == seqs.count)
            let kept = page.entries.count { $0.message.fate == .ordinary }
            #expect(kept + page.missedCount == ordinary.count { $0 > cursor })
        }
    }
}
