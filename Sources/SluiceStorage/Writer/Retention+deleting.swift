internal import GRDB
internal import NIOCore
internal import SluiceBase
internal import SluiceRelay

// Each of these is part of one transaction, deletes one ``RetentionStep`` at most, and returns whether there may be more.
extension Retention {
    /// Deletes rows of erased scans.
    mutating func purge(_ db: Database, _ queue: StoreQueue) throws -> Bool {
        guard let life = try self.life(db, "SELECT life FROM scans WHERE is_erased = 1") else {
            return false
        }
        if try self.purgeMessages(of: life, db) {
            return true
        }
        let snapshots = try SnapshotRow.deleteOldest(of: life, RetentionStep(), db)
        if snapshots.count > 0 {
            self.grew(snapshotBytes: -snapshots.bytes)
            return true
        }
        self.totals.answerBytes = max(0, self.totals.answerBytes - (try AnswerRow.bytes(of: life, db)))
        let bytes = try Int.fetchOne(db, sql: "SELECT kept_bytes FROM scans WHERE life = ?", arguments: [life])
        self.totals.keptBytes = max(0, self.totals.keptBytes - (bytes ?? 0))
        for table in ["answers", "counts", "scans"] {
            try db.execute(sql: "DELETE FROM \(table) WHERE life = ?", arguments: [life])
        }
        self.large.remove(life)
        queue.forget(life)
        return true
    }

    private mutating func purgeMessages(of life: Int64, _ db: Database) throws -> Bool {
        let rows = try Row.fetchAll(
            db,
            sql: """
                SELECT key, \(MessageRow.cost), marks & 3 = 1 FROM messages WHERE key BETWEEN ? AND ?
                ORDER BY key LIMIT ?
                """,
            arguments: [MessageKey.key(life, 0), MessageKey.key(life, .max), RetentionStep.maximumCount]
        )
        var step = RetentionStep()
        var ordinaryBytes = 0
        var last: Int64?
        for row in rows where step.hasRoom {
            let bytes = Int.fromDatabaseValue(row[1]) ?? 0
            step.took(bytes: bytes)
            ordinaryBytes += Bool.fromDatabaseValue(row[2]) ?? false ? bytes : 0
            last = Int64.fromDatabaseValue(row[0])
        }
        guard let last else {
            return false
        }
        try db.execute(
            sql: "DELETE FROM messages WHERE key BETWEEN ? AND ?",
            arguments: [MessageKey.key(life, 0), last]
        )
        try self.shrink(life, ordinaryBytes: ordinaryBytes, keptBytes: step.bytes - ordinaryBytes, db)
        return true
    }

    mutating func deleteSnapshots(_ db: Database, _ step: RetentionStep) throws -> Bool {
        let deleted = try SnapshotRow.deleteOldest(step, db)
        self.totals.snapshotBytes = deleted.count == 0 ? 0 : max(0, self.totals.snapshotBytes - deleted.bytes)
        return true
    }

    mutating func deleteAnswers(_ db: Database, _ step: RetentionStep) throws -> Bool {
        let bytes = try AnswerRow.deleteOldest(step, db)
        self.totals.answerBytes = bytes == 0 ? 0 : max(0, self.totals.answerBytes - bytes)
        return true
    }

    /// Deletes the oldest ordinary messages: of a scan that has more than its share, else of the whole store.
    mutating func deleteOldest(
        _ db: Database,
        _ step: RetentionStep,
        _ usage: StoreUsage,
        _ queue: StoreQueue
    ) throws -> Bool {
        let budget = self.plan.scanBudget(self.plan.room(beside: usage.otherBytes))
        for life in self.large.subtracting(self.damaged) {
            let bytes = try Int.fetchOne(
                db,
                sql: "SELECT ordinary_bytes + kept_bytes FROM scans WHERE life = ? AND ordinary_bytes > 0",
                arguments: [life]
            )
            guard let bytes, bytes > budget else {
                self.large.remove(life)
                continue
            }
            return try self.deleteOrdinary(of: life, before: .max, step, db, queue)
        }
        let oldest =
            try Row.fetchAll(
                db,
                sql: """
                    SELECT life, oldest_age FROM scans INDEXED BY scans_oldest
                    WHERE oldest_age IS NOT NULL AND is_erased = 0 ORDER BY oldest_age LIMIT ?
                    """,
                arguments: [self.damaged.count + 2]
            )
            .compactMap { row in Int64.fromDatabaseValue(row[0]).map { ($0, Int64.fromDatabaseValue(row[1]) ?? 0) } }
            .filter { !self.damaged.contains($0.0) }
        guard let victim = oldest.first?.0 else {
            // There is none: the count was wrong.
            self.totals.ordinaryBytes = 0
            return true
        }
        let until = oldest.count > 1 ? oldest[1].1.addingReportingOverflow(Self.turnMilliseconds) : (.max, false)
        let before = until.overflow ? Int64.max : until.partialValue
        return try self.deleteOrdinary(of: victim, before: before, step, db, queue)
    }

