import NIOCore
import Testing

@testable import SluiceRelay

/// A relay over each kind of store: its callers' view of a restart, and of history beyond memory.
@Suite
struct StoredRelayTests {
    @Test("After a restart numbering, epoch, owner and answers go on", arguments: StoreKind.allCases)
    func restart(_ kind: StoreKind) async throws {
        let bench = try StoreBench(kind)
        let first = try RelayBench(bench)
        var request = try first.request([#"{"type":"scanStarted"}"#, #"{"type":"host"}"#], owner: "u-1")
        request.idempotency = IngestRequest.Idempotency(key: "k", digest: [7])
        #expect(try await first.ingest(request).seqs == 1...2)
        _ = try await first.ingest([
            #"{"type":"phaseStarted","phase":"ports"}"#, #"{"type":"finding","severity":"High"}"#,
            #"{"type":"progress","percent":40}"#, #"{"type":"error","message":"broke"}"#,
        ])
        let before = try #require(try await first.state())

        let second = try RelayBench(bench, bench.restart())
        #expect(second.relay.scans == 1)
        // Before the first request for it, and afterwards.
        #expect(try await second.summaries().map(\.fold) == [before.summary.fold])
        #expect(try await second.state()?.summary.fold == before.summary.fold)
        #expect(before.summary.fold.severities == ["high": 1] && before.summary.fold.phase == "ports")
        #expect(try await second.owner()?.owner == "u-1")
        let again = try await second.ingest(request)
        #expect(again.isReplayed && again.seqs == 1...2)
        #expect(try await second.ingest([#"{"type":"host"}"#]).seqs == 7...7)
        let after = try #require(try await second.state())
        #expect(after.epoch == before.epoch && after.counts["host"] == 2)
    }

    @Test("History beyond memory is read page by page, without a gap or a double", arguments: StoreKind.allCases)
    func history(_ kind: StoreKind) async throws {
        let bench = try StoreBench(kind)
        let relay = try RelayBench(bench)
        for _ in 0..<20 {
            _ = try await relay.ingest((1...10).map { #"{"type":"host","n":\#($0)}"# })
        }
        #expect(try await relay.history() == Array(1...200))
        #expect(try await relay.history(.descending) == Array(1...200).reversed())
    }

    @Test(
        "What is looked for is found in memory and in the store, from either end, and once",
        arguments: StoreKind.allCases
    )
    func selection(_ kind: StoreKind) async throws {
        let bench = try StoreBench(kind)
        let relay = try RelayBench(bench)
        _ = try await relay.ingest([#"{"type":"phaseStarted"}"#, #"{"type":"progress","n":0}"#])
        for number in 1...20 {
            _ = try await relay.ingest([
                #"{"type":"host","n":\#(number)}"#, #"{"type":"finding","severity":"High","n":\#(number)}"#,
                #"{"type":"scanProgress","phase":"\#(number % 2)"}"#,
            ])
        }
        let findings = (1...20).map { Seq(clamping: 1 + 3 * $0) }
        for order in [LogStretch.Order.ascending, .descending] {
            let ordered = { (seqs: [Seq]) in order == .ascending ? seqs : seqs.reversed() }
            let high = MessageSelection(severities: ["high"])
            #expect(try await relay.history(pageCount: 3, order, high) == ordered(findings))
            let typed = MessageSelection(filter: TypeFilter(["scanProgress"]))
            #expect(try await relay.history(pageCount: 2, order, typed) == ordered([1, 59, 62]))
            let text = MessageSelection(search: TextSearch(#"{"type":"progress""#.utf8))
            #expect(try await relay.history(order, text) == [2])
        }
    }

    @Test("State of a key that memory had forgotten is there once", arguments: StoreKind.allCases)
    func forgottenKey(_ kind: StoreKind) async throws {
        let bench = try StoreBench(kind)
        let relay = try RelayBench(bench)
        for _ in 0..<3 {
            for phase in 1...20 {
                _ = try await relay.ingest([#"{"type":"scanProgress","phase":"\#(phase)"}"#])
            }
        }
        #expect(try await relay.history() == Array(41...60))
        let second = try RelayBench(bench, bench.restart())
        #expect(try await second.history() == Array(41...60))
    }

    @Test("What cannot be stored is refused before it is numbered", arguments: StoreKind.allCases)
    func refusal(_ kind: StoreKind) async throws {
        let bench = try StoreBench(kind)
        let relay = try RelayBench(bench)
        _ = try await relay.ingest([#"{"type":"host"}"#])
        bench.store.close()
        await #expect(throws: RelayRefusal.storageUnavailable) { try await relay.ingest([#"{"type":"host"}"#]) }
        #expect(try await relay.state()?.seq == 1)
    }

    @Test("A deleted scan leaves nothing, and its name begins a new life", arguments: StoreKind.allCases)
    func deletion(_ kind: StoreKind) async throws {
        let bench = try StoreBench(kind)
        let first = try RelayBench(bench)
        _ = try await first.ingest([#"{"type":"host"}"#])
        let epoch = try await first.state()?.epoch
        let second = try RelayBench(bench, bench.restart())
        #expect(try await second.delete())
        #expect(try await second.owner() == nil)
        #expect(try await second.delete() == false)
        #expect(try await second.ingest([#"{"type":"host"}"#]).seqs == 1...1)
        #expect(try await second.state()?.epoch != epoch)
    }
}
