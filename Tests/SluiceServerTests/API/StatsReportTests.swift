import NIOCore
import SluiceAdmission
import SluiceBase
import SluiceHTTP
import Testing

@testable import SluiceRelay
@testable import SluiceServer

@Suite("The statistics of one caller")
struct StatsReportTests {
    private static let admin = Identity(kind: .token, subject: "root", isAdmin: true)

    private static func query(_ text: String) throws -> StatsQuery {
        try StatsQuery(#require(QueryParameters(text, maximumCount: 16)))
    }

    private static func body(
        _ scans: [ScanSummary],
        _ query: String = "",
        _ rights: Identity = Self.admin
    ) throws -> TestBody? {
        StatsReport([scans], rights: rights, query: try self.query(query)).body().flatMap { TestBody($0) }
    }

    /// All pages, one after the other.
    private static func pages(_ chunks: [[ScanSummary]], _ query: String) throws -> [[String]] {
        var pages: [[String]] = []
        var next: String? = ""
        while let after = next, pages.count < 1000 {
            let query = try self.query(query + (after.isEmpty ? "" : "&after=\(after)"))
            let report = StatsReport(chunks, rights: Self.admin, query: query)
            let body = try #require(report.body().flatMap { TestBody($0) })
            pages.append(body.ids)
            next = body.next
        }
        return pages
    }

    @Test("No scans are an answer too")
    func none() throws {
        let body = try #require(try Self.body([]))
        #expect(body.number("total_scans") == 0)
        #expect(body.number("average_elapsed_time") == 0)
        #expect(body.ids.isEmpty && body.object.keys.contains("next") && body.next == nil)
    }

    @Test("Totals count all that match, whatever the page; averages all that may be read")
    func totals() throws {
        let scans = [
            TestSummary.make("a", messages: 5, seconds: 2),
            TestSummary.make("b", messages: 7, seconds: 4, isCompleted: true),
            TestSummary.make("c", messages: 9, seconds: 9, isCompleted: true),
        ]
        let all = try #require(try Self.body(scans, "limit=1"))
        #expect(all.number("total_scans") == 3 && all.number("completed_scans") == 2)
        #expect(all.number("running_scans") == 1 && all.number("total_messages") == 21)
        #expect(all.number("average_elapsed_time") == 5)
        #expect(all.ids == ["a"] && all.next == "a")
        let completed = try #require(try Self.body(scans, "outcome=completed&after=b"))
        #expect(completed.number("total_scans") == 2 && completed.number("total_messages") == 16)
        #expect(completed.number("average_elapsed_time") == 5)
        #expect(completed.ids == ["c"] && completed.next == nil)
    }

    @Test("How scans stand, and how bad what they found is, is counted of all that the search finds and may be read")
    func spread() throws {
        let scans = [
            TestSummary.make("a-1", severities: ["critical": 2, "info": 1, "odd": 9]),
            TestSummary.make("a-2", isStalled: true, severities: ["high": 3, "critical": .max]),
            TestSummary.make("a-3", isCompleted: true, error: "no route"),
            TestSummary.make("b-1", isCompleted: true, severities: ["low": 4]),
        ]
        let outcomes = { (body: TestBody?) in body?.object["outcomes"] as? [String: Int] }
        let severities = { (body: TestBody?) in body?.object["severities"] as? [String: Int] }
        let all = try Self.body(scans, "outcome=failed&limit=1&totals=true")
        #expect(all?.ids == ["a-3"])
        #expect(outcomes(all) == ["running": 1, "stalled": 1, "completed": 1, "failed": 1])
        #expect(severities(all) == ["critical": .max, "high": 3, "medium": 0, "low": 4, "info": 1])
        let found = try Self.body(scans, "q=B-&totals=true")
        #expect(outcomes(found) == ["running": 0, "stalled": 0, "completed": 1, "failed": 0])
        #expect(severities(found) == ["critical": 0, "high": 0, "medium": 0, "low": 4, "info": 0])
        let globs = Identity(kind: .token, subject: "alice", scans: [ScanPattern("*-1")])
        let own = try Self.body(scans, "totals=true", globs)
        #expect(outcomes(own) == ["running": 1, "stalled": 0, "completed": 1, "failed": 0])
        #expect(outcomes(try Self.body(scans, "")) == nil)
    }

    @Test("Only what the caller may read is counted, listed, or a place to go on from")
    func rights() throws {
        let scans = [
            TestSummary.make("a-1"), TestSummary.make("a-2", owner: "bob"), TestSummary.make("b-1", owner: "bob"),
            TestSummary.make("c-1", owner: "cleo\u{301}"),
        ]
        let globs = Identity(kind: .token, subject: "alice", scans: [ScanPattern("a-*")])
        #expect(try Self.body(scans, "", globs)?.ids == ["a-1", "a-2"])
        #expect(try Self.body(scans, "", Identity(kind: .token, subject: "bob"))?.ids == ["a-2", "b-1"])
        #expect(try Self.body(scans, "", Identity(kind: .token, subject: "cle\u{F3}"))?.ids == [])
        #expect(try Self.body(scans, "", Identity(kind: .ingestKey, subject: "bob"))?.ids == [])
        #expect(try Self.body(scans, "sort=started&after=b-1", globs) == nil)
        #expect(try Self.body(scans, "sort=started&after=nosuch") == nil)
    }

    private static func key(_ scan: ScanSummary, _ order: Substring) -> Int64 {
        switch order {
        case "started": scan.fold.startedAt?.milliseconds ?? .min
        case "last_message": scan.fold.lastMessageAt?.milliseconds ?? .min
        case "messages": Int64(scan.messageCount)
        case "severity":
            ["critical", "high", "medium", "low"].reduce(0) { $0 * 100_000 + Int64(scan.fold.severities[$1] ?? 0) }
        default: 0
        }
    }

    @Test(
        "Pages hold every scan once, in the order asked for",
        arguments: [
            "id", "-id", "started", "-started", "last_message", "-last_message", "messages", "-messages", "severity",
            "-severity",
        ],
        [1, 7, 100, 1000]
    )
    func pages(_ sort: String, _ limit: Int) throws {
        var scans: [ScanSummary] = []
        for number in 0..<150 {
            let lastMessageAt: Int64? = number.isMultiple(of: 4) ? nil : Int64(number * 7 % 20)
            scans.append(
                TestSummary.make(
                    "s-\(number * 37 % 150)",
                    messages: number * 11 % 17,
                    severities: ["critical": number % 3, "high": number * 5 % 7, "low": number % 2, "info": number],
                    startedAt: Int64(number / 3),
                    lastMessageAt: lastMessageAt
                )
            )
        }
        let chunks = stride(from: 0, to: scans.count, by: 40).map { Array(scans[$0..<min($0 + 40, scans.count)]) }
        let pages = try Self.pages(chunks, "sort=\(sort)&limit=\(limit)")
        #expect(pages.dropLast().allSatisfy { $0.count == limit })
        let order = sort.drop { $0 == "-" }
        let upwards: [ScanSummary] = scans.sorted { left, right in
            let (one, other) = (Self.key(left, order), Self.key(right, order))
            return one == other ? left.id.text < right.id.text : one < other
        }
        let ids: [String] = upwards.map { $0.id.text }
        #expect(pages.flatMap { $0 } == (sort.hasPrefix("-") ? ids.reversed() : ids))
    }

    @Test("By id a page goes on also where the scan before it has gone")
    func vanished() throws {
        let scans = ["a", "b", "d"].map { TestSummary.make($0) }
        #expect(try Self.body(scans, "after=c")?.ids == ["d"])
        #expect(try Self.body(scans, "sort=-id&after=c")?.ids == ["b", "a"])
    }

    @Test("A part of the id or of the name is found in either case")
    func parts() throws {
        let scans = [
            TestSummary.make("nightly-1"), TestSummary.make("x", name: "The NIGHTLY run"),
            TestSummary.make("y", name: "é"),
        ]
        #expect(try Self.body(scans, "q=NightlY")?.ids == ["nightly-1", "x"])
        #expect(try Self.body(scans, "q=%C3%A9")?.ids == ["y"])
        #expect(try Self.body(scans, "q=nothing")?.ids == [])
        #expect(try Self.body(scans, "q=")?.ids.count == 3)
    }

    @Test("A page ends where it has enough bytes, and the next one goes on there")
    func bytes() throws {
        let scans = (0..<200).map { number in
            var scan = TestSummary.make("s-\(number)")
            scan.fold.restore(
                counts: Dictionary(uniqueKeysWithValues: (0..<500).map { ("type-\($0)-\(number)-padded", $0) })
            )
            return scan
        }
        let first = try #require(try Self.body(scans))
        #expect(first.byteCount < StatsReport.maximumBytes + 64 * 1024)
        #expect(first.ids.count < 200 && first.next == first.ids.last)
        let pages = try Self.pages([scans], "limit=1000")
        #expect(pages.flatMap { $0 }.sorted() == scans.map(\.id.text).sorted())
    }

    @Test(
        "What cannot be is refused",
        arguments: [
            "limit=0", "limit=1001", "limit=x", "limit=1&limit=1", "after=", "after=a%2Fb", "after=stats",
            "outcome=done",
            "outcome=", "sort=name", "sort=--id", "sort=", "q=a&q=b",
        ]
    )
    func refused(_ query: String) {
        #expect(throws: Problem.self) { try Self.query(query) }
    }
}