    /// Deletes the oldest critical messages and state of the scan that has the most of them.
    mutating func deleteMostKept(_ db: Database, _ step: RetentionStep, _ queue: StoreQueue) throws -> Bool {
        let columns = "SELECT life FROM scans"
        let most = try self.life(
            db,
            "\(columns) INDEXED BY scans_kept WHERE kept_bytes > 1048576 AND is_erased = 0 ORDER BY kept_bytes DESC"
        )
        guard
            let life = try most
                ?? self.life(db, "\(columns) WHERE is_erased = 0 AND kept_bytes > 0 ORDER BY kept_bytes DESC")
        else {
            self.totals.keptBytes = 0
            return false
        }
        let rows = try Row.fetchAll(
            db,
            sql: """
                SELECT key, \(MessageRow.cost) FROM messages INDEXED BY messages_kept
                WHERE key BETWEEN ? AND ? AND marks & 3 <> 1 ORDER BY key LIMIT ?
                """,
            arguments: [MessageKey.key(life, 0), MessageKey.key(life, .max), RetentionStep.maximumCount]
        )
        guard !rows.isEmpty else {
            try self.deleteCounts(of: life, db)
            return true
        }
        var step = step
        var keys: [Int64] = []
        for row in rows where step.hasRoom {
            step.took(bytes: Int.fromDatabaseValue(row[1]) ?? 0)
            keys += [Int64.fromDatabaseValue(row[0])].compactMap { $0 }
        }
        try self.deleteMessages(keys, db)
        try self.lose(life, through: keys.last.map { MessageKey.seq($0) } ?? 0, step.count, db, queue)
        try self.shrink(life, ordinaryBytes: 0, keptBytes: step.bytes, db)
        return true
    }

    /// A scan that has nothing but counts of very many types keeps half of them, the greater ones.
    private mutating func deleteCounts(of life: Int64, _ db: Database) throws {
        try db.execute(
            sql: """
                DELETE FROM counts WHERE life = ?1 AND type NOT IN (
                    SELECT type FROM counts WHERE life = ?1 ORDER BY count DESC
                    LIMIT (SELECT count(*) / 2 FROM counts WHERE life = ?1)
                )
                """,
            arguments: [life]
        )
        let surplus = try Int.fetchOne(
            db,
            sql: """
                SELECT kept_bytes - (
                    SELECT ifnull(sum(length(CAST(type AS BLOB)) + \(CommitGroup.countBytes)), 0) FROM counts WHERE life = ?1
                ) FROM scans WHERE life = ?1
                """,
            arguments: [life]
        )
        try self.shrink(life, ordinaryBytes: 0, keptBytes: surplus ?? 0, db)
    }

    /// Of the scans whose channel is gone, the one that has been silent for longest goes.
    mutating func eraseOldest(_ db: Database, before age: Int64 = .max) throws -> Bool {
        let oldest = try self.life(
            db,
            """
            SELECT life FROM scans INDEXED BY scans_removed WHERE removed_at IS NOT NULL AND is_erased = 0
            AND heard_age < \(age) ORDER BY heard_age
            """
        )
        guard let life = oldest else {
            return false
        }
        try db.execute(sql: "UPDATE scans SET is_erased = 1 WHERE life = ?", arguments: [life])
        self.hasErased = true
        return true
    }

    /// Deletes rows that are too old.
    mutating func deleteOld(_ db: Database, age: WallTime, wall: WallTime, _ queue: StoreQueue) throws -> Bool {
        let cutoff = age.milliseconds - self.ageLimit
        let answersFrom = age.milliseconds - IdempotencyBook.lifetime.nanoseconds / 1_000_000
        let answerBytes = try AnswerRow.deleteOldest(before: answersFrom, RetentionStep(), db)
        self.totals.answerBytes = max(0, self.totals.answerBytes - answerBytes)
        let snapshots = try SnapshotRow.deleteOldest(before: cutoff, RetentionStep(), db)
        self.grew(snapshotBytes: -snapshots.bytes)
        try self.deleteRevocations(db, age: age, wall: wall)
        if try self.eraseOldest(db, before: cutoff) {
            return true
        }
        let old = try self.life(
            db,
            """
            SELECT life FROM scans INDEXED BY scans_oldest WHERE oldest_age IS NOT NULL AND is_erased = 0
            AND oldest_age < \(cutoff) ORDER BY oldest_age
            """
        )
        guard let life = old else {
            return answerBytes > 0 || snapshots.count > 0
        }
        return try self.deleteOrdinary(of: life, before: cutoff, RetentionStep(), db, queue)
    }

