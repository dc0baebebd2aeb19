import Foundation
import GRDB
import NIOCore
import Testing

@testable import SluiceRelay
@testable import SluiceStorage

/// Faults of the file, and the damage that must not follow.
@Suite
struct SQLiteFaultTests {
    @Test("A file of a newer version is refused in words, and left as it is")
    func newerSchema() async throws {
        let bench = try StoreBench(.batched)
        bench.store.close()
        try await self.change(bench.database) { try $0.execute(sql: "PRAGMA user_version = 3") }
        let before = try Data(contentsOf: URL(fileURLWithPath: bench.database))
        #expect(throws: StoreError.newerSchema(path: bench.database, found: 3, known: 2)) {
            try StoreBench.open(bench.folder, .batched)
        }
        #expect(try Data(contentsOf: URL(fileURLWithPath: bench.database)) == before)
    }

    @Test("Another program's file is refused")
    func foreign() async throws {
        let bench = try StoreBench(.batched)
        bench.store.close()
        try await self.change(bench.database) { try $0.execute(sql: "PRAGMA application_id = 7") }
        #expect(throws: StoreError.foreign(path: bench.database)) { try StoreBench.open(bench.folder, .batched) }
    }

    @Test("A scan that was given a life that no message's key has room for is passed over, and disturbs none")
    func oddLife() async throws {
        let bench = try StoreBench(.batched)
        let scan = try TestScan("a", life: bench.store.makeLife())
        try await bench.write(scan.post([#"{"type":"host"}"#]))
        bench.store.close()
        try await self.change(bench.database) { db in
            for life in [1 << 27, 1 << 40, Int64.max, 0, -5] {
                try db.execute(
                    sql:
                        "INSERT INTO scans SELECT \(life), 'b', epoch, owner, name, created_at, heard_at, NULL, NULL, 0, head, 0, sum, 0, 0, NULL, 0, 0, NULL FROM scans WHERE life = 1"
                )
            }
        }
        #expect(try bench.restart().map(\.life) == [1])
        #expect(bench.store.makeLife() == 2)
        #expect(try await bench.page(1).entries.map(\.seq) == [1])
    }

    @Test("When all lives are given out no scan is begun any more, and those that are there go on")
    func lastLife() async throws {
        let bench = try StoreBench(.batched)
        let first = try RelayBench(bench)
        _ = try await first.ingest([#"{"type":"host"}"#])
        bench.store.close()
        let last = MessageKey.lives.upperBound
        try await self.change(bench.database) { db in
            try db.execute(
                sql:
                    "INSERT INTO scans SELECT \(last), 'b', epoch, owner, name, created_at, heard_at, NULL, 5, 0, head, 0, sum, 0, 0, NULL, 0, 0, NULL FROM scans WHERE life = 1"
            )
        }
        let index = try bench.restart()
        #expect(bench.store.makeLife() == nil && bench.store.makeLife() == nil)
        let there = try RelayBench(bench, index)
        #expect(try await there.ingest([#"{"type":"host"}"#]).seqs == 2...2)
        let new = try RelayBench(bench, [], scan: "c")
        #expect(await new.refusal(of: try new.request([#"{"type":"host"}"#])) == .tooManyScans)
        #expect(new.relay.scans == 0)
    }

    @Test("A scan whose numbers are used up is refused more, and can be read")
    func lastSeq() async throws {
        let bench = try StoreBench(.batched)
        let first = try RelayBench(bench)
        _ = try await first.ingest([#"{"type":"host"}"#])
        bench.store.close()
        let last = MessageKey.maximumSeq
        try await self.change(bench.database) { db in
            try db.execute(sql: "UPDATE scans SET head = \(last.rawValue - 2)")
        }
        let second = try RelayBench(bench, bench.restart())
        let three = try second.request([#"{"type":"host"}"#, #"{"type":"host"}"#, #"{"type":"host"}"#])
        #expect(await second.refusal(of: three) == .noMoreNumbers)
        #expect(try await second.ingest([#"{"type":"host"}"#, #"{"type":"host"}"#]).seqs == last.previous...last)
        #expect(try await second.history() == [1, last.previous, last])
    }

    @Test("A folder is one gateway's alone")
    func inUse() throws {
        let bench = try StoreBench(.batched)
        #expect(throws: StoreError.inUse(path: bench.folder)) { try StoreBench.open(bench.folder, .batched) }
    }

    @Test("A folder that cannot be made is told in words")
    func noFolder() {
        #expect(throws: StoreError.self) { try StoreBench.open("/dev/null/store", .batched) }
    }

    @Test("While another process reads the log stays, which is counted, and nothing is lost by it")
    func readByAnother() async throws {
        let bench = try StoreBench(.batched)
        let scan = try TestScan("a", life: bench.store.makeLife())
        try await bench.write(scan.post([#"{"type":"host"}"#]))
        var configuration = Configuration()
        configuration.allowsUnsafeTransactions = true
        let other = try DatabaseQueue(path: bench.database, configuration: configuration)
        // A transaction that stays open, as a backup's does.
        try await other.writeWithoutTransaction { db in
            try db.execute(sql: "BEGIN")
            _ = try Int.fetchOne(db, sql: "SELECT count(*) FROM messages")
        }
        _ = try bench.restart()
        #expect(bench.store.status.busyCheckpoints == 1 && bench.store.isAvailable)
        try await bench.write(scan.post([#"{"type":"host"}"#]))
        #expect(try await bench.page(scan.life).entries.map(\.seq) == [1, 2])

        // After an error it is not trusted before its log is copied back.
        let store = try #require(bench.store as? SQLiteStore)
        try await store.onWriter { try $0.execute(sql: "PRAGMA max_page_count = 1") }
        let large = #"{"type":"host","pad":"\#(String(repeating: "x", count: 200_000))"}"#
        #expect(await bench.refuses(try scan.post([large])))
        while store.status.failure?.contains("another process reads it") != true {
            try await Task.sleep(for: .milliseconds(5))
        }
        #expect(!store.isAvailable)
        try await other.writeWithoutTransaction { try $0.execute(sql: "COMMIT") }
        while !store.isAvailable {
            try await Task.sleep(for: .milliseconds(5))
        }
        #expect(try await bench.page(scan.life).entries.map(\.seq) == [1, 2])
        try other.close()
    }

    @Test("A full disk refuses what it cannot hold, keeps what it acknowledged, and takes more when there is room")
    func fullDisk() async throws {
        let bench = try StoreBench(.batched)
        let scan = try TestScan("a", life: bench.store.makeLife())
        let store = try #require(bench.store as? SQLiteStore)
        try await bench.write(scan.post([#"{"type":"scanStarted"}"#]))
        try await store.onWriter { try $0.execute(sql: "PRAGMA max_page_count = 60") }
        let text = #"{"type":"host","pad":"\#(String(repeating: "x", count: 4000))"}"#
        var acknowledged: Seq = 1
        while acknowledged < 1000 {
            let write = try scan.post([text])
            if await bench.refuses(write) {
                break
            }
            acknowledged = write.head
        }
        #expect(acknowledged > 5 && acknowledged < 1000)
        // The store reopens the file, without the limit, and finds that there is room.
        while bench.store.status.failure != nil {
            try await Task.sleep(for: .milliseconds(5))
        }
        let page = try await bench.page(scan.life, through: .max)
        #expect(page.entries.map(\.seq) == Array(1...acknowledged))
        try await bench.write(scan.post([text]))
    }

    @Test("A file that vanished is noticed, and a new one is begun")
    func vanished() async throws {
        let bench = try StoreBench(.batched)
        let scan = try TestScan("a", life: bench.store.makeLife())
        try await bench.write(scan.post([#"{"type":"host"}"#]))
        try FileManager.default.removeItem(atPath: bench.folder)
        var write = try scan.post([#"{"type":"host"}"#])
        while !FileManager.default.fileExists(atPath: bench.database) {
            try await Task.sleep(for: .milliseconds(20))
        }
        while !bench.store.isAvailable {
            try await Task.sleep(for: .milliseconds(5))
        }
        #expect(await bench.refuses(write))
        write.header = scan.header
        try await bench.write(write)
        let page = try await bench.page(scan.life, through: 2)
        #expect(page.entries.map(\.seq) == [2] && page.lostThrough == 1)
    }

    @Test("A file cut at any length shows nothing wrong", arguments: 0..<24)
    func cut(_ part: Int) async throws {
        try await self.damage { data in
            data.prefix(data.count * part / 24)
        }
    }

    @Test("A file with a byte turned shows nothing wrong", arguments: 0..<48)
    func turned(_ seed: Int) async throws {
        try await self.damage { data in
            var data = data
            var random = SystemRandomNumberGenerator()
            // Around the pages that hold messages, and anywhere.
            let place = seed % 2 == 0 ? data.count * seed / 48 : Int.random(in: 0..<data.count, using: &random)
            data[place] ^= UInt8.random(in: 1...255, using: &random)
            return data
        }
    }

    /// Whatever happened to the file: it is refused, or it gives the stored messages.
    private func damage(_ change: (Data) -> Data) async throws {
        let bench = try StoreBench(.batched)
        let scan = try TestScan("a", life: bench.store.makeLife())
        for number in 0..<40 {
            try await bench.write(
                scan.post([
                    #"{"type":"host","n":\#(number),"pad":"\#(String(repeating: "y", count: 300))"}"#,
                    #"{"type":"phaseStarted","n":\#(number)}"#,
                ])
            )
        }
        bench.store.close()
        let url = URL(fileURLWithPath: bench.database)
        try change(try Data(contentsOf: url)).write(to: url)
        for suffix in ["-wal", "-shm"] {
            try? FileManager.default.removeItem(atPath: bench.database + suffix)
        }
        guard let index = try? bench.restart() else {
            return
        }
        let posted = Dictionary(
            uniqueKeysWithValues: scan.log.page(after: 0, maximumCount: .max).entries.map { ($0.seq, $0.message.body) }
        )
        for found in index {
            #expect(found.header.id == scan.header.id && found.header.epoch == scan.header.epoch)
            if let page = try? await bench.page(found.life, through: 80) {
                for entry in page.entries {
                    #expect(posted[entry.seq] == entry.message.body)
                }
                #expect(zip(page.entries, page.entries.dropFirst()).allSatisfy { $0.seq < $1.seq })
            }
            _ = try? await bench.ask {
                bench.store.load(found.life, history: RelayConfiguration.History(), promise: $0)
            }
        }
    }

    private func change(_ path: String, _ body: @escaping @Sendable (Database) throws -> Void) async throws {
        let queue = try DatabaseQueue(path: path)
        try await queue.writeWithoutTransaction(body)
        try queue.close()
    }
}
