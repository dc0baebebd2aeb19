import Foundation
import GRDB
import NIOCore
import SluiceAdmission
import SluiceBase
import Testing

@testable import SluiceRelay
@testable import SluiceStorage

/// A file that an older version left.
@Suite
struct SchemaMigrationTests {
    private let folder = FileManager.default.temporaryDirectory.appendingPathComponent("schema-\(UUID().uuidString)")
        .path

    /// The fixture as a file; the statements come after it.
    private func make(_ more: String = "", isAutomatic: Bool = true) throws {
        let fixture = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("../Fixtures/schema-1.sql")
        try FileManager.default.createDirectory(atPath: self.folder, withIntermediateDirectories: true)
        let queue = try DatabaseQueue(path: self.folder + "/sluice.db")
        try queue.writeWithoutTransaction { db in
            if isAutomatic {
                try db.execute(sql: "PRAGMA auto_vacuum = INCREMENTAL")
            }
            try db.execute(sql: try String(contentsOf: fixture, encoding: .utf8))
            try db.execute(sql: more)
        }
        try queue.close()
    }

    private func read<Answer>(_ body: (Database) throws -> Answer) throws -> Answer {
        let queue = try DatabaseQueue(path: self.folder + "/sluice.db")
        defer { try? queue.close() }
        return try queue.read(body)
    }

    @Test("Everything that an older version left is there: scans, messages, answers, revocations, snapshots")
    func everything() async throws {
        try self.make()
        let bench = try StoreBench(.batched, folder: self.folder)
        let scans = try bench.store.restore().sorted { $0.life < $1.life }
        #expect(scans.map(\.header.id.text) == ["nightly", "gone"])
        // Without the notes of its process numbering continues beyond every number that could have been given out.
        #expect(scans.map { $0.head.rawValue - 1 << 20 } == [26, 1] && scans[0].header.epoch == "15u2jgom6i")
        #expect(scans[0].header.owner == "u-1" && scans[0].header.name == "Nightly \"net\" 1")
        #expect(bench.store.keptRevocations.count == 2)

        // Of each key the newest: three of each stood there.
        let page = try await bench.page(1)
        #expect(page.entries.map(\.seq) == Array(1...6) + Array(19...26))
        #expect(page.damagedCount == 0 && page.lostThrough == 0)
        #expect(page.entries.suffix(2).map(\.message.severity) == ["high", "low"])
        #expect(page.entries.last?.message.carriesScanID == true)
        let failed = try #require(ScanID("done"))
        let done = try await bench.ask { bench.store.find(failed, promise: $0) }
        #expect(done?.header.isCompleted == true && done?.header.isRemoved == true && done?.header.owner == "u-2")
        let first = try await bench.page(3)
        #expect(first.entries.map(\.message.fate) == [.ordinary, .ordinary, .ordinary, .critical])

        let log = try await bench.ask { bench.store.load(1, history: RelayConfiguration.History(), promise: $0) }
        #expect(log.answers.map(\.request.key) == ["first"] && log.answers.map(\.receipt.seqs) == [3...6])
        #expect(log.tail.counts["scanProgress"] == 18)
        #expect(bench.store.makeLife() == 5)
    }

    @Test("It goes on as if it had always been of this version")
    func goesOn() async throws {
        try self.make()
        let bench = try StoreBench(.batched, folder: self.folder)
        let relay = try RelayBench(bench, scan: "nightly")
        let receipt = try await relay.ingest([#"{"type":"scanProgress","phase":"p0","percent":90}"#])
        let seq = try #require(receipt.seqs?.lowerBound)
        #expect(try await relay.history() == Array(1...6) + Array(20...26) + [seq])
        let selection = MessageSelection(severities: ["high"])
        #expect(try await relay.history(.descending, selection) == [25])
        let store = try #require(bench.store as? SQLiteStore)
        let snapshots = try await store.onWriter {
            try Int.fetchOne($0, sql: "SELECT count(*) FROM scan_progress_snapshots WHERE scan_id = 'gone'")
        }
        #expect(snapshots == 3)
        let second = try RelayBench(bench, bench.restart(), scan: "nightly")
        #expect(try await second.history() == Array(1...6) + Array(20...26) + [seq])
    }

    @Test("Its tables are those of a new file, column by column")
    func tables() throws {
        try self.make()
        let fresh = try StoreBench(.batched)
        let bench = try StoreBench(.batched, folder: self.folder)
        bench.store.close()
        let tables = { (db: Database) in
            try String.fetchAll(
                db,
                sql: """
                    SELECT s.type || ' ' || s.name || ' ' || ifnull(group_concat(c.cid || c.name || c.hidden || c.pk), '')
                    FROM sqlite_schema s LEFT JOIN pragma_table_xinfo(s.name) c
                    WHERE s.name NOT LIKE 'sqlite_%' GROUP BY s.type, s.name ORDER BY s.name
                    """
            )
        }
        let queue = try DatabaseQueue(path: fresh.database)
        #expect(try self.read(tables) == queue.read(tables))
        #expect(try self.read { try Int.fetchOne($0, sql: "PRAGMA user_version") } == 2)
        #expect(try self.read { try String.fetchOne($0, sql: "PRAGMA integrity_check") } == "ok")
    }

    @Test("A file that cannot give back free pages can do so afterwards")
    func vacuum() throws {
        try self.make(isAutomatic: false)
        #expect(try self.read { try Int.fetchOne($0, sql: "PRAGMA auto_vacuum") } == 0)
        let bench = try StoreBench(.batched, folder: self.folder)
        bench.store.close()
        #expect(try self.read { try Int.fetchOne($0, sql: "PRAGMA auto_vacuum") } == 2)
    }

    @Test("What was damaged is damaged afterwards, and told")
    func damaged() async throws {
        try self.make("UPDATE messages SET body = replace(body, 'High', 'Lowe') WHERE seq = 25 AND life = 1")
        let bench = try StoreBench(.batched, folder: self.folder)
        let page = try await bench.page(1)
        #expect(page.damagedCount == 1 && page.entries.map(\.seq) == Array(1...6) + Array(19...24) + [26])
    }

    @Test("What cannot be brought up to date is left as it is")
    func left() throws {
        try self.make("CREATE TABLE clock (x)")
        #expect(throws: StoreError.self) { try StoreBench.open(self.folder, .batched) }
        #expect(try self.read { try Int.fetchOne($0, sql: "PRAGMA user_version") } == 1)
        #expect(try self.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM messages") } == 34)
        try FileManager.default.removeItem(atPath: self.folder)
    }

    @Test("A file of the older version can be exported without being touched")
    func export() throws {
        try self.make()
        var lines: [String] = []
        let damaged = try ScanExport(folder: self.folder)
            .export("nightly") { lines.append(String(decoding: $0, as: UTF8.self)) }
        #expect(damaged == 0 && lines.count == 26)
        #expect(try self.read { try Int.fetchOne($0, sql: "PRAGMA user_version") } == 1)
        try FileManager.default.removeItem(atPath: self.folder)
    }
}
