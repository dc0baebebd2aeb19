import Foundation
import Logging
import NIOCore
import NIOPosix
import SluiceAdmission

@testable import SluiceRelay
@testable import SluiceStorage

/// One store in a folder of its own, and a loop to ask it from. Gone when the test is.
final class StoreBench {
    let folder: String
    let loop: any EventLoop
    private(set) var store: any ScanStore & RevocationStore
    private let kind: StoreKind
    private let change: (inout StoreSettings) -> Void

    init(
        _ kind: StoreKind,
        folder: String? = nil,
        _ change: @escaping (inout StoreSettings) -> Void = { _ in }
    ) throws {
        let own = FileManager.default.temporaryDirectory.appendingPathComponent("sluice-\(UUID().uuidString)").path
        let folder = folder ?? own
        self.folder = folder
        self.kind = kind
        self.change = change
        self.loop = MultiThreadedEventLoopGroup.singleton.any()
        self.store = try kind == .memory ? MemoryStore() : Self.open(folder, kind, change)
    }

    deinit {
        self.store.close()
        try? FileManager.default.removeItem(atPath: self.folder)
    }

    var database: String { self.folder + "/sluice.db" }

    /// Ends the process, as far as the store can tell, and starts the next one.
    func restart() throws -> [StoredScan] {
        self.store.close()
        if self.kind != .memory {
            self.store = try Self.open(self.folder, self.kind, self.change)
        }
        return try self.store.restore()
    }

    static func open(
        _ folder: String,
        _ kind: StoreKind,
        _ change: (inout StoreSettings) -> Void = { _ in }
    ) throws -> SQLiteStore {
        var settings = StoreSettings(path: folder)
        settings.isSynced = kind == .synced
        settings.retryInterval = .milliseconds(20)
        change(&settings)
        return try SQLiteStore(settings, logger: Logger(label: "store") { _ in SwiftLogNoOpLogHandler() })
    }

    /// Asks the store something and waits for the answer.
    func ask<Answer: Sendable>(_ question: (EventLoopPromise<Answer>) -> Void) async throws -> Answer {
        let promise = self.loop.makePromise(of: Answer.self)
        question(promise)
        return try await promise.futureResult.get()
    }

    func write(_ write: StoreWrite) async throws {
        try await self.ask { self.store.write(write, promise: $0) }
    }

    /// Whether a write is refused, and said to be.
    func refuses(_ write: StoreWrite) async -> Bool {
        do {
            try await self.write(write)
            return false
        } catch {
            return true
        }
    }

    func page(
        _ life: Int64,
        after cursor: Seq = 0,
        through end: Seq = .max,
        count: Int = 1000
    ) async throws -> StoredPage {
        try await self.ask {
            self.store.read(
                StoredPageRequest(
                    life: life,
                    stretch: LogStretch(after: cursor, through: end),
                    maximumCount: count,
                    maximumBytes: .max
                ),
                promise: $0
            )
        }
    }
}
