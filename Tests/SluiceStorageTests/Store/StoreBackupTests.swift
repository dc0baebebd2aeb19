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
}
