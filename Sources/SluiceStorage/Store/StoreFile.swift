internal import Foundation
internal import GRDB
internal import NIOCore

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#else
internal import Darwin
#endif

/// The files of a store: where they are, and how a connection to them is opened.
struct StoreFile: Sendable {
    /// How long a connection waits for another one's lock.
    private static let busyTime: TimeInterval = 5

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

    /// A connection that writes; the tables are there when it returns.
    func openForWriting() throws -> DatabaseQueue {
        var configuration = Configuration()
        configuration.label = "sluice.storage.writer"
        configuration.busyMode = .timeout(Self.busyTime)
        configuration.foreignKeysEnabled = false
        let queue = try DatabaseQueue(path: self.path, configuration: configuration)
        try queue.writeWithoutTransaction { db in
            let isEmpty = try Schema.check(db, path: self.path)
            // Before the first table: only then does it take effect.
            try db.execute(sql: "PRAGMA auto_vacuum = INCREMENTAL")
            let mode = try String.fetchOne(db, sql: "PRAGMA journal_mode = WAL")
            guard mode == "wal" else {
                throw StoreError.unusable(path: self.path, reason: "no write-ahead log (\(mode ?? "?"))")
            }
            // FULL: every commit waits for an fsync of the log. NORMAL: the log is synced before it is copied back.
            try db.execute(sql: "PRAGMA synchronous = \(self.isSynced ? "FULL" : "NORMAL")")
            try db.execute(sql: "PRAGMA journal_size_limit = 67108864")
            if isEmpty {
                try Schema.make(db)
            }
            // What a crash or a failed sync left in the log is copied back and synced, or the file is not used.
            try db.execute(sql: "PRAGMA wal_checkpoint(TRUNCATE)")
        }
        self.syncFolders()
        return queue
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
        configuration.busyMode = .timeout(Self.busyTime)
        return try DatabaseQueue(path: self.path, configuration: configuration)
    }

    /// Bytes of all files.
    func diskBytes() -> Int {
        ["", "-wal", "-shm"]
            .reduce(0) { total, suffix in
                let attributes = try? FileManager.default.attributesOfItem(atPath: self.path + suffix)
                return total + ((attributes?[.size] as? Int) ?? 0)
            }
    }

    /// Which files stand there now, the database and its log: what is written to others would be gone with the process.
    func identities() -> [FileIdentity?] {
        ["", "-wal"].map { FileIdentity(path: self.path + $0) }
    }
}
