import Dispatch
import GRDB
import NIOCore
import SluiceBase
import Testing

@testable import SluiceRelay
@testable import SluiceStorage

/// A relay over a store that fails, waits, or has been replaced.
@Suite
struct StoredRelayFaultTests {
    @Test("Every answer that promises something waits for the commit, a scan's owner and name too")
    func answersWait() async throws {
        let bench = try StoreBench(.batched)
        let relay = try RelayBench(bench)
        _ = try await relay.ingest([#"{"type":"host"}"#])
        let store = try #require(bench.store as? SQLiteStore)
        let gate = DispatchSemaphore(value: 0)
        store.writer.dispatch.async { gate.wait() }
        let answers = [
            relay.relay.ingest(try relay.request([#"{"type":"host"}"#]), on: bench.loop).map { _ in () },
            relay.relay.ingest(try relay.request([], owner: "u-1"), on: bench.loop).map { _ in () },
            relay.relay.put(relay.id, owner: nil, name: "n", at: .now(), on: bench.loop).map { _ in () },
        ]
        let done = LockedCount()
        for answer in answers {
            answer.whenComplete { _ in done.add() }
        }
        // The state is read behind them, on the same loop.
        for _ in 0..<20 {
            _ = try await relay.state()
        }
        #expect(done.count == 0)
        gate.signal()
        for answer in answers {
            try await answer.get()
        }
        #expect(try await relay.delete())
    }

    @Test("State that a failed write superseded does not come back")
    func superseded() async throws {
        let bench = try StoreBench(.batched)
        let relay = try RelayBench(bench)
        _ = try await relay.ingest([#"{"type":"progress","n":1}"#])
        let store = try #require(bench.store as? SQLiteStore)
        try await store.onWriter { try $0.execute(sql: "PRAGMA max_page_count = 1") }
        let pad = String(repeating: "x", count: 200_000)
        await #expect(throws: RelayRefusal.notStored(IngestReceipt(acceptedCount: 1, seqs: 2...2))) {
            try await relay.ingest([#"{"type":"progress","n":2,"pad":"\#(pad)"}"#])
        }
        while !store.isAvailable {
            try await Task.sleep(for: .milliseconds(5))
        }
        _ = try await relay.ingest([#"{"type":"host"}"#])
        let seqs = try await store.onWriter { try Int.fetchAll($0, sql: "SELECT seq FROM messages ORDER BY key") }
        #expect(seqs == [2, 3])
    }

    @Test("What was numbered and not stored is told, and stored under its numbers without anybody's asking")
    func notStored() async throws {
        let bench = try StoreBench(.batched)
        let relay = try RelayBench(bench)
        _ = try await relay.ingest([#"{"type":"host","n":1}"#])
        let store = try #require(bench.store as? SQLiteStore)
        try await store.onWriter { try $0.execute(sql: "PRAGMA max_page_count = 1") }
        let pad = String(repeating: "x", count: 200_000)
        var request = try relay.request([#"{"type":"host","n":2,"pad":"\#(pad)"}"#, #"{"type":"host","n":3}"#])
        request.idempotency = IngestRequest.Idempotency(key: "k", digest: [7])
        let receipt = IngestReceipt(acceptedCount: 2, seqs: 2...3)
        #expect(await relay.refusal(of: request) == .notStored(receipt))
        var seqs: [Int] = []
        while seqs.count < 3 {
            try await Task.sleep(for: .milliseconds(5))
            seqs =
                (try? await store.onWriter { try Int.fetchAll($0, sql: "SELECT seq FROM messages ORDER BY key") }) ?? []
        }
        #expect(seqs == [1, 2, 3])

        // Its key is stored with it: also after a restart it gives the first numbers.
        let second = try RelayBench(bench, bench.restart())
        let again = try await second.ingest(request)
        #expect(again.isReplayed && again.seqs == 2...3)
        #expect(try await second.ingest([#"{"type":"host","n":4}"#]).seqs == 4...4)
    }

    @Test("A request that is repeated with its key after it was not stored gets its first numbers")
    func repeated() async throws {
        let bench = try StoreBench(.batched)
        let relay = try RelayBench(bench)
        let store = try #require(bench.store as? SQLiteStore)
        try await store.onWriter { try $0.execute(sql: "PRAGMA max_page_count = 1") }
        var request = try relay.request([#"{"type":"host","pad":"\#(String(repeating: "x", count: 200_000))"}"#])
        request.idempotency = IngestRequest.Idempotency(key: "k", digest: [7])
        let receipt = IngestReceipt(acceptedCount: 1, seqs: 1...1)
        #expect(await relay.refusal(of: request) == .notStored(receipt))
        while !store.isAvailable {
            try await Task.sleep(for: .milliseconds(5))
        }
        let again = try await relay.ingest(request)
        #expect(again.isReplayed && again.seqs == 1...1)
        #expect(try await relay.history() == [1])
    }

    @Test("A scan whose log cannot be read after a start is refused, and can be deleted")
    func unreadableScan() async throws {
        let bench = try StoreBench(.batched)
        let first = try RelayBench(bench)
        _ = try await first.ingest([#"{"type":"host"}"#])
        let second = try RelayBench(bench, bench.restart())
        let store = try #require(bench.store as? SQLiteStore)
        try await store.onWriter { try $0.execute(sql: "UPDATE scans SET head = 0") }
        await #expect(throws: RelayRefusal.storageUnavailable) { try await second.ingest([#"{"type":"host"}"#]) }
        #expect(second.relay.scans == 1)
        #expect(try await second.delete())
        #expect(second.relay.scans == 0)
        #expect(try await second.owner() == nil)
        #expect(try await second.ingest([#"{"type":"host"}"#]).seqs == 1...1)
    }

    @Test("A scan that is no longer in the store begins anew")
    func forgotten() async throws {
        let bench = try StoreBench(.batched)
        let first = try RelayBench(bench)
        _ = try await first.ingest([#"{"type":"host"}"#])
        let epoch = try await first.state()?.epoch
        let second = try RelayBench(bench, bench.restart())
        let store = try #require(bench.store as? SQLiteStore)
        try await store.onWriter { try $0.execute(sql: "DELETE FROM scans; DELETE FROM messages") }
        #expect(try await second.ingest([#"{"type":"host"}"#]).seqs == 1...1)
        #expect(try await second.state()?.epoch != epoch)
        #expect(second.relay.scans == 1)
    }

    @Test("History that cannot be read is refused, and what is gone for good is passed over")
    func history() async throws {
        let bench = try StoreBench(.batched)
        let relay = try RelayBench(bench)
        _ = try await relay.ingest([#"{"type":"scanStarted"}"#] + (2...20).map { #"{"type":"host","n":\#($0)}"# })
        _ = try await relay.ingest((21...40).map { #"{"type":"host","n":\#($0)}"# })
        let store = try #require(bench.store as? SQLiteStore)
        try await store.onWriter { try $0.execute(sql: "ALTER TABLE messages RENAME TO elsewhere") }
        await #expect(throws: RelayRefusal.storageUnavailable) { try await relay.history() }
        #expect(store.status.readFailure != nil)
        try await store.onWriter { try $0.execute(sql: "ALTER TABLE elsewhere RENAME TO messages") }
        while !store.status.isUp {
            try await Task.sleep(for: .milliseconds(5))
        }
        #expect(try await relay.history() == Array(1...40))
        try await store.onWriter { try $0.execute(sql: "DELETE FROM scans") }
        // Memory has the newest and the critical ones.
        #expect(try await relay.history() == [1] + Array(36...40))
        #expect(try await relay.history(pageCount: 2) == [1] + Array(36...40))
    }
}
