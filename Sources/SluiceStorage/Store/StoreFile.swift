internal import Foundation
internal import GRDB
internal import NIOCore
internal import SluiceBase
internal import SluiceSystem

/// The files of a store: where they are, and how a connection to them is opened.
struct StoreFile: Sendable {
    /// How long a connection waits for another one's lock.
    private static let busySeconds = 5
    /// What `PRAGMA auto_vacuum` says of a file that can give back free pages.
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

    /// A connection that writes; the tables are there when it returns, in the form that this version knows.
    ///
    /// Returns the version that the file had, where that was an older one.
    func openForWriting(_ plan: RetentionPlan) throws -> (queue: DatabaseQueue, migratedFrom: Int?) {
        var configuration = Configuration()
        configuration.label = "sluice.storage.writer"
        configuration.busyMode = .timeout(TimeInterval(Self.busySeconds))
        configuration.foreignKeysEnabled = false
        let queue = try DatabaseQueue(path: self.path, configuration: configuration)
        let migratedFrom = try queue.writeWithoutTransaction { db in
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
            // What a crash or a failed sync left in the log is copied back and synced, or the file is not used.
            try db.execute(sql: "PRAGMA wal_checkpoint(TRUNCATE)")
            return migratedFrom
        }
        self.syncFolders()
        return (queue, migratedFrom)
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

    /// Copies the log back and cuts it off, unless somebody else is reading: nobody waits for that.
    static func trimLog(_ db: Database) throws {
        try db.execute(sql: "PRAGMA busy_timeout = 0")
        defer { try? db.execute(sql: "PRAGMA busy_timeout = \(Self.busySeconds * 1000)") }
        _ = try Row.fetchAll(db, sql: "PRAGMA wal_checkpoint(TRUNCATE)")
    }

    /// Brings the files' names to the disk, and the folder's own: what is synced later is of no use without them.
    private func syncFolders() {
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

    /// Which files stand there now, the database and its log: what is written to others would be gone with the process.
    func identities() -> [FileIdentity?] {
        ["", "-wal"].map { FileIdentity(path: self.path + $0) }
    }
}