    /// Deletes the oldest ordinary messages of a log that are older than an instant.
    private mutating func deleteOrdinary(
        of life: Int64,
        before age: Int64,
        _ step: RetentionStep,
        _ db: Database,
        _ queue: StoreQueue
    ) throws -> Bool {
        self.current = life
        let rows = try Row.fetchAll(
            db,
            sql: """
                SELECT key, \(MessageRow.cost), \(MessageRow.age) FROM messages INDEXED BY messages_heads
                WHERE key > (?1 << 36 | (SELECT trimmed_through FROM scans WHERE life = ?1))
                AND key < ((?1 + 1) << 36) AND marks & 3 = 1 ORDER BY key LIMIT ?2
                """,
            arguments: [life, RetentionStep.maximumCount + 1]
        )
        var step = step
        var keys: [Int64] = []
        var oldest: Int64?
        for row in rows {
            let rowAge = Int64.fromDatabaseValue(row[2]) ?? 0
            guard step.hasRoom, rowAge < age else {
                oldest = rowAge
                break
            }
            step.took(bytes: Int.fromDatabaseValue(row[1]) ?? 0)
            keys += [Int64.fromDatabaseValue(row[0])].compactMap { $0 }
        }
        try self.deleteMessages(keys, db)
        try db.execute(sql: "UPDATE scans SET oldest_age = ? WHERE life = ?", arguments: [oldest, life])
        guard let last = keys.last else {
            if oldest == nil {
                try self.settleOrdinary(of: life, db)
            }
            return true
        }
        let seq = MessageKey.seq(last)
        try db.execute(
            sql: "UPDATE scans SET trimmed_through = ? WHERE life = ?",
            arguments: [Int64(seq.rawValue), life]
        )
        try self.lose(life, through: seq, step.count, db, queue)
        try self.shrink(life, ordinaryBytes: step.bytes, keptBytes: 0, db)
        return true
    }

    /// One by one: there may be far more messages between them.
    private func deleteMessages(_ keys: [Int64], _ db: Database) throws {
        let statement = try db.cachedStatement(sql: "DELETE FROM messages WHERE key = ?")
        for key in keys {
            statement.setUncheckedArguments([key])
            try statement.execute()
        }
    }

    /// Corrects the count of a life without ordinary messages.
    private mutating func settleOrdinary(of life: Int64, _ db: Database) throws {
        let bytes = try Int.fetchOne(db, sql: "SELECT ordinary_bytes FROM scans WHERE life = ?", arguments: [life])
        try self.shrink(life, ordinaryBytes: bytes ?? 0, keptBytes: 0, db)
    }

    /// A revocation goes when the tokens have ended that it is of, by the clock that is behind: none may come back.
    private mutating func deleteRevocations(_ db: Database, age: WallTime, wall: WallTime) throws {
        guard age.milliseconds >= self.revocationsAt else {
            return
        }
        self.revocationsAt = age.milliseconds + Self.revocationMilliseconds
        try db.execute(
            sql: "DELETE FROM revocations WHERE kept_until < ?",
            arguments: [Double(min(age, wall).milliseconds) / 1000]
        )
    }

    /// Messages are gone for good.
    private func lose(_ life: Int64, through seq: Seq, _ count: Int, _ db: Database, _ queue: StoreQueue) throws {
        try db.execute(
            sql: "UPDATE scans SET lost_through = max(lost_through, ?) WHERE life = ?",
            arguments: [Int64(seq.rawValue), life]
        )
        queue.lost(life, through: seq)
        queue.count { $0.expiredMessages += count }
    }

    private mutating func shrink(_ life: Int64, ordinaryBytes: Int, keptBytes: Int, _ db: Database) throws {
        try db.execute(
            sql: """
                UPDATE scans SET ordinary_bytes = max(0, ordinary_bytes - ?2), kept_bytes = max(0, kept_bytes - ?3)
                WHERE life = ?1
                """,
            arguments: [life, ordinaryBytes, keptBytes]
        )
        self.totals.ordinaryBytes = max(0, self.totals.ordinaryBytes - ordinaryBytes)
        self.totals.keptBytes = max(0, self.totals.keptBytes - keptBytes)
    }

    /// The first life that a query gives and that is not damaged.
    private mutating func life(_ db: Database, _ sql: String) throws -> Int64? {
        let lives = try Int64.fetchAll(db, sql: sql + " LIMIT \(self.damaged.count + 1)")
        let life = lives.first { !self.damaged.contains($0) }
        self.current = life
        return life
    }
}
