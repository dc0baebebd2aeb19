import Foundation
import NIOCore
import Testing

@testable import SluiceRelay
@testable import SluiceStorage

@Suite("Copies of a store")
struct StoreBackupTests {
    private let folder = FileManager.default.temporaryDirectory.appendingPathComponent("copy-\(UUID().uuidString)").path

    @Test("A copy of a store in use opens as a store, with what was written before, and numbers that are new")
    func copy() async throws {
        defer { try? FileManager.default.removeItem(atPath: self.folder) }
        let bench = try StoreBench(.batched)
        let scan = try TestScan("a", life: bench.store.makeLife())
        try await bench.write(scan.post([#"{"type":"scanStarted"}"#, #"{"type":"host"}"#]))
        let byteCount = try StoreBackup(folder: bench.folder).copy(to: self.folder)
        try await bench.write(scan.post([#"{"type":"later"}"#]))

        #expect(try FileManager.default.contentsOfDirectory(atPath: self.folder) == ["sluice.db"])
        let attributes = try FileManager.default.attributesOfItem(atPath: self.folder + "/sluice.db")
        #expect(attributes[.size] as? Int == byteCount && attributes[.posixPermissions] as? Int == 0o600)
        let copy = try StoreBench(.batched, folder: self.folder)
        let found = try #require(try copy.store.restore().first)
        #expect(found.header == scan.header)
        // The gateway may have shown numbers after the copy.
        #expect(found.head.rawValue == 2 + 1 << 20)
        let page = try await copy.page(found.life)
        #expect(page.entries.map(\.seq) == [1, 2] && page.damagedCount == 0)
    }

    @Test("No store is written over, nor made where there was none")
    func refused() throws {
        defer { try? FileManager.default.removeItem(atPath: self.folder) }
        let bench = try StoreBench(.batched)
        #expect(throws: StoreError.unusable(path: bench.folder, reason: "there is a store already")) {
            try StoreBackup(folder: bench.folder).copy(to: bench.folder)
        }
        #expect(throws: StoreError.unusable(path: self.folder, reason: "there is no store")) {
            try StoreBackup(folder: self.folder).copy(to: self.folder + "/copy")
        }
        #expect(!FileManager.default.fileExists(atPath: self.folder + "/copy"))
    }

    @Test(
        "Beside what is left of another store nothing is put, since it would be taken for the copy's",
        arguments: ["sluice.heads", "sluice.db-wal", "sluice.db-journal", "sluice.lock"]
    )
    func remains(_ name: String) throws {
        defer { try? FileManager.default.removeItem(atPath: self.folder) }
        try FileManager.default.createDirectory(atPath: self.folder, withIntermediateDirectories: true)
        let rest = self.folder + "/" + name
        #expect(FileManager.default.createFile(atPath: rest, contents: Data([7])))
        let bench = try StoreBench(.batched)
        #expect(throws: StoreError.unusable(path: self.folder, reason: "there is \(name) of another store")) {
            try StoreBackup(folder: bench.folder).copy(to: self.folder)
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: self.folder) == [name])
    }

    @Test("One copy at a time is made in a folder; what a killed one left is written over")
    func atOnce() throws {
        defer { try? FileManager.default.removeItem(atPath: self.folder) }
        try FileManager.default.createDirectory(atPath: self.folder, withIntermediateDirectories: true)
        let partial = self.folder + "/sluice.db.partial"
        for name in ["", "-wal", "-journal"] {
            #expect(FileManager.default.createFile(atPath: partial + name, contents: Data(repeating: 7, count: 9000)))
        }
        let bench = try StoreBench(.batched)
        let other = try FolderLock(file: "sluice.db.partial", in: self.folder)
        #expect(throws: StoreError.inUse(path: self.folder)) {
            try StoreBackup(folder: bench.folder).copy(to: self.folder)
        }
        #expect(try Data(contentsOf: URL(fileURLWithPath: partial)).count == 9000)
        other.release()
        #expect(try StoreBackup(folder: bench.folder).copy(to: self.folder) > 0)
        #expect(try FileManager.default.contentsOfDirectory(atPath: self.folder) == ["sluice.db"])
        #expect(try StoreBench(.batched, folder: self.folder).store.restore().isEmpty)
    }
}
