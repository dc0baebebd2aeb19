internal import Dispatch
internal import Foundation
internal import GRDB
package import NIOCore
internal import SluiceBase
internal import SluiceSystem

/// The files of a store: where they are, and how a connection to them is opened.
struct StoreFile: Sendable {
    /// How long a connection waits for another one's lock.
    private static let busySeconds = 5
    /// How long opening and closing wait for connections that read.
    static let logPatience = TimeAmount.seconds(1)
    /// The value of `PRAGMA auto_vacuum` for a file that can give back free pages.
    private static let incrementalVacuum = 2

    let folder: String
    let isSynced: Bool

    var path: String { self.folder + "/sluice.db" }

    /// Makes the folder, for its owner alone.
    func makeFolder() throws(StoreError) {
        do {
            try FileManager.default.createDirectory(
                atPath: self.folder,
                withIntermediateDirectories: true,
                attributes: [.posixPermissions: 0o700]
            )
        } catch {
            throw .unusable(path: self.folder, reason: "the folder cannot be made")
        }
    }

    /// What opening for writing found.
    struct Opened {
        var queue: DatabaseQueue
        /// The version that the file had, where that was an older one.
        var migratedFrom: Int?
        /// Whether the log is copied back; if not, it is synced, and another process reads.
        var isLogTrimmed: Bool
    }

    /// A connection that writes; the tables are there when it returns, in the form that this version knows.
    func openForWriting(_ plan: RetentionPlan) throws -> Opened {
        var configuration = Configuration()
        configuration.label = "sluice.storage.writer"
        configuration.busyMode = .timeout(TimeInterval(Self.busySeconds))
        configuration.foreignKeysEnabled = false
        let queue = try DatabaseQueue(path: self.path, configuration: configuration)
        let (migratedFrom, isLogTrimmed) = try queue.writeWithoutTransaction { db in
            let version = try Schema.check(db, path: self.path)
            // Before the first table, or before a VACUUM: only then does it take effect.
            try db.execute(sql: "PRAGMA auto_vacuum = INCREMENTAL")
            if version != nil, try Int.fetchOne(db, sql: "PRAGMA auto_vacuum") != Self.incrementalVacuum {
                try db.execute(sql: "VACUUM")
            }
            let mode = try String.fetchOne(db, sql: "PRAGMA journal_mode = WAL")
            guard mode == "wal" else {
                throw StoreError.unusable(path: self.path, reason: "no write-ahead log (\(mode ?? "?"))")
            }
            // FULL: every commit waits for an fsync of the log. NORMAL: the log is synced before it is copied back.
            try db.execute(sql: "PRAGMA synchronous = \(self.isSynced ? "FULL" : "NORMAL")")
            try db.execute(sql: "PRAGMA journal_size_limit = \(plan.logBytes)")
            try db.execute(sql: "PRAGMA wal_autocheckpoint = \(plan.checkpointPages)")
            let migratedFrom = try self.bringUpToDate(db, version)
            try db.execute(sql: Schema.hooks)
            // The remains of a crash or a failed sync in the log are copied back and synced, or at least synced.
            let isLogTrimmed = try Self.trimLog(db, patience: Self.logPatience)
            if !isLogTrimmed, let failure = LogSync(file: self).syncNow() {
                throw failure
            }
            return (migratedFrom, isLogTrimmed)
        }
        self.syncFolders()
        return Opened(queue: queue, migratedFrom: migratedFrom, isLogTrimmed: isLogTrimmed)
    }

    private func bringUpToDate(_ db: Database, _ version: Int?) throws -> Int? {
        guard let version else {
            try Schema.make(db)
            return nil
        }
        guard version < Schema.version else {
            return nil
        }
        try SchemaMigration(db: db, wall: .now()).run()
        return version
    }

