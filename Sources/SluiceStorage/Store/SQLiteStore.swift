internal import GRDB
package import Logging
package import NIOCore
package import SluiceAdmission
package import SluiceBase
package import SluiceRelay
internal import Synchronization

/// Scans and revocations in one SQLite file: a writer that commits in groups, and a reader beside it.
///
/// Promises are kept after the commit, which hands the messages to the operating system; if the store is to be synced,
/// the commit waits for an fsync. After an error the file is reopened before it is trusted again.
package final class SQLiteStore: ScanStore, RevocationStore, HookStore {
    private let queue: StoreQueue
    let writer: StoreWriter
    private let reader: StoreReader
    private let nextLife = Atomic<Int64>(1)
    private let scans: [StoredScan]
    package let keptRevocations: [KeptRevocation]
    package let keptDeliveries: [HookDelivery]
    private let heads: HeadFile
    private let lock: FolderLock

    /// Opens the store, and makes the folder and the tables if they are missing.
    ///
    /// Blocks.
    ///
    /// - Parameters:
    ///   - settings: The folder and the limits.
    ///   - logger: For its life and its failures.
    /// - Throws: `StoreError` if it cannot be used.
    package init(_ settings: StoreSettings, logger: Logger) throws {
        let file = StoreFile(folder: settings.path, isSynced: settings.isSynced)
        try file.makeFolder()
        self.lock = try FolderLock(folder: settings.path)
        MappingFault.handle()
        let queue = StoreQueue(settings: settings)
        let reader = StoreReader(file: file, settings: settings, queue: queue, logger: logger)
        do {
            let opened = try file.openForWriting(RetentionPlan(limit: settings.retentionBytes))
            let database = opened.queue
            if !opened.isLogTrimmed {
                queue.count { $0.busyCheckpoints += 1 }
                logger.notice("another process reads the storage; its log is copied back later")
            }
            if let migratedFrom = opened.migratedFrom {
                let versions: Logger.Metadata = ["from": "\(migratedFrom)", "to": "\(Schema.version)"]
                logger.notice("storage brought into the form of this version", metadata: versions)
            }
            let lifeCount = try database.read { db in
                try Int.fetchOne(db, sql: "SELECT count(*) FROM scans WHERE removed_at IS NULL AND is_erased = 0") ?? 0
            }
            let heads = try HeadFile(folder: settings.path, lifeCount: lifeCount)
            let restored = try database.read { db in
                try IndexReading(db: db, queue: queue, heads: heads, logger: logger).restore()
            }
            try heads.begin()
            self.heads = heads
            self.scans = restored.scans
            self.keptRevocations = try database.read { try RevocationRow.all($0) }
            self.keptDeliveries = try database.read { try HookRow.all($0) }
            self.nextLife.store(restored.lastLife + 1, ordering: .relaxed)
            self.writer = try StoreWriter(
                file: file,
                settings: settings,
                queue: queue,
                reader: reader,
                database: database,
                heads: heads,
                lock: self.lock,
                logger: logger
            )
        } catch let error as StoreError {
            throw error
        } catch {
            throw StoreError.unusable(path: file.path, reason: StoreReason.text(error))
        }
        self.queue = queue
        self.reader = reader
        self.writer.start()
    }

    package var isAvailable: Bool { self.queue.isAvailable }

    package var status: StoreStatus { self.queue.status }

    package func restore() throws -> [StoredScan] { self.scans }

    package var maximumSeq: Seq { MessageKey.maximumSeq }

    package func makeLife() -> Int64? {
        let life = self.nextLife.add(1, ordering: .relaxed).oldValue
        guard MessageKey.lives.contains(life) else {
            // The counter does not run on.
            self.nextLife.store(life, ordering: .relaxed)
            return nil
        }
        let (isTaken, isCrowded) = self.heads.reserve(life)
        if isCrowded {
            self.writer.growHeads()
        }
        return isTaken ? life : nil
    }

    package func lostThrough(_ life: Int64) -> Seq {
        self.queue.lostThrough(life)
    }

    package func numbered(_ life: Int64, through head: Seq) {
        self.heads.note(life, head: head)
    }

    package func write(_ write: StoreWrite, promise: EventLoopPromise<Void>?) {
        self.add(.write(write, at: .now(), promise))
    }

    package func keep(_ revocation: KeptRevocation, _ done: @escaping @Sendable ((any Error)?) -> Void) {
        self.add(.revocation(revocation, done))
    }

    package func forget(_ delivery: HookDelivery) {
        self.add(.hookDone(delivery))
    }

    package func erase(_ id: ScanID, promise: EventLoopPromise<Bool>) {
        self.add(.erase(id, promise))
    }

    package func load(_ life: Int64, history: RelayConfiguration.History, promise: EventLoopPromise<StoredLog>) {
        self.reader.read(of: .life(life), promise) { try LogReading(db: $0, queue: $1).load(life, history: history) }
    }

    package func read(_ request: StoredPageRequest, promise: EventLoopPromise<StoredPage>) {
        self.reader.read(of: .life(request.life), promise) { try LogReading(db: $0, queue: $1).page(request) }
    }

    package func find(_ id: ScanID, promise: EventLoopPromise<StoredScan?>) {
        self.reader.read(of: .name(id), promise) { try LogReading(db: $0, queue: $1).find(id) }
    }

    package func close() {
        self.writer.close()
        self.reader.close()
        self.lock.release()
    }

    private func add(_ job: StoreJob) {
        if self.queue.add(job) {
            self.writer.wake()
        }
    }
}
