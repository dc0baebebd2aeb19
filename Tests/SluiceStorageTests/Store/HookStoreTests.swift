import GRDB
import NIOCore
import SluiceBase
import Testing

@testable import SluiceRelay
@testable import SluiceStorage

@Suite("News that receivers lack, in the store")
struct HookStoreTests {
    private func deliveries(_ bench: StoreBench) throws -> [HookDelivery] {
        _ = try bench.restart()
        return (bench.store as? SQLiteStore)?.keptDeliveries ?? []
    }

    @Test("What is kept comes back, the oldest first, until it is forgotten", arguments: [StoreKind.batched, .synced])
    func kept(_ kind: StoreKind) async throws {
        let bench = try StoreBench(kind)
        let deliveries = (1...3).map { number in
            HookDelivery(id: "m\(number)", url: "u", at: WallTime(milliseconds: 100 - Int64(number)), body: [1, 2])
        }
        var other = deliveries[0]
        other.url = "https://b"
        let scan = try TestScan("a", life: bench.store.makeLife())
        for delivery in deliveries + [other] {
            var write = try scan.post([#"{"type":"host"}"#])
            write.deliveries = [delivery]
            try await bench.write(write)
        }
        #expect(try self.deliveries(bench) == [deliveries[2], deliveries[1], deliveries[0], other])
        (bench.store as? SQLiteStore)?.forget(deliveries[0])
        #expect(try self.deliveries(bench) == [deliveries[2], deliveries[1], other])
    }

    @Test("A file of this version that has no place for them gets one")
    func older() async throws {
        let bench = try StoreBench(.batched)
        try await (bench.store as? SQLiteStore)?.onWriter { try $0.execute(sql: "DROP TABLE hooks") }
        #expect(try self.deliveries(bench).isEmpty)
        var write = try TestScan("a", life: bench.store.makeLife()).post([#"{"type":"host"}"#])
        write.deliveries = [HookDelivery(id: "m", url: "u", at: WallTime(milliseconds: 1), body: [])]
        try await bench.write(write)
        #expect(try self.deliveries(bench).count == 1)
    }
}