    /// Copies the log back and cuts it off.
    ///
    /// - Parameters:
    ///   - db: The writer's connection, outside a transaction.
    ///   - patience: How long a connection that reads is waited for.
    /// - Returns: Whether that was done; not while another connection reads, as a backup's does for long.
    /// - Throws: The error of the file.
    static func trimLog(_ db: Database, patience: TimeAmount = .zero) throws -> Bool {
        try db.execute(sql: "PRAGMA busy_timeout = \(patience.nanoseconds / 1_000_000)")
        defer { try? db.execute(sql: "PRAGMA busy_timeout = \(Self.busySeconds * 1000)") }
        // The first column says whether something was in the way.
        return try Int.fetchOne(db, sql: "PRAGMA wal_checkpoint(TRUNCATE)") == 0
    }

    /// Syncs the folder and its parent: a file is found after a power cut only if its name is on the disk.
    func syncFolders() {
        for folder in [self.folder, URL(fileURLWithPath: self.folder).deletingLastPathComponent().path] {
            let descriptor = unsafe open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
            if descriptor >= 0 {
                // Some file systems cannot, and do not have to.
                _ = fsync(descriptor)
                _ = close(descriptor)
            }
        }
    }

    /// A connection that only reads.
    func openForReading() throws -> DatabaseQueue {
        var configuration = Configuration()
        configuration.label = "sluice.storage.reader"
        configuration.readonly = true
        configuration.busyMode = .timeout(TimeInterval(Self.busySeconds))
        return try DatabaseQueue(path: self.path, configuration: configuration)
    }

    /// Bytes of the files: of the database, of its log, and of those beside them.
    func sizes() -> (database: Int, log: Int, other: Int) {
        (
            Self.size(self.path), Self.size(self.path + "-wal"),
            Self.size(self.path + "-shm") + Self.size(self.folder + "/sluice.heads")
        )
    }

    private static func size(_ path: String) -> Int {
        FileStatus(path: path)?.byteCount ?? 0
    }

    /// The database and the log that stand at their paths now.
    func identities() -> [FileIdentity?] {
        ["", "-wal"].map { FileIdentity(path: self.path + $0) }
    }
}

/// Syncs the write-ahead log beside the writer, which does not wait: a power cut loses the last second at most.
final class LogSync: Sendable {
    /// The time between a commit and its sync.
    private static let delay = DispatchTimeInterval.milliseconds(500)

    private let path: String
    private let dispatch = DispatchQueue(label: "sluice.storage.sync", qos: .utility)

    init(file: StoreFile) {
        self.path = file.path + "-wal"
    }

    /// Syncs the log after the delay, and hands the failure to `done`.
    func sync(_ done: @escaping @Sendable (StoreError?) -> Void) {
        self.dispatch.asyncAfter(deadline: .now() + Self.delay) {
            done(self.syncNow())
        }
    }

    /// Syncs the log, and blocks for that; returns the failure.
    func syncNow() -> StoreError? {
        // SQLite has no lock on this file, so closing it releases none.
        let descriptor = unsafe open(self.path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            // Without a log everything is in the database; the writer checks that file.
            return errno == ENOENT ? nil : .failed(reason: CLibrary.text(ofError: errno))
        }
        defer { _ = close(descriptor) }
        while fsync(descriptor) != 0 {
            guard errno == EINTR else {
                return .failed(reason: CLibrary.text(ofError: errno))
            }
        }
        return nil
    }
}

/// The folder of a store and its limits.
package struct StoreSettings: Sendable, Equatable {
    /// The folder; made if it is not there.
    package var path: String
    /// Whether a promise is kept only after an fsync: a power cut then loses nothing that was promised.
    package var isSynced = false
    /// How long a message is kept.
    package var retentionAge = TimeAmount.hours(7 * 24)
    /// The most bytes of all files; exceeded by one step of retention at most.
    package var retentionBytes = 1024 * 1024 * 1024
    /// The most bytes of messages that wait to be written; beyond them, writes are refused.
    package var maximumWaitingBytes = 64 * 1024 * 1024
    /// The most writes that wait; beyond them, writes are refused.
    package var maximumWaitingWrites = 100_000
    /// The most reads that wait; beyond them, reads are refused.
    package var maximumWaitingReads = 10_000
    /// How often a scan's folded state is written down while it changes.
    package var snapshotInterval = TimeAmount.seconds(10)
    /// How often a store that failed is tried again.
    package var retryInterval = TimeAmount.seconds(1)

    package init(path: String) {
        self.path = path
    }
}
