import Logging
import NIOCore
import SluiceBase
import SluiceWire
import Testing

@testable import SluiceRelay
@testable import SluiceStorage

/// A relay over a store; it remembers five messages of each scan.
struct RelayBench {
    let relay: Relay
    let id: ScanID
    private let loop: any EventLoop

    init(
        _ bench: StoreBench,
        _ stored: [StoredScan]? = nil,
        scan: String = "a",
        observer: (any ScanObserver)? = nil
    ) throws {
        self.id = try #require(ScanID(scan))
        self.loop = bench.loop
        var configuration = RelayConfiguration()
        configuration.history.messageCount = 5
        self.relay = Relay(
            eventLoops: [bench.loop],
            configuration: configuration,
            memory: CompressionMemory(limit: .max),
            store: bench.store,
            stored: try stored ?? bench.store.restore(),
            observer: observer,
            logger: Logger(label: "relay") { _ in SwiftLogNoOpLogHandler() }
        )
    }

    func request(_ texts: [String], owner: String? = nil) throws -> IngestRequest {
        let parser = MessageParser(
            rules: MessageRules(RelayConfiguration()),
            scanID: self.id,
            maximumMessageBytes: 1 << 20
        )
        let messages = try texts.map { try #require(try parser.parseLine(ByteBuffer(string: $0))) }
        return IngestRequest(scanID: self.id, messages: messages, at: .now(), owner: owner)
    }

    func ingest(_ texts: [String]) async throws -> IngestReceipt {
        try await self.ingest(self.request(texts))
    }

    func ingest(_ request: IngestRequest) async throws -> IngestReceipt {
        try await self.relay.ingest(request, on: self.loop).get()
    }

    /// Why a request is not taken; nil if it is.
    func refusal(of request: IngestRequest) async -> RelayRefusal? {
        do {
            _ = try await self.ingest(request)
            return nil
        } catch {
            return error as? RelayRefusal
        }
    }

    func delete() async throws -> Bool {
        try await self.relay.delete(self.id, on: self.loop).get()
    }

    func owner() async throws -> ScanOwner? {
        try await self.relay.owner(of: self.id, on: self.loop).get()
    }

    func summaries() async throws -> [ScanSummary] {
        try await self.relay.summaries(on: self.loop).get().flatMap { $0 }
    }

    func state() async throws -> ScanState? {
        try await self.relay.state(of: self.id, on: self.loop).get()
    }

    /// The numbers of all that can be read, page by page.
    func history(
        pageCount: Int = 17,
        _ order: LogStretch.Order = .ascending,
        _ selection: MessageSelection = .everything
    ) async throws -> [Seq] {
        var seqs: [Seq] = []
        var request = HistoryRequest(maximumCount: pageCount, maximumBytes: 1 << 20)
        request.order = order
        request.selection = selection
        var next: Seq?
        repeat {
            if let next {
                switch order {
                case .ascending: request.after = next
                case .descending: request.before = next
                }
            }
            let page = try await self.relay.history(of: self.id, request, on: self.loop).get()
            seqs += page?.entries.map(\.seq) ?? []
            next = page?.next
        } while next != nil
        return seqs
    }
}
