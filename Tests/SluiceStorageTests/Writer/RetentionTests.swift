import NIOCore
import SluiceBase
import Testing

@testable import SluiceRelay
@testable import SluiceStorage

/// The order of removal, how much goes at a time, and that it is enough.
@Suite
struct RetentionTests {
    private func finding(_ number: Int, bytes: Int = 1000) -> String {
        #"{"type":"finding","n":\#(number),"pad":"\#(String(repeating: "x", count: bytes))"}"#
    }

    @Test("Findings stay while snapshots are written, however many; those stay within their share")
    func snapshots() throws {
        let bench = try RetentionBench(limit: 4 << 20)
        let scan = try bench.scan("a")
        try bench.post(scan, (1...400).map { self.finding($0) })
        for round in 0..<200 {
            try bench.post(
                scan,
                (0..<20).map {
                    #"{"type":"scanProgress","phase":"\#($0)","n":\#(round),"pad":"\#(String(repeating: "s", count: 1000))"}"#
                }
            )
            try bench.snapshot(scan)
            try bench.settle()
            #expect(bench.bytes <= bench.limit)
        }
        #expect(try bench.seqs(scan).prefix(400) == Array(1...400)[...])
        #expect(try bench.value("SELECT count(*) FROM messages WHERE marks & 3 = 2") == 20)
        let snapshotBytes = try bench.value("SELECT sum(bytes) FROM scan_progress_snapshots")
        #expect(snapshotBytes > 0 && snapshotBytes <= bench.plan.snapshotBudget(4 << 20))
        #expect(bench.expiredCount == 0)
    }

