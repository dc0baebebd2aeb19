import SluiceBase
import SluiceEngine
import SluiceRelay
import Testing

@Suite("Lists of scans, while they are written")
struct HeadListTests {
    private func head(_ kind: RecordHead.Kind, prev: UInt64, first: Seq) -> MessageHeaders {
        let time = WallTime(milliseconds: 1_800_000_000_000)
        return RecordHead(
            kind: kind,
            epoch: "e",
            prev: prev,
            first: first,
            count: kind == .messages ? 1 : 0,
            messageCount: 1,
            id: "i",
            base: 0,
            times: ScanTimes(created: time, heard: time)
        )
        .headers
    }

    @Test("A scan stands there once, as it was said last, and one that has ended does not")
    func once() throws {
        let subjects = Subjects(name: "sl", shardCount: 1)
        let (busy, over) = (try #require(ScanID("busy")), try #require(ScanID("over")))
        let other = try #require(ScanID("other"))
        var list = HeadList(count: 5)
        var isWhole = [
            list.take(self.head(.messages, prev: 0, first: 1), of: subjects.log(busy), at: 1, pending: 4),
            list.take(self.head(.messages, prev: 0, first: 1), of: subjects.log(over), at: 2, pending: 4),
            list.take(self.head(.messages, prev: 1, first: 2), of: subjects.log(busy), at: 3, pending: 3),
            list.take(self.head(.end(.completed), prev: 2, first: 2), of: subjects.log(over), at: 4, pending: 3),
        ]
        #expect(list.headers.map(\.id) == [busy] && list.headers.map(\.head) == [2])
        // As many as there were at first: what is written meanwhile does not make it longer.
        isWhole.append(list.take(self.head(.messages, prev: 0, first: 1), of: subjects.log(other), at: 5, pending: 7))
        #expect(isWhole == [false, false, false, false, true])
        #expect(list.headers.count == 2)
    }

    @Test("It is whole where there are no more, and what is no record is passed over")
    func end() throws {
        var list = HeadList(count: 9)
        let subject = Subjects(name: "sl", shardCount: 1).log(try #require(ScanID("a")))
        let isWhole = [
            list.take(MessageHeaders(), of: subject, at: 1, pending: 1),
            list.take(self.head(.messages, prev: 0, first: 1), of: "sl.log.0.a b", at: 2, pending: 0),
        ]
        #expect(isWhole == [false, true] && list.headers.isEmpty)
    }
}
