import Foundation
import Testing

@testable import SluiceStorage

/// The right to use a store's folder.
@Suite
struct FolderLockTests {
    @Test("One at a time; the next one as soon as it is let go, also while a child being started has the descriptor")
    func letGo() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("lock-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let lock = try FolderLock(folder: folder)
        #expect(throws: StoreError.self) { try FolderLock(folder: folder) }
        let path = folder + "/sluice.lock"
        let descriptor = try #require(
            FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").compactMap { Int32($0) }
                .first { (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\($0)")) == path }
        )
        let copy = dup(descriptor)
        defer { close(copy) }
        lock.release()
        #expect(throws: Never.self) { try FolderLock(folder: folder) }
    }
}
