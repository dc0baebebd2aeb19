internal import GRDB
internal import NIOCore
internal import SluiceBase
internal import SluiceRelay

/// Deletes messages that are too old or too many, in small transactions; the ``RetentionPlan`` says which go first.
///
/// Lives in a damaged part of the file are passed over.
struct Retention {
    /// How long nothing is done, where it could not be told which life is damaged.
    private static let pauseMilliseconds: Int64 = 60_000
    /// How often revocations are looked through.
    static let revocationMilliseconds: Int64 = 60_000
    /// The oldest scan is trimmed to the age of the next one's oldest message, and by this much more: else two that began
    /// together would take turns with every message.
    static let turnMilliseconds: Int64 = 60_000
    /// The most free pages that are given back in one step.
    private static let vacuumCount = 256

    let plan: RetentionPlan
    let ageLimit: Int64
    /// The sizes of the store's parts.
    var totals = StoreTotals()
    /// Whether there may be deleted scans whose rows are still there.
    var hasErased = true
    /// Lives that may hold more than their share.
    var large: Set<Int64> = []
    /// The life that is being looked at.
    var current: Int64?
    var damaged: Set<Int64> = []
    /// When revocations are looked through next.
    var revocationsAt = Int64.min
    /// Bytes that came since it was last looked at how full the store is.
    private var addedBytes = 0
    private var pausedUntil = Int64.min

    init(settings: StoreSettings) {
        self.ageLimit = settings.retentionAge.nanoseconds / 1_000_000
        self.plan = RetentionPlan(limit: settings.retentionBytes)
    }

    /// Writes something that needs room, and takes it away again.
    static func probe(_ db: Database) throws {
        try db.execute(sql: "INSERT INTO probe (body) VALUES (zeroblob(65536))")
        try db.execute(sql: "DELETE FROM probe")
    }

    /// Measures the content of a file that was just opened.
    mutating func begin(_ db: Database) throws {
        let sums = try Row.fetchOne(db, sql: "SELECT sum(ordinary_bytes), sum(kept_bytes) FROM scans")
        self.totals = StoreTotals(
            ordinaryBytes: sums.flatMap { Int.fromDatabaseValue($0[0]) } ?? 0,
            keptBytes: sums.flatMap { Int.fromDatabaseValue($0[1]) } ?? 0,
            snapshotBytes: try SnapshotRow.bytes(db),
            answerBytes: try AnswerRow.bytes(db)
        )
        let large = try Int64.fetchAll(
            db,
            sql: "SELECT life FROM scans WHERE ordinary_bytes + kept_bytes > ? AND is_erased = 0",
            arguments: [self.plan.scanBudget(self.plan.room(beside: 0))]
        )
        self.large = Set(large)
        self.hasErased = true
    }

    /// A group of writes was stored.
    mutating func grew(_ group: CommitGroup) {
        self.totals += group.growth
        self.addedBytes += group.growth.ordinaryBytes + group.growth.keptBytes
        self.hasErased = self.hasErased || group.erased
        let budget = self.plan.scanBudget(self.plan.room(beside: 0))
        for (life, bytes) in group.sizes where bytes > budget {
            self.large.insert(life)
        }
    }

    /// Snapshots were written.
    mutating func grew(snapshotBytes: Int) {
        self.totals.snapshotBytes = max(0, self.totals.snapshotBytes + snapshotBytes)
    }

    /// Whether so much came after the last step that the store may be too full, and the next step must not wait.
    var isUrgent: Bool {
        self.addedBytes > self.plan.slack(self.plan.room(beside: 0)) / 4
    }

    /// One step.
    ///
    /// Returns whether there is more to do at once.
    mutating func step(
        _ db: Database,
        age: WallTime,
        wall: WallTime,
        _ file: StoreFile,
        _ queue: StoreQueue
    ) throws -> Bool {
        guard age.milliseconds >= self.pausedUntil else {
            return false
        }
        self.current = nil
        self.addedBytes = 0
        if self.hasErased {
            try self.inTransaction(db) { $0.hasErased = try $0.purge(db, queue) }
            return true
        }
        let usage = try self.usage(db, file)
        switch self.plan.next(usage) {
        case .doNothing:
            return try self.inTransaction(db) { try $0.deleteOld(db, age: age, wall: wall, queue) }
        case .trimLog:
            if try !StoreFile.trimLog(db) {
                queue.count { $0.busyCheckpoints += 1 }
            }
            return try self.usage(db, file) != usage
        case .giveBackPages:
            _ = try Row.fetchAll(db, sql: "PRAGMA incremental_vacuum(\(Self.vacuumCount))")
            return try self.usage(db, file) != usage
        case .deleteSnapshots(let bytes):
            return try self.inTransaction(db) { try $0.deleteSnapshots(db, RetentionStep(bytes: bytes)) }
        case .deleteAnswers(let bytes):
            return try self.inTransaction(db) { try $0.deleteAnswers(db, RetentionStep(bytes: bytes)) }
        case .deleteKept(let bytes):
            return try self.inTransaction(db) { try $0.deleteMostKept(db, RetentionStep(bytes: bytes), queue) }
        case .deleteOrdinary(let bytes):
            return try self.inTransaction(db) { try $0.deleteOldest(db, RetentionStep(bytes: bytes), usage, queue) }
        case .deleteScan(let bytes):
            return try self.inTransaction(db) { retention in
                if try retention.eraseOldest(db) {
                    return true
                }
                return try retention.deleteMostKept(db, RetentionStep(bytes: bytes), queue)
            }
        }
    }

    /// The last step met a damaged part of the file: it is passed over from now on.
    mutating func passOverDamage(age: WallTime) {
        if let life = self.current {
            self.damaged.insert(life)
        } else {
            self.pausedUntil = age.milliseconds + Self.pauseMilliseconds
        }
    }

    private mutating func inTransaction<Answer>(
        _ db: Database,
        _ body: (inout Retention) throws -> Answer
    ) throws -> Answer {
        // The counts of a failed transaction are dropped.
        var copy = self
        do {
            var answer: Answer?
            try db.inTransaction(.immediate) {
                answer = try body(&copy)
                return .commit
            }
            guard let answer else {
                preconditionFailure("the transaction ran")
            }
            self = copy
            return answer
        } catch {
            self.current = copy.current
            throw error
        }
    }

    private func usage(_ db: Database, _ file: StoreFile) throws -> StoreUsage {
        let pages = try Int.fetchOne(db, sql: "PRAGMA page_count") ?? 0
        let free = try Int.fetchOne(db, sql: "PRAGMA freelist_count") ?? 0
        let size = try Int.fetchOne(db, sql: "PRAGMA page_size") ?? 4096
        let sizes = file.sizes()
        return StoreUsage(
            pageBytes: pages * size,
            freeBytes: free * size,
            fileBytes: sizes.database,
            logBytes: sizes.log,
            otherBytes: sizes.other,
            totals: self.totals
        )
    }
}
