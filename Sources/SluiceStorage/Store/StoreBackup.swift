internal import Foundation
internal import GRDB
internal import SluiceSystem

/// A copy of a store as it is at one moment, beside a gateway that runs or without one.
///
/// The copy is one file, `sluice.db`, in a folder of its own that a gateway can use as its storage. The file of noted
/// numbers is left out: without it, numbering continues beyond all numbers that the process could have given out.
package struct StoreBackup {
    private let source: StoreFile

    /// - Parameter folder: The store's folder.
    package init(folder: String) {
        self.source = StoreFile(folder: folder, isSynced: false)
    }

    /// Copies everything that was committed when the copy began, and checks the copy.
    ///
    /// Blocks. The gateway's writes continue meanwhile, and its write-ahead log grows by them.
    ///
    /// - Parameter folder: The folder of the copy; made if it is missing. An existing store is never overwritten, nor
    ///   completed: the files of another one beside it would say of the copy what is not so.
    /// - Returns: The bytes of the copy.
    /// - Throws: `StoreError`; a partial copy is removed then.
    package func copy(to folder: String) throws(StoreError) -> Int {
        let target = StoreFile(folder: folder, isSynced: true)
        let partial = target.path + Self.partialSuffix
        try self.check(target)
        // Made before SQLite does, which would make it readable for others; one copy at a time is made in a folder.
        let lock = try FolderLock(file: (partial as NSString).lastPathComponent, in: folder)
        // Used last here: without that it may be released as soon as it was looked at.
        defer { lock.release() }
        guard lock.isInPlace else {
            throw .inUse(path: folder)
        }
        do {
            // What is left of a copy whose process was killed.
            try Self.remove(Self.companions.map { partial + $0 })
            guard unsafe truncate(partial, 0) == 0 else {
                throw StoreError.unusable(path: folder, reason: CLibrary.text(ofError: errno))
            }
            try self.copy(toFile: partial)
            // A gateway may have begun to use the folder meanwhile.
            try self.check(target)
            guard unsafe rename(partial, target.path) == 0 else {
                throw StoreError.unusable(path: folder, reason: CLibrary.text(ofError: errno))
            }
            target.syncFolders()
            return target.sizes().database
        } catch {
            try? Self.remove(([""] + Self.companions).map { partial + $0 })
            throw error as? StoreError ?? .unusable(path: self.source.path, reason: StoreReason.text(error))
        }
    }

    /// A copy has this behind its name until it is whole.
    private static let partialSuffix = ".partial"
    /// What SQLite puts beside a file.
    private static let companions = ["-wal", "-shm", "-journal"]

    private func check(_ target: StoreFile) throws(StoreError) {
        guard FileManager.default.fileExists(atPath: self.source.path) else {
            throw .unusable(path: self.source.folder, reason: "there is no store")
        }
        try target.makeFolder()
        let names = ((try? FileManager.default.contentsOfDirectory(atPath: target.folder)) ?? []).sorted()
        guard !names.contains("sluice.db") else {
            throw .unusable(path: target.folder, reason: "there is a store already")
        }
        let partial = "sluice.db" + Self.partialSuffix
        if let rest = names.first(where: { $0.hasPrefix("sluice.") && !$0.hasPrefix(partial) }) {
            throw .unusable(path: target.folder, reason: "there is \(rest) of another store")
        }
    }

    private func copy(toFile path: String) throws {
        let source = try self.source.openForReading()
        defer { try? source.close() }
        guard try source.read({ try Schema.check($0, path: self.source.path) }) != nil else {
            throw StoreError.unusable(path: self.source.folder, reason: "the store is empty")
        }
        let copy = try DatabaseQueue(path: path)
        defer { try? copy.close() }
        // In one step: in several, each commit of the gateway's would have it begin again.
        try source.backup(to: copy)
        try copy.writeWithoutTransaction { db in
            guard try String.fetchOne(db, sql: "PRAGMA quick_check(1)") == "ok" else {
                throw StoreError.failed(reason: "the copy is damaged, and so is what it was made of")
            }
            // One file alone, until a gateway opens it.
            _ = try String.fetchOne(db, sql: "PRAGMA journal_mode = DELETE")
        }
        try copy.close()
        try Self.sync(path)
    }

    private static func sync(_ path: String) throws(StoreError) {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw .failed(reason: CLibrary.text(ofError: errno))
        }
        defer { _ = close(descriptor) }
        guard fsync(descriptor) == 0 else {
            throw .failed(reason: CLibrary.text(ofError: errno))
        }
    }

    private static func remove(_ paths: [String]) throws {
        for path in paths where FileManager.default.fileExists(atPath: path) {
            try FileManager.default.removeItem(atPath: path)
        }
    }
}
