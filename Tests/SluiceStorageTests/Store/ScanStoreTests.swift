import NIOCore
import SluiceAdmission
import SluiceBase
import Testing

@testable import SluiceRelay

/// The duties of every store, whatever it is made of.
@Suite
struct ScanStoreTests {
    @Test(
        "What was written comes back after a restart, with its epoch, owner, numbers and bytes",
        arguments: StoreKind.allCases
    )
    func restart(_ kind: StoreKind) async throws {
        let bench = try StoreBench(kind)
        let scan = try TestScan("a", life: bench.store.makeLife())
        scan.header.owner = "u-1"
        try await bench.write(scan.post([#"{"type":"scanStarted"}"#, #"{ "type" : "host","ip":"\u0031" }"#]))
        try await bench.write(scan.post([#"{"type":"host","scanId":"a"}"#]))

        let found = try #require(try bench.restart().first)
        #expect(found.header == scan.header)
        #expect(found.head == 3)
        #expect(found.life == scan.life)
        let page = try await bench.page(found.life, through: 3)
        #expect(page.entries.map(\.seq) == [1, 2, 3])
        let posted = scan.log.page(after: 0, maximumCount: 9).entries.map(\.message.body)
        #expect(page.entries.map(\.message.body) == posted)
        #expect(page.entries.map(\.message.fate) == [.critical, .ordinary, .ordinary])
        #expect(page.entries.map(\.message.carriesScanID) == [false, false, true])
        #expect(try #require(bench.store.makeLife()) > scan.life)
    }

    @Test(
        "Of a conflated key only the newest is kept, and all are counted",
        arguments: StoreKind.allCases
    )
    func conflation(_ kind: StoreKind) async throws {
        let bench = try StoreBench(kind)
        let scan = try TestScan("a", life: bench.store.makeLife())
        for number in 1...5 {
            try await bench.write(
                scan.post([#"{"type":"scanProgress","phase":"x","n":\#(number)}"#, #"{"type":"progress"}"#])
            )
        }
        try await bench.write(scan.post([#"{"type":"scanProgress","phase":"y"}"#]))

        _ = try bench.restart()
        let log = try await bench.ask {
            bench.store.load(scan.life, history: RelayConfiguration.History(), promise: $0)
        }
        #expect(log.tail.entries.map(\.seq) == [9, 10, 11])
        #expect(log.tail.entries.map(\.message.conflationKey) == scan.log.latest.map(\.message.conflationKey))
        #expect(log.tail.counts == ["scanProgress": 6, "progress": 5])
    }

    @Test(
        "Memory takes up the newest messages, every critical one and the newest state",
        arguments: StoreKind.allCases
    )
    func tail(_ kind: StoreKind) async throws {
        let bench = try StoreBench(kind)
        let scan = try TestScan("a", life: bench.store.makeLife())
        try await bench.write(scan.post([#"{"type":"scanStarted"}"#, #"{"type":"progress"}"#]))
        try await bench.write(scan.post((1...50).map { #"{"type":"host","n":\#($0)}"# }))
        var history = RelayConfiguration.History()
        history.messageCount = 10
        let log = try await bench.ask { [history] in bench.store.load(scan.life, history: history, promise: $0) }
        #expect(log.tail.entries.map(\.seq) == [1, 2] + Array(43...52))
        #expect(log.tail.evictedThrough == 42)
        let resumed = ScanLog(resuming: log.tail, epoch: "e", head: 52, history: history)
        #expect(resumed.page(after: 42, maximumCount: 100).entries.map(\.seq) == Array(43...52))
        #expect(resumed.holdsEverything(after: 42) && !resumed.holdsEverything(after: 41))
    }

    @Test("Pages follow one another without a gap, whatever their size", arguments: StoreKind.allCases, [1, 7, 100])
    func pages(_ kind: StoreKind, _ count: Int) async throws {
        let bench = try StoreBench(kind)
        let scan = try TestScan("a", life: bench.store.makeLife())
        try await bench.write(scan.post((1...40).map { #"{"type":"\#($0 % 3 == 0 ? "port" : "host")"}"# }))
        var cursor: Seq = 0
        var seqs: [Seq] = []
        while cursor < 40 {
            let request = StoredPageRequest(
                life: scan.life,
                stretch: LogStretch(after: cursor, through: 40),
                selection: MessageSelection(filter: TypeFilter(["port"])),
                maximumCount: count,
                maximumBytes: .max
            )
            let page = try await bench.ask { bench.store.read(request, promise: $0) }
            #expect(page.through > cursor && page.entries.count <= count)
            seqs += page.entries.map(\.seq)
            cursor = page.through
        }
        #expect(seqs == (1...40).filter { $0.rawValue % 3 == 0 })
    }

    @Test(
        "A stretch is read from its end, too, and of it what passes by type, severity and text",
        arguments: StoreKind.allCases,
        [LogStretch.Order.ascending, .descending]
    )
    func selection(_ kind: StoreKind, _ order: LogStretch.Order) async throws {
        let bench = try StoreBench(kind)
        let scan = try TestScan("a", life: bench.store.makeLife())
        try await bench.write(scan.post([#"{"type":"scanStarted"}"#, #"{"type":"progress","of":"10.0.0.7"}"#]))
        try await bench.write(
            scan.post((1...40).map { #"{"type":"finding","severity":"\#($0 % 4 == 0 ? "HIGH" : "low")","n":\#($0)}"# })
        )
        func found(_ selection: MessageSelection, count: Int = 3, after: Seq = 0) async throws -> [UInt64] {
            var rest = LogStretch(after: after, through: 42, order: order)
            var seqs: [UInt64] = []
            while !rest.isEmpty {
                let request = StoredPageRequest(
                    life: scan.life,
                    stretch: rest,
                    selection: selection,
                    maximumCount: count,
                    maximumBytes: .max
                )
                let page = try await bench.ask { bench.store.read(request, promise: $0) }
                #expect(page.through != rest.start && page.entries.count <= count)
                seqs += page.entries.map(\.seq.rawValue)
                rest = rest.rest(from: page.through)
            }
            return order == .ascending ? seqs : seqs.reversed()
        }
        let high = (1...40).filter { $0 % 4 == 0 }.map { UInt64($0 + 2) }
        #expect(try await found(.everything) == Array(1...42))
        #expect(try await found(.everything, after: 30) == Array(31...42))
        #expect(try await found(MessageSelection(severities: ["high"])) == high)
        #expect(try await found(MessageSelection(filter: TypeFilter(["progress"]))) == [1, 2])
        #expect(try await found(MessageSelection(search: TextSearch("0.0.7".utf8))) == [2])
        let both = MessageSelection(
            filter: TypeFilter(["finding"]),
            severities: ["high"],
            search: TextSearch("8}".utf8)
        )
        #expect(try await found(both) == [10, 30])
    }

    @Test("Who looks for what is not there is given an end of the page before long", arguments: StoreKind.allCases)
    func bounded(_ kind: StoreKind) async throws {
        guard kind != .memory else {
            return
        }
        let bench = try StoreBench(kind)
        let scan = try TestScan("a", life: bench.store.makeLife())
        let pad = String(repeating: "x", count: 50_000)
        for _ in 0..<20 {
            try await bench.write(scan.post((1...1000).map { #"{"type":"host","n":\#($0)}"# }))
        }
        for _ in 0..<5 {
            try await bench.write(
                scan.post((1...10).map { #"{"type":"large","severity":"low","n":\#($0),"pad":"\#(pad)"}"# })
            )
        }
        func page(_ selection: MessageSelection, after: Seq = 0) async throws -> StoredPage {
            let request = StoredPageRequest(
                life: scan.life,
                stretch: LogStretch(after: after, through: 20_050),
                selection: selection,
                maximumCount: 100,
                maximumBytes: 1 << 20
            )
            return try await bench.ask { bench.store.read(request, promise: $0) }
        }
        // By the columns beside the bodies ten thousand messages are checked, and none is read.
        let high = try await page(MessageSelection(severities: ["high"]))
        #expect(high.entries.isEmpty && 10_000...11_000 ~= high.through.rawValue)
        // Of a type that was never posted none has to be looked for.
        let none = try await page(MessageSelection(filter: TypeFilter(["nosuch"])))
        #expect(none.entries.isEmpty && none.through == 20_050)
        // A text has to be looked for in the bodies, a megabyte of them.
        let text = try await page(MessageSelection(search: TextSearch("nosuch".utf8)), after: 20_000)
        #expect(text.entries.isEmpty && 20_020...20_022 ~= text.through.rawValue)
    }

    @Test(
        "Numbers that were shown are not given again, although their messages were lost",
        arguments: StoreKind.allCases
    )
    func numbers(_ kind: StoreKind) async throws {
        let bench = try StoreBench(kind)
        let scan = try TestScan("a", life: bench.store.makeLife())
        try await bench.write(scan.post([#"{"type":"host"}"#]))
        bench.store.numbered(scan.life, through: 7)
        #expect(try bench.restart().map(\.head) == [7])
    }

    @Test("An answer to a request that may be repeated comes back", arguments: StoreKind.allCases)
    func answers(_ kind: StoreKind) async throws {
        let bench = try StoreBench(kind)
        let scan = try TestScan("a", life: bench.store.makeLife())
        var write = try scan.post([#"{"type":"host"}"#])
        let answer = StoredAnswer(
            request: IngestRequest.Idempotency(key: "k", digest: [1, 2, 3]),
            receipt: IngestReceipt(acceptedCount: 1, seqs: 1...1),
            age: .zero
        )
        write.answers = [answer]
        try await bench.write(write)
        _ = try bench.restart()
        let log = try await bench.ask {
            bench.store.load(scan.life, history: RelayConfiguration.History(), promise: $0)
        }
        #expect(log.answers.map(\.request) == [answer.request])
        #expect(log.answers.map(\.receipt) == [answer.receipt])
    }

    @Test("A removed channel's history stays; an erased one's does not", arguments: StoreKind.allCases)
    func removal(_ kind: StoreKind) async throws {
        let bench = try StoreBench(kind)
        let scan = try TestScan("a", life: bench.store.makeLife())
        try await bench.write(scan.post([#"{"type":"host"}"#]))
        scan.header.isRemoved = true
        try await bench.write(scan.post([]))
        #expect(try bench.restart().isEmpty)
        let found = try await bench.ask { bench.store.find(scan.header.id, promise: $0) }
        #expect(found?.head == 1)
        let page = try await bench.page(scan.life, through: 1)
        #expect(page.entries.count == 1)

        let existed = try await bench.ask { bench.store.erase(scan.header.id, promise: $0) }
        let left = try await bench.ask { bench.store.find(scan.header.id, promise: $0) }
        let existsStill = try await bench.ask { bench.store.erase(scan.header.id, promise: $0) }
        #expect(existed && left == nil && !existsStill)
    }

    @Test(
        "Of two lives of a name the newer one is found, and only that one is there",
        arguments: StoreKind.allCases
    )
    func lives(_ kind: StoreKind) async throws {
        let bench = try StoreBench(kind)
        let first = try TestScan("a", life: bench.store.makeLife())
        try await bench.write(first.post([#"{"type":"host"}"#]))
        first.header.isRemoved = true
        try await bench.write(first.post([]))
        let second = try TestScan("a", life: bench.store.makeLife())
        try await bench.write(second.post([#"{"type":"port"}"#]))
        #expect(try bench.restart().map(\.life) == [second.life])
        let found = try await bench.ask { bench.store.find(second.header.id, promise: $0) }
        #expect(found?.header.epoch == second.header.epoch)
    }

    @Test("Of one subject the widest revocation is kept, whatever comes after it", arguments: StoreKind.allCases)
    func widestRevocation(_ kind: StoreKind) async throws {
        let bench = try StoreBench(kind)
        for (issuedBefore, keptUntil) in [(20.0, 4e9), (10.0, 5e9), (15.0, 3e9)] {
            let kept = KeptRevocation(.subject("u", issuedBefore: issuedBefore), keptUntil: keptUntil)
            try await bench.ask { (promise: EventLoopPromise<Void>) in
                bench.store.keep(kept) { error in error.map { promise.fail($0) } ?? promise.succeed() }
            }
        }
        _ = try bench.restart()
        #expect(bench.store.keptRevocations == [KeptRevocation(.subject("u", issuedBefore: 20), keptUntil: 5e9)])
    }

    @Test("Revocations come back", arguments: StoreKind.allCases)
    func revocations(_ kind: StoreKind) async throws {
        let bench = try StoreBench(kind)
        let kept = [
            KeptRevocation(.subject("u", issuedBefore: 12.5), keptUntil: 4_000_000_000),
            KeptRevocation(.tokenID("t"), keptUntil: 4_000_000_001),
        ]
        for revocation in kept {
            try await bench.ask { (promise: EventLoopPromise<Void>) in
                bench.store.keep(revocation) { error in error.map { promise.fail($0) } ?? promise.succeed() }
            }
        }
        _ = try bench.restart()
        #expect(bench.store.keptRevocations.sorted { $0.keptUntil < $1.keptUntil } == kept)
    }

    @Test("What belongs to a scan that nobody introduced is refused", arguments: StoreKind.allCases)
    func unknown(_ kind: StoreKind) async throws {
        let bench = try StoreBench(kind)
        let scan = try TestScan("a", life: bench.store.makeLife())
        var write = try scan.post([#"{"type":"host"}"#])
        write.header = nil
        #expect(await bench.refuses(write))
        #expect(bench.store.isAvailable)
    }

    @Test("Of a log that the store does not know nothing is read, and that is said", arguments: StoreKind.allCases)
    func unread(_ kind: StoreKind) async throws {
        let bench = try StoreBench(kind)
        await #expect(throws: RelayRefusal.scanNotFound) { try await bench.page(77) }
        await #expect(throws: RelayRefusal.scanNotFound) {
            try await bench.ask { bench.store.load(77, history: RelayConfiguration.History(), promise: $0) }
        }
        #expect(bench.store.status.readFailure == nil)
    }

    @Test("Messages come back with the times at which they came", arguments: StoreKind.allCases)
    func times(_ kind: StoreKind) async throws {
        let bench = try StoreBench(kind)
        let scan = try TestScan("a", life: bench.store.makeLife())
        try await bench.write(scan.post([#"{"type":"host"}"#, #"{"type":"phaseStarted"}"#]))
        _ = try bench.restart()
        let page = try await bench.page(scan.life)
        #expect(page.entries.map(\.at) == scan.log.page(after: 0, maximumCount: 9).entries.map(\.at))
    }

    @Test("A closed store takes nothing", arguments: StoreKind.allCases)
    func closed(_ kind: StoreKind) async throws {
        let bench = try StoreBench(kind)
        let scan = try TestScan("a", life: bench.store.makeLife())
        bench.store.close()
        let write = try scan.post([#"{"type":"host"}"#])
        #expect(!bench.store.isAvailable)
        #expect(await bench.refuses(write))
    }
}
