import Foundation
import GRDB
import Logging
import NIOCore
import SluiceBase
import Testing

@testable import SluiceRelay
@testable import SluiceStorage

/// A store's file and its retention, without threads and without a clock: the test decides the steps and their times.
final class RetentionBench {
    let limit: Int
    var age = WallTime(milliseconds: 1_700_000_000_000)
    private let file: StoreFile
    private let queue: StoreQueue
    private let database: DatabaseQueue
    private var retention: Retention
    private var known: Set<Int64> = []
    private var nextLife: Int64 = 1

    init(limit: Int, age: TimeAmount = .hours(1)) throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("retention-\(UUID().uuidString)")
            .path
        var settings = StoreSettings(path: folder)
        settings.retentionBytes = limit
        settings.retentionAge = age
        self.limit = limit
        self.file = StoreFile(folder: folder, isSynced: false)
        try self.file.makeFolder()
        self.queue = StoreQueue(settings: settings)
        self.retention = Retention(settings: settings)
        self.database = try self.file.openForWriting(self.retention.plan).queue
        try self.begin()
    }

    deinit {
        try? self.database.close()
        try? FileManager.default.removeItem(atPath: self.file.folder)
    }

    var plan: RetentionPlan { self.retention.plan }
    var totals: StoreTotals { self.retention.totals }
    var expiredCount: Int { self.queue.status.expiredMessages }

    /// Bytes of all files.
    var bytes: Int {
        let sizes = self.file.sizes()
        return sizes.database + sizes.log + sizes.other
    }

    /// Counts the file's content again.
    func begin() throws {
        try self.database.read { try self.retention.begin($0) }
    }

    func scan(_ name: String) throws -> TestScan {
        defer { self.nextLife += 1 }
        return try TestScan(name, life: self.nextLife)
    }

    func post(_ scan: TestScan, _ texts: [String], at: WallTime? = nil, answers: [StoredAnswer] = []) throws {
        var write = try scan.post(texts, at: at ?? self.age)
        write.answers = answers
        var group = CommitGroup(known: self.known, age: self.age)
        try self.database.writeWithoutTransaction { db in
            try db.inTransaction(.immediate) {
                try group.apply(.write(write, at: self.age, nil), to: db)
                try group.finish(db)
                return .commit
            }
        }
        self.known = group.known
        self.retention.grew(group)
    }

    func snapshot(_ scan: TestScan) throws {
        try self.database.write { db in
            let bytes = try SnapshotRow.write(
                scan.life,
                at: self.age,
                age: self.age,
                maximumBytes: self.plan.snapshotBytes,
                into: db
            )
            self.retention.grew(snapshotBytes: bytes)
        }
    }

    func erase(_ scan: TestScan) throws {
        try self.database.write { try $0.execute(sql: "UPDATE scans SET is_erased = 1 WHERE life = \(scan.life)") }
        try self.begin()
    }

    /// One step of retention; whether there is more to do.
    func step() throws -> Bool {
        try self.database.writeWithoutTransaction {
            try self.retention.step($0, age: self.age, wall: self.age, self.file, self.queue)
        }
    }

    /// Steps until there is nothing more to do; no step may do too much.
    func settle() throws {
        for _ in 0..<2000 {
            let before = self.expiredCount
            guard try self.step() else {
                return
            }
            #expect(self.expiredCount - before <= RetentionStep.maximumCount)
        }
        Issue.record("there is no end")
    }

    func value(_ sql: String) throws -> Int {
        try self.database.read { try Int.fetchOne($0, sql: sql) ?? 0 }
    }

    /// The numbers of a scan's stored messages.
    func seqs(_ scan: TestScan) throws -> [Int] {
        try self.database.read {
            try Int.fetchAll($0, sql: "SELECT seq FROM messages WHERE life = ? ORDER BY key", arguments: [scan.life])
        }
    }

    func lostThrough(_ scan: TestScan) throws -> Seq {
        #expect(
            Int(self.queue.lostThrough(scan.life).rawValue)
                == (try self.value(
                    "SELECT lost_through FROM scans WHERE life = \(scan.life)"
                ))
        )
        return self.queue.lostThrough(scan.life)
    }
}
