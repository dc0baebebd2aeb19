import Foundation
import GRDB
import NIOCore
import Testing

@testable import SluiceRelay
@testable import SluiceStorage

/// Stored data that cannot be read, and files that were changed.
@Suite
struct SQLiteReadFaultTests {
    @Test("A damaged page is told, what stands before it is read, and once it is mended all is well again")
    func damagedPage() async throws {
        let bench = try StoreBench(.batched)
        let scan = try await self.fill(bench)
        let database = bench.database
        let whole = try Data(contentsOf: URL(fileURLWithPath: database))
        var damaged = whole
        // A page in the middle of the messages.
        let pages = stride(from: 0, to: whole.count, by: 4096).filter { start in
            whole[start..<(start + 4096)].range(of: Data("yyyyyyyy".utf8)) != nil
        }
        let page = pages[pages.count * 3 / 4]
        damaged.replaceSubrange(page..<(page + 4096), with: Data(repeating: 0x77, count: 4096))
        try Self.overwrite(database, with: damaged)

        var cursor: Seq = 0
        var refusal: RelayRefusal?
        while refusal == nil, cursor < 300 {
            do {
                let found = try await bench.page(scan.life, after: cursor, through: 300, count: 1000)
                #expect(found.entries.map(\.seq) == Array(cursor.next...found.through))
                cursor = found.through
            } catch {
                refusal = error as? RelayRefusal
            }
        }
        #expect(refusal == .storageDamaged)
        #expect(cursor > 100)
        #expect(bench.store.status.readFailure != nil && !bench.store.status.isUp)
        #expect(bench.store.status.failedReads > 0)
        #expect(bench.store.isAvailable)

        try Self.overwrite(database, with: whole)
        while !bench.store.status.isUp {
            try await Task.sleep(for: .milliseconds(5))
        }
        let rest = try await bench.page(scan.life, after: cursor, through: 300, count: 1000)
        #expect(rest.entries.map(\.seq) == Array(cursor.next...300))
    }

    @Test("Who read the old file reads the new one once it is there")
    func replacedFile() async throws {
        let bench = try StoreBench(.batched)
        let scan = try TestScan("a", life: bench.store.makeLife())
        try await bench.write(scan.post([#"{"type":"host"}"#]))
        // The reader has the old file open from now on.
        #expect(try await bench.page(scan.life).entries.map(\.seq) == [1])
        try FileManager.default.removeItem(atPath: bench.folder)
        while !FileManager.default.fileExists(atPath: bench.database) || !bench.store.isAvailable {
            try await Task.sleep(for: .milliseconds(5))
        }
        await #expect(throws: RelayRefusal.scanNotFound) { try await bench.page(scan.life) }
        var write = try scan.post([#"{"type":"host"}"#])
        write.header = scan.header
        try await bench.write(write)
        #expect(try await bench.page(scan.life).entries.map(\.seq) == [2])
    }

    @Test("In a folder that was made anew the lock holds, and numbers that were shown are not given again")
    func replacedFolder() async throws {
        let bench = try StoreBench(.batched)
        let scan = try TestScan("a", life: bench.store.makeLife())
        try await bench.write(scan.post([#"{"type":"host"}"#]))
        bench.store.numbered(scan.life, through: 9)
        try FileManager.default.removeItem(atPath: bench.folder)
        while !FileManager.default.fileExists(atPath: bench.database) || !bench.store.isAvailable {
            try await Task.sleep(for: .milliseconds(5))
        }
        #expect(throws: StoreError.inUse(path: bench.folder)) { try StoreBench.open(bench.folder, .batched) }
        var write = try scan.post([#"{"type":"host"}"#])
        write.header = scan.header
        try await bench.write(write)
        #expect(try bench.restart().map(\.head) == [9])
    }

    @Test("A message whose bytes turned is counted in the page that lacks it")
    func damagedMessage() async throws {
        let bench = try StoreBench(.batched)
        let scan = try await self.fill(bench)
        let store = try #require(bench.store as? SQLiteStore)
        try await store.onWriter { db in
            try db.execute(sql: "UPDATE messages SET body = replace(body, 'y', 'z') WHERE seq IN (20, 21)")
        }
        let page = try await bench.page(scan.life, through: 40)
        #expect(page.damagedCount == 2 && page.lostThrough == 21)
        #expect(page.entries.map(\.seq) == Array(1...19) + Array(22...40))
    }

    /// Three hundred messages, all of them in the database and none in its log.
    private func fill(_ bench: StoreBench) async throws -> TestScan {
        let scan = try TestScan("a", life: bench.store.makeLife())
        for number in 0..<300 {
            let pad = String(repeating: "y", count: 300)
            try await bench.write(scan.post([#"{"type":"host","n":\#(number),"pad":"\#(pad)"}"#]))
        }
        let store = try #require(bench.store as? SQLiteStore)
        try await store.onWriter { try $0.execute(sql: "PRAGMA wal_checkpoint(TRUNCATE)") }
        return scan
    }

    /// Changes the bytes of a file that others have open.
    private static func overwrite(_ path: String, with data: Data) throws {
        let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
        try handle.write(contentsOf: data)
        try handle.close()
    }
}
