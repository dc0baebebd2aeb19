import Logging
import NIOCore
import Testing

@testable import SluiceRelay

/// A relay over each kind of store: what its callers see of a restart, and of history beyond memory.
@Suite
struct StoredRelayTests {
    private static let id = ScanID("a")

    @Test("After a restart numbering, epoch, owner and answers go on", arguments: StoreKind.allCases)
    func restart(_ kind: StoreKind) async throws {
        let bench = try StoreBench(kind)
        let first = try self.relay(bench, bench.store.restore())
        var request = try self.request(["{\"type\":\"scanStarted\"}", "{\"type\":\"host\"}"])
        request.owner = "u-1"
        request.idempotency = IngestRequest.Idempotency(key: "k", digest: [7])
        #expect(try await first.ingest(request, on: bench.loop).get().seqs == 1...2)
        let before = try #require(try await first.state(of: request.scanID, on: bench.loop).get())

        let second = try self.relay(bench, bench.restart())
        #expect(second.scans == 1)
        let owner = try await second.owner(of: request.scanID, on: bench.loop).get()
        #expect(owner?.owner == "u-1")
        let again = try await second.ingest(request, on: bench.loop).get()
        #expect(again.isReplayed && again.seqs == 1...2)
        let next = try await second.ingest(self.request(["{\"type\":\"host\"}"]), on: bench.loop).get()
        #expect(next.seqs == 3...3)
        let after = try #require(try await second.state(of: request.scanID, on: bench.loop).get())
        #expect(after.epoch == before.epoch && after.counts == ["scanStarted": 1, "host": 2])
    }

    @Test("History beyond memory is read page by page, without a gap or a double", arguments: StoreKind.allCases)
    func history(_ kind: StoreKind) async throws {
        let bench = try StoreBench(kind)
        let relay = try self.relay(bench, bench.store.restore())
        for _ in 0..<20 {
            let request = try self.request((1...10).map { "{\"type\":\"host\",\"n\":\($0)}" })
            _ = try await relay.ingest(request, on: bench.loop).get()
        }
        var seqs: [Seq] = []
        var since: Seq? = 0
        while let cursor = since {
            let page = try await relay.history(
                of: #require(Self.id),
                since: cursor,
                maximumCount: 17,
                maximumBytes: 1 << 20,
                on: bench.loop
            )
            .get()
            seqs += page?.entries.map(\.seq) ?? []
            since = page?.next
        }
        #expect(seqs == Array(1...200))
    }

    @Test("What cannot be stored is refused before it is numbered", arguments: StoreKind.allCases)
    func refusal(_ kind: StoreKind) async throws {
        let bench = try StoreBench(kind)
        let relay = try self.relay(bench, bench.store.restore())
        let request = try self.request(["{\"type\":\"host\"}"])
        _ = try await relay.ingest(request, on: bench.loop).get()
        bench.store.close()
        await #expect(throws: RelayRefusal.storageUnavailable) {
            try await relay.ingest(request, on: bench.loop).get()
        }
        #expect(try await relay.state(of: request.scanID, on: bench.loop).get()?.seq == 1)
    }

    @Test("A deleted scan leaves nothing, and its name begins a new life", arguments: StoreKind.allCases)
    func deletion(_ kind: StoreKind) async throws {
        let bench = try StoreBench(kind)
        let first = try self.relay(bench, bench.store.restore())
        let request = try self.request(["{\"type\":\"host\"}"])
        _ = try await first.ingest(request, on: bench.loop).get()
        let epoch = try await first.state(of: request.scanID, on: bench.loop).get()?.epoch
        let second = try self.relay(bench, bench.restart())
        #expect(try await second.delete(request.scanID, on: bench.loop).get())
        #expect(try await second.owner(of: request.scanID, on: bench.loop).get() == nil)
        #expect(try await second.delete(request.scanID, on: bench.loop).get() == false)
        #expect(try await second.ingest(request, on: bench.loop).get().seqs == 1...1)
        #expect(try await second.state(of: request.scanID, on: bench.loop).get()?.epoch != epoch)
    }

    /// A relay that remembers five messages of each scan.
    private func relay(_ bench: StoreBench, _ index: StoreIndex) throws -> Relay {
        var configuration = RelayConfiguration()
        configuration.history.messageCount = 5
        return Relay(
            eventLoops: [bench.loop],
            configuration: configuration,
            memory: CompressionMemory(limit: .max),
            store: bench.store,
            stored: index.scans,
            logger: Logger(label: "relay") { _ in SwiftLogNoOpLogHandler() }
        )
    }

    private func request(_ texts: [String]) throws -> IngestRequest {
        let id = try #require(Self.id)
        let parser = MessageParser(
            rules: MessageRules(RelayConfiguration()),
            scanID: id,
            maximumMessageBytes: 1 << 20
        )
        let messages = try texts.map { try #require(try parser.parseLine(ByteBuffer(string: $0))) }
        return IngestRequest(scanID: id, messages: messages)
    }
}
