import GRDB
import NIOCore
import SluiceBase
import Synchronization
import Testing

@testable import SluiceRelay
@testable import SluiceStorage

/// Events of scans whose messages a store takes, refuses, or takes late.
@Suite
struct StoredEventTests {
    private final class Ear: ScanObserver {
        let sent = Mutex<[String]>([])
        let dropped = Mutex<[String]>([])

        /// Of what messages cause: a busy machine may be slow enough that a scan counts as stalled.
        func deliveries(of event: ScanEvent) -> [HookDelivery] {
            guard event.kind != .stalled, event.kind != .resumed else {
                return []
            }
            return [HookDelivery(id: event.kind.rawValue, url: "u", at: .now(), body: [1])]
        }

        func send(_ deliveries: [HookDelivery]) {
            self.sent.withLock { $0 += deliveries.map(\.id) }
        }

        func drop(_ deliveries: [HookDelivery]) {
            self.dropped.withLock { $0 += deliveries.map(\.id) }
        }
    }

    /// A message that no store of one page more takes.
    private static let large = #"{"type":"scanCompleted","pad":"\#(String(repeating: "x", count: 200_000))"}"#

    private let ear = Ear()

    private var sent: [String] { self.ear.sent.withLock { $0 } }

    @Test("What is told was stored before, and the delivery with it")
    func stored() async throws {
        let bench = try StoreBench(.batched)
        let relay = try RelayBench(bench, observer: self.ear)
        _ = try await relay.ingest([#"{"type":"host"}"#])
        _ = try await relay.ingest([#"{"type":"scanCompleted"}"#])
        #expect(self.sent == ["scanStarted", "scanCompleted"])
        _ = try bench.restart()
        #expect((bench.store as? SQLiteStore)?.keptDeliveries.map(\.id) == self.sent)
    }

    @Test("What the store does not take is not told")
    func notStored() async throws {
        let bench = try StoreBench(.batched) { $0.retryInterval = .hours(1) }
        let relay = try RelayBench(bench, observer: self.ear)
        _ = try await relay.ingest([#"{"type":"host"}"#])
        let store = try #require(bench.store as? SQLiteStore)
        try await store.onWriter { try $0.execute(sql: "PRAGMA max_page_count = 1") }
        let refusal = await relay.refusal(of: try relay.request([Self.large]))
        #expect(refusal == .notStored(IngestReceipt(acceptedCount: 1, seqs: 2...2)))
        #expect(self.sent == ["scanStarted"])
    }

    @Test("It is told once it is stored, without anybody's asking")
    func storedLater() async throws {
        let bench = try StoreBench(.batched)
        let relay = try RelayBench(bench, observer: self.ear)
        _ = try await relay.ingest([#"{"type":"host"}"#])
        let store = try #require(bench.store as? SQLiteStore)
        try await store.onWriter { try $0.execute(sql: "PRAGMA max_page_count = 1") }
        #expect(await relay.refusal(of: try relay.request([Self.large])) != nil)
        while self.sent.count < 2 {
            try await Task.sleep(for: .milliseconds(5))
        }
        let seqs = try await store.onWriter { try Int.fetchAll($0, sql: "SELECT seq FROM messages ORDER BY key") }
        #expect(self.sent == ["scanStarted", "scanCompleted"] && seqs == [1, 2])
    }

    @Test("What waits for a store that fails has a bound, beyond which the oldest are given back")
    func bound() {
        let ledger = StoreLedger(store: MemoryStore(), life: 1)
        let deliveries = (1...70).map { HookDelivery(id: "\($0)", url: "u", at: .now(), body: []) }
        #expect(ledger.tell(Array(deliveries[..<60])).isEmpty)
        #expect(ledger.tell(Array(deliveries[60...])).map(\.id) == ["1", "2", "3", "4", "5", "6"])
        #expect(ledger.takeDeliveries().count == 64 && ledger.deliveries.isEmpty)
    }
}
