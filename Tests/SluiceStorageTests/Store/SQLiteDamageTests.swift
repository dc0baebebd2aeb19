import Foundation
import GRDB
import NIOCore
import SluiceBase
import Testing

@testable import SluiceRelay
@testable import SluiceStorage

/// The damage that a killed process or a bad disk may do to a small store, place by place.
@Suite
struct SQLiteDamageTests {
    /// The files of a store whose last commits are only in the log, and the posted messages.
    private struct Image {
        var database: Data
        var log: Data
        var posted: [Seq: ByteBuffer]
        var life: Int64
    }

    /// A page of the log has a header of its own.
    private static let frameBytes = 4096 + 24

    @Test("A log that is cut anywhere gives the commits before the cut, all of them")
    func cutLog() async throws {
        let image = try await self.image()
        var places = Set(stride(from: 0, to: image.log.count, by: 2048))
        for end in stride(from: 32, through: image.log.count, by: Self.frameBytes) {
            places.formUnion([end - 1, end, end + 1])
        }
        var counts: [Int] = []
        for place in places.sorted() {
            let found = try await self.read(image, database: image.database, log: image.log.prefix(place))
            let seqs = try #require(found, "refused at \(place)")
            #expect(seqs == Array(Seq(1)..<Seq(clamping: seqs.count + 1)), "cut at \(place)")
            counts.append(seqs.count)
        }
        #expect(counts == counts.sorted())
        #expect(counts.first == 0 && counts.last == image.posted.count && Set(counts).count > 10)
    }

    @Test("A log in which a byte turned gives the commits before it")
    func turnedLog() async throws {
        let image = try await self.image()
        for place in stride(from: 0, to: image.log.count, by: 1999) {
            var log = image.log
            log[place] ^= 0xFF
            let found = try await self.read(image, database: image.database, log: log)
            let seqs = try #require(found, "refused at \(place)")
            #expect(seqs == Array(Seq(1)..<Seq(clamping: seqs.count + 1)), "turned at \(place)")
        }
    }

    @Test("A database that is cut anywhere is refused, or shows nothing wrong")
    func cutDatabase() async throws {
        let image = try await self.image(isCheckpointed: true)
        for place in stride(from: 0, to: image.database.count, by: 1024) {
            _ = try await self.read(image, database: image.database.prefix(place), log: Data())
        }
    }

    @Test("A database in which a byte turned is refused, or shows nothing wrong")
    func turnedDatabase() async throws {
        let image = try await self.image(isCheckpointed: true)
        var shownCount = 0
        for place in stride(from: 0, to: image.database.count, by: 499) {
            var database = image.database
            database[place] ^= 0xFF
            shownCount += try await self.read(image, database: database, log: Data())?.count ?? 0
        }
        #expect(shownCount > 0)
    }

    /// The numbers that a store gives that has these files; nil if it does not open or cannot be read.
    private func read(_ image: Image, database: Data, log: Data) async throws -> [Seq]? {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("damage-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try database.write(to: folder.appendingPathComponent("sluice.db"))
        if !log.isEmpty {
            try log.write(to: folder.appendingPathComponent("sluice.db-wal"))
        }
        guard let bench = try? StoreBench(.batched, folder: folder.path) else {
            return nil
        }
        for scan in try bench.store.restore() {
            #expect(scan.header.id.text == "a" && scan.header.epoch == "e\(image.life)")
        }
        do {
            let page = try await bench.page(image.life)
            for entry in page.entries {
                #expect(image.posted[entry.seq] == entry.message.body)
            }
            return page.entries.map(\.seq)
        } catch RelayRefusal.scanNotFound {
            return []
        } catch {
            return nil
        }
    }

    /// The files as they are while the store is open, as a kill would leave them.
    private func image(isCheckpointed: Bool = false) async throws -> Image {
        let bench = try StoreBench(.batched)
        let scan = try TestScan("a", life: bench.store.makeLife())
        for number in 1...24 {
            let pad = String(repeating: "y", count: number * 40)
            try await bench.write(scan.post([#"{"type":"host","n":\#(number),"pad":"\#(pad)"}"#]))
        }
        if isCheckpointed {
            let store = try #require(bench.store as? SQLiteStore)
            try await store.onWriter { try $0.execute(sql: "PRAGMA wal_checkpoint(TRUNCATE)") }
        }
        let posted = scan.log.page(after: 0, maximumCount: .max).entries.map { ($0.seq, $0.message.body) }
        return Image(
            database: try Data(contentsOf: URL(fileURLWithPath: bench.database)),
            log: try Data(contentsOf: URL(fileURLWithPath: bench.database + "-wal")),
            posted: Dictionary(uniqueKeysWithValues: posted),
            life: scan.life
        )
    }
}
