import NIOCore
import NIOEmbedded
import SluiceBase
import SluiceRelay
import Testing

@testable import SluiceEngine

struct HistoryReaderTests {
    /// Records of some messages each, as if they stood in a log since its beginning.
    private let log = SimulatedLog(seed: 1, faults: SimulatedLog.Faults())
    private let access: SimulatedAccess
    private let id: ScanID
    private let pad = String(repeating: "x", count: 1000)

    init() throws {
        self.access = SimulatedAccess(self.log)
        self.id = try #require(ScanID("scan"))
    }

    /// Stores a record behind another one; its sequence.
    @discardableResult
    private func store(_ texts: [String], behind prev: UInt64, after head: Seq) -> UInt64 {
        let standing = ScanStanding(epoch: "e", place: prev, head: head, messageCount: 0)
        var record = LogRecord(after: standing, place: 0)
        record.at = WallTime(milliseconds: 1)
        record.messages = texts.map { SimulatedHome.message($0) }
        record.messageCount = texts.count
        let recordHead = RecordHead(
            kind: .messages,
            epoch: "e",
            prev: prev,
            first: head.next,
            count: texts.count,
            messageCount: texts.count,
            id: "n\(head)",
            base: 0,
            times: SimulatedHome.times
        )
        self.log.store(recordHead.headers, RecordForm.bytes([record]))
        return self.log.records.last?.sequence ?? 0
    }

    private func page(
        _ stretch: LogStretch,
        count: Int = 1000,
        bytes: Int = 1 << 20,
        marks: LogMarks = LogMarks(),
        cut: ImageForm.Mark? = nil
    ) throws -> (page: StoredPage, reader: HistoryReader) {
        let request = StoredPageRequest(life: 0, stretch: stretch, maximumCount: count, maximumBytes: bytes)
        let reader = HistoryReader(
            self.id,
            epoch: "e",
            request: request,
            log: self.access,
            eventLoop: self.log.loop,
            marks: marks,
            cut: cut
        )
        var answer: Result<StoredPage, any Error>?
        reader.run { answer = $0 }
        self.log.loop.advanceTime(by: .seconds(5))
        return (try #require(answer).get(), reader)
    }

    private func fill(_ recordCount: Int) -> [UInt64] {
        var places: [UInt64] = []
        for number in 0..<recordCount {
            let texts = (1...2).map { "m\(2 * number + $0) \(self.pad)" }
            places.append(self.store(texts, behind: places.last ?? 0, after: Seq(clamping: 2 * number)))
        }
        return places
    }

    @Test
    func aPageGoesOnWhereTheLastOneWasCut() throws {
        _ = self.fill(200)
        var cursor: Seq = 0
        var cut: ImageForm.Mark?
        var read: [Seq] = []
        while cursor < 400 {
            let (page, reader) = try self.page(LogStretch(after: cursor, through: 400), bytes: 20_000, cut: cut)
            read += page.entries.map(\.seq)
            #expect(page.through > cursor && page.lostThrough == 0)
            cursor = page.through
            cut = reader.cut(of: "e")
            #expect(reader.cut(of: "other") == nil)
        }
        #expect(read == (1...400).map { Seq(clamping: $0) })
        // Not from a mark, which is 256 KiB before it: each page is read once, and the record in which it is cut twice.
        #expect(self.log.givenBytes < 3 * 400_000, "\(self.log.givenBytes)")
    }

    @Test
    func backwardsNoMoreThanTwoPagesAreKeptWhateverTheMessagesSize() throws {
        _ = self.fill(100)
        let stretch = LogStretch(after: 0, through: 200, order: .descending)
        let (page, _) = try self.page(stretch, count: 100_000, bytes: 5_500)
        #expect(page.entries.map(\.seq) == [200, 199, 198, 197, 196] && page.through == 195 && page.lostThrough == 0)
        let (next, _) = try self.page(LogStretch(after: 0, through: 195, order: .descending), count: 2)
        #expect(next.entries.map(\.seq) == [195, 194] && next.through == 193)
        // A message larger than a page comes alone.
        let (large, _) = try self.page(LogStretch(after: 0, through: 3, order: .descending), bytes: 10)
        #expect(large.entries.map(\.seq) == [3] && large.through == 2)
    }

    @Test
    func whatIsLeftOfALogBeginsWithARecordThatCounts() throws {
        let places = self.fill(4)
        // Raced with the third for the place behind the second, and was late: 9 and 10 were never given.
        self.store(["late", "late"], behind: places[1], after: 4)
        let last = self.store(["m9", "m10"], behind: places[3], after: 8)
        self.store(["m11"], behind: last, after: 10)
        self.log.evict(before: places[3] + 1)
        let (page, _) = try self.page(LogStretch(after: 0, through: 11))
        #expect(page.entries.map { String(buffer: $0.message.body) } == ["m9", "m10", "m11"])
        #expect(page.entries.map(\.seq) == [9, 10, 11] && page.lostThrough == 8)
    }
}