    @Test("Where there is not enough room snapshots go before any message")
    func snapshotsFirst() throws {
        let bench = try RetentionBench(limit: 4 << 20)
        let scan = try bench.scan("a")
        try bench.post(scan, [#"{"type":"progress","pad":"\#(String(repeating: "s", count: 20_000))"}"#])
        for _ in 0..<5 {
            try bench.snapshot(scan)
        }
        var number = 0
        while try bench.value("SELECT count(*) FROM scan_progress_snapshots") > 0 {
            #expect(bench.expiredCount == 0)
            number += 1
            try bench.post(scan, (1...20).map { self.finding($0 + number * 20, bytes: 5000) })
            _ = try bench.step()
        }
        #expect(number > 10)
    }

    @Test("A snapshot has a bound: it keeps the newest state, and says that it is partial")
    func largeState() throws {
        let bench = try RetentionBench(limit: 1 << 30)
        let scan = try bench.scan("a")
        for number in 0..<60 {
            let pad = String(repeating: "s", count: 10_000)
            try bench.post(scan, [#"{"type":"scanProgress","phase":"\#(number)","pad":"\#(pad)"}"#])
        }
        try bench.snapshot(scan)
        #expect(try bench.value("SELECT bytes FROM scan_progress_snapshots") <= 256 * 1024)
        #expect(
            try bench.value(
                """
                SELECT json_extract(state, '$.partial') AND json_extract(state, '$.latest[#-1].phase') = '59'
                AND json_array_length(state, '$.latest') > 20 FROM scan_progress_snapshots
                """
            ) == 1
        )
    }

    @Test("Snapshots of one scan are thinned: the older they are, the farther apart")
    func thinned() throws {
        let bench = try RetentionBench(limit: 1 << 30)
        let scan = try bench.scan("a")
        try bench.post(scan, [#"{"type":"progress"}"#])
        for number in 0..<2000 {
            bench.age = WallTime(milliseconds: Int64(number) * 1000 + 1)
            try bench.snapshot(scan)
        }
        #expect(try bench.value("SELECT count(*) FROM scan_progress_snapshots") < SnapshotRow.maximumCount)
        // The newest half a minute is all there, of the first thousand seconds little.
        #expect(try bench.value("SELECT count(*) FROM scan_progress_snapshots WHERE age > 1970000") == 30)
        let old = try bench.value("SELECT count(*) FROM scan_progress_snapshots WHERE age < 1000000")
        #expect(old > 10 && old < 100)
        #expect(try bench.value("SELECT sum(bytes) FROM scan_progress_snapshots") == bench.totals.snapshotBytes)
    }

    @Test("Critical messages and state keep no store over its bound, and what goes is told; other scans' findings stay")
    func kept() throws {
        let bench = try RetentionBench(limit: 2 << 20)
        let other = try bench.scan("b")
        try bench.post(other, (1...100).map { self.finding($0) })
        let scan = try bench.scan("a")
        let pad = String(repeating: "c", count: 20_000)
        for number in 0..<300 {
            let type = number % 2 == 0 ? "phaseStarted" : "scanProgress"
            try bench.post(scan, [#"{"type":"\#(type)","phase":"\#(number)","pad":"\#(pad)"}"#])
            try bench.settle()
            #expect(bench.bytes <= bench.limit)
        }
        let seqs = try bench.seqs(scan)
        #expect(seqs.last == 300 && seqs.count > 5 && seqs == Array(seqs[0]...300))
        #expect(try bench.lostThrough(scan) == Seq(clamping: seqs[0] - 1))
        #expect(try bench.seqs(other) == Array(1...100))
        #expect(try bench.lostThrough(other) == 0)
    }

    @Test("A key that comes again and again takes the room of one message")
    func superseded() throws {
        let bench = try RetentionBench(limit: 2 << 20)
        let scan = try bench.scan("a")
        for number in 0..<200 {
            try bench.post(
                scan,
                [#"{"type":"progress","n":\#(number),"pad":"\#(String(repeating: "c", count: 50_000))"}"#]
            )
        }
        #expect(try bench.seqs(scan) == [200])
        #expect(bench.totals.keptBytes < 60_000)
        try bench.settle()
        #expect(bench.bytes <= bench.limit && bench.expiredCount == 0)
    }

    @Test("One scan that has more than half gives up its own; else the oldest of the whole store goes")
    func shares() throws {
        let bench = try RetentionBench(limit: 2 << 20)
        let quiet = try bench.scan("quiet")
        try bench.post(quiet, (1...200).map { self.finding($0) })
        let chatty = try bench.scan("chatty")
        for round in 0..<40 {
            try bench.post(chatty, (0..<100).map { self.finding(round * 100 + $0) })
            try bench.settle()
        }
        #expect(try bench.seqs(quiet) == Array(1...200))
        #expect(try bench.seqs(chatty).last == 4000 && bench.lostThrough(chatty) > 2000)

        // Many scans of the same size: whole ones go, in the order in which they came.
        let many = try RetentionBench(limit: 2 << 20)
        var scans: [TestScan] = []
        for number in 0..<10 {
            scans.append(try many.scan("s\(number)"))
            many.age.milliseconds += 600_000
            try many.post(scans[number], (1...300).map { self.finding($0) })
            try many.settle()
        }
        let counts = try scans.map { try many.seqs($0).count }
        #expect(counts.last == 300 && counts.first == 0 && counts == counts.sorted())
    }

    @Test("What many types are counted by takes no room from messages beyond the share of what is kept")
    func counts() throws {
        let bench = try RetentionBench(limit: 2 << 20)
        for number in 0..<40 {
            let scan = try bench.scan("a\(number)")
            try bench.post(scan, (0..<400).map { #"{"type":"\#(String(repeating: "t", count: 100))\#($0)"}"# })
            try bench.settle()
            #expect(bench.bytes <= bench.limit)
        }
        let other = try bench.scan("b")
        bench.age.milliseconds += 600_000
        try bench.post(other, (1...400).map { self.finding($0) })
        try bench.settle()
        #expect(try bench.seqs(other) == Array(1...400))
        #expect(bench.totals.keptBytes < bench.limit / 2)
    }

    @Test("Answers have a share of their own; the oldest go early")
    func answers() throws {
        let bench = try RetentionBench(limit: 2 << 20)
        let scan = try bench.scan("a")
        try bench.post(scan, (1...100).map { self.finding($0) })
        for number in 0..<3000 {
            let request = IngestRequest.Idempotency(key: "key-\(number)", digest: [UInt8](repeating: 1, count: 32))
            let receipt = IngestReceipt(acceptedCount: 0, seqs: nil)
            bench.age.milliseconds += 1
            try bench.post(scan, [], answers: [StoredAnswer(request: request, receipt: receipt, age: .zero)])
        }
        try bench.settle()
        #expect(bench.bytes <= bench.limit)
        #expect(try bench.value("SELECT count(*) FROM answers") < 1000)
        #expect(try bench.value("SELECT count(*) FROM answers WHERE key = 'key-2999'") == 1)
        #expect(try bench.seqs(scan) == Array(1...100))
        bench.age.milliseconds += 700_000
        try bench.settle()
        #expect(try bench.value("SELECT count(*) FROM answers") == 0 && bench.totals.answerBytes == 0)
    }

    @Test("What was deleted leaves the files, and no step deletes too much")
    func erased() throws {
        let bench = try RetentionBench(limit: 32 << 20)
        let scan = try bench.scan("a")
        for round in 0..<30 {
            try bench.post(scan, (0..<50).map { self.finding(round * 50 + $0, bytes: 10_000) })
        }
        #expect(bench.bytes > 15 << 20)
        try bench.erase(scan)
        var steps = 0
        var before = 1500
        while try bench.step() {
            let count = try bench.value("SELECT count(*) FROM messages")
            #expect(before - count <= 110)
            before = count
            steps += 1
        }
        #expect(before == 0 && steps > 14)
        #expect(bench.totals == StoreTotals())
        #expect(bench.bytes < 9 << 20)
    }

    @Test("Age is counted from when a message was stored, whatever time of day it bears", arguments: [-1000, 0, 1000])
    func age(days: Int64) throws {
        let bench = try RetentionBench(limit: 64 << 20, age: .hours(1))
        let scan = try bench.scan("a")
        let at = WallTime(milliseconds: bench.age.milliseconds + days * 86_400_000)
        try bench.post(scan, [self.finding(1), #"{"type":"phaseStarted"}"#, self.finding(3)], at: at)
        try bench.settle()
        bench.age.milliseconds += 3_500_000
        try bench.post(scan, [self.finding(4)])
        try bench.settle()
        #expect(try bench.seqs(scan) == [1, 2, 3, 4])
        bench.age.milliseconds += 200_000
        try bench.settle()
        #expect(try bench.seqs(scan) == [2, 4] && bench.lostThrough(scan) == 3)
    }

    @Test("A scan whose channel is gone goes with its last message; one that is there stays")
    func removed() throws {
        let bench = try RetentionBench(limit: 64 << 20, age: .hours(1))
        let gone = try bench.scan("a")
        let there = try bench.scan("b")
        for scan in [gone, there] {
            try bench.post(scan, [#"{"type":"phaseStarted"}"#])
        }
        gone.header.isRemoved = true
        try bench.post(gone, [])
        bench.age.milliseconds += 3_700_000
        try bench.settle()
        #expect(try bench.value("SELECT count(*) FROM scans WHERE scan_id = 'a'") == 0)
        #expect(try bench.seqs(gone).isEmpty && bench.seqs(there) == [1])
    }

    @Test("What is counted along the way is what is there")
    func totals() throws {
        let bench = try RetentionBench(limit: 2 << 20)
        for round in 0..<30 {
            let scan = try bench.scan("s\(round % 7)")
            try bench.post(
                scan,
                (0..<40).map { self.finding($0, bytes: 2000) } + [#"{"type":"phaseStarted"}"#, #"{"type":"progress"}"#]
            )
            try bench.post(scan, [#"{"type":"progress","n":2}"#])
            try bench.snapshot(scan)
            try bench.settle()
            let counted = bench.totals
            try bench.begin()
            #expect(counted == bench.totals)
        }
        let bodies = try bench.value("SELECT sum(length(body) + 100) FROM messages WHERE marks & 3 = 1")
        #expect(bench.totals.ordinaryBytes == bodies)
    }
}
