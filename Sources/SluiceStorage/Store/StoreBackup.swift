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
    /// - Parameter folder: The folder of the copy; made if it is missing. An existing store is never overwritten.
    /// - Returns: The bytes of the copy.
    /// - Throws: `StoreError`; a partial copy is removed then.
    package func copy(to folder: String) throws(StoreError) -> Int {
        let target = StoreFile(folder: folder, isSynced: true)
        let partial = target.path + ".partial"
        try self.check(target)
        do {
            try Self.remove(partial)
            // Before SQLite, which would make it readable for others.
            guard FileManager.default.createFile(atPath: partial, contents: nil, attributes: [.posixPermissions: 0o600])
            else {
                throw StoreError.unusable(path: folder, reason: "the file cannot be made")
            }
            try self.copy(toFile: partial)
            guard unsafe rename(partial, target.path) == 0 else {
                throw StoreError.unusable(path: folder, reason: CLibrary.text(ofError: errno))
            }
            target.syncFolders()
            return target.sizes().database
        } catch {
            try? Self.remove(partial)
            throw error as? StoreError ?? .unusable(path: self.source.path, reason: StoreReason.text(error))
        }
    }

    private func check(_ target: StoreFile) throws(StoreError) {
        guard FileManager.default.fileExists(atPath: self.source.path) else {
            throw .unusable(path: self.source.folder, reason: "there is no store")
        }
        try target.makeFolder()
        for name in ["", "-wal", "-journal"] where FileManager.default.fileExists(atPath: target.path + name) {
            throw .unusable(path: target.folder, reason: "there is a store already")
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

    private static func remove(_ path: String) throws {
        for name in ["", "-wal", "-shm", "-journal"] where FileManager.default.fileExists(atPath: path + name) {
            try FileManager.default.removeItem(atPath: path + name)
        }
    }
}
