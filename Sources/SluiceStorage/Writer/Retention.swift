internal import GRDB
internal import NIOCore
internal import SluiceBase
internal import SluiceRelay

/// Forgets what is too old or too much, a little at a time.
///
/// Ordinary messages go first, the oldest of the whole store before others. Critical messages and state stay as long as
/// the channel does, and then until the scan's last message is as old as messages may become. Only if the store is still
/// too large without any ordinary message do the channels go that were removed longest ago.
struct Retention {
    /// The most rows deleted in one step.
    private static let stepCount = 1000
    /// The most rows deleted at once for want of room: small, so that no more goes than has to.
    private static let shrinkCount = 200
    /// The most scans looked at in one step.
    private static let stepScans = 200
    /// How often the whole store is looked through.
    private static let sweepMilliseconds: Int64 = 60_000
    /// Free pages beyond this are given back to the file system.
    private static let maximumFreePages = 1024

    private let age: Int64
    private let bytes: Int
    /// Whether there may be scans that somebody deleted.
    private var hasErased = true
    private var nextSweepAt: Int64 = 0
    /// The last life that this sweep looked at; nil between sweeps.
    private var sweptLife: Int64?
    /// The oldest ordinary message of each life, the oldest of all last; what goes when the store is too large.
    private var oldest: [(at: Int64, life: Int64)] = []
    /// The life that is being looked at.
    private var current: Int64?
    /// Lives of which a part of the file is damaged: what is wrong with them must not keep the others from their due.
    private var damaged: Set<Int64> = []
    /// Nothing is done before this time, where it could not be told which life is damaged.
    private var pausedUntil: Int64 = 0

    init(settings: StoreSettings) {
        self.age = settings.retentionAge.nanoseconds / 1_000_000
        self.bytes = settings.retentionBytes
    }

    /// Writes something that needs room, and takes it away again.
    static func probe(_ db: Database) throws {
        try db.execute(sql: "INSERT INTO probe (body) VALUES (zeroblob(65536))")
        try db.execute(sql: "DELETE FROM probe")
    }

    /// Whether scans were deleted.
    mutating func erased(_ hasErased: Bool) {
        self.hasErased = self.hasErased || hasErased
    }

    /// One step.
    ///
    /// Returns whether there is more to do at once.
    mutating func step(_ db: Database, now: WallTime, _ queue: StoreQueue) throws -> Bool {
        guard now.milliseconds >= self.pausedUntil else {
            return false
        }
        var hasMore = false
        self.current = nil
        try db.inTransaction(.immediate) {
            if self.hasErased {
                self.hasErased = try self.purge(db, queue)
                hasMore = self.hasErased
            } else if try self.isTooLarge(db) {
                hasMore = try self.shrink(db, queue)
            } else {
                hasMore = try self.sweep(db, now: now.milliseconds, queue)
            }
            return .commit
        }
        let free = try Int.fetchOne(db, sql: "PRAGMA freelist_count") ?? 0
        if free > Self.maximumFreePages {
            _ = try Row.fetchAll(db, sql: "PRAGMA incremental_vacuum(256)")
            hasMore = true
        }
        return hasMore
    }

    /// The last step met a damaged part of the file: it is passed over from now on.
    mutating func passOverDamage(now: WallTime) {
        if let life = self.current {
            self.damaged.insert(life)
        } else {
            self.pausedUntil = now.milliseconds + Self.sweepMilliseconds
        }
    }

    /// Deletes some of what was erased.
    ///
    /// Returns whether there may be more.
    private mutating func purge(_ db: Database, _ queue: StoreQueue) throws -> Bool {
        let sql = "SELECT life FROM scans WHERE is_erased = 1 LIMIT ?"
        let erased = try Int64.fetchAll(db, sql: sql, arguments: [self.damaged.count + 1])
        guard let life = erased.first(where: { !self.damaged.contains($0) }) else {
            return false
        }
        self.current = life
        let last = try Int64.fetchOne(
            db,
            sql: "SELECT max(key) FROM (SELECT key FROM messages WHERE key BETWEEN ? AND ? ORDER BY key LIMIT ?)",
            arguments: [MessageKey.key(life, 0), MessageKey.key(life, .max), Self.stepCount]
        )
        if let last {
            try db.execute(
                sql: "DELETE FROM messages WHERE key BETWEEN ? AND ?",
                arguments: [MessageKey.key(life, 0), last]
            )
            return true
        }
        for table in ["counts", "answers", "scan_progress_snapshots", "scans"] {
            try db.execute(sql: "DELETE FROM \(table) WHERE life = ?", arguments: [life])
        }
        queue.forget(life)
        return true
    }

    private func isTooLarge(_ db: Database) throws -> Bool {
        let pages = try Int.fetchOne(db, sql: "PRAGMA page_count") ?? 0
        let free = try Int.fetchOne(db, sql: "PRAGMA freelist_count") ?? 0
        let size = try Int.fetchOne(db, sql: "PRAGMA page_size") ?? 4096
        return (pages - free) * size > self.bytes
    }

    /// Deletes some of the oldest messages.
    ///
    /// Returns whether there may be more.
    private mutating func shrink(_ db: Database, _ queue: StoreQueue) throws -> Bool {
        if self.oldest.isEmpty {
            self.oldest = try self.findOldest(db)
        }
        guard let victim = self.oldest.popLast() else {
            try db.execute(
                sql: """
                    UPDATE scans SET is_erased = 1 WHERE life =
                    (SELECT life FROM scans WHERE removed_at IS NOT NULL AND is_erased = 0 ORDER BY heard_at LIMIT 1)
                    """
            )
            self.hasErased = db.changesCount > 0
            return self.hasErased
        }
        self.current = victim.life
        let until = (self.oldest.last?.at ?? .max - Self.sweepMilliseconds) + Self.sweepMilliseconds
        if try self.deleteOrdinary(of: victim.life, before: until, limit: Self.shrinkCount, db, queue) {
            self.oldest = []
        }
        return true
    }

    private func findOldest(_ db: Database) throws -> [(at: Int64, life: Int64)] {
        try Row.fetchAll(
            db,
            sql: """
                SELECT (SELECT at FROM messages m WHERE m.key > (s.life << 36 | s.lost_through)
                        AND m.key < ((s.life + 1) << 36) AND m.marks & 3 = 1 ORDER BY m.key LIMIT 1) AS first, life
                FROM scans s WHERE is_erased = 0 AND first IS NOT NULL ORDER BY first DESC
                """
        )
        .compactMap { row in
            guard let at = Int64.fromDatabaseValue(row[0]), let life = Int64.fromDatabaseValue(row[1]),
                !self.damaged.contains(life)
            else {
                return nil
            }
            return (at, life)
        }
    }

    /// Looks through some scans for what is too old.
    ///
    /// Returns whether there is more to look at.
    private mutating func sweep(_ db: Database, now: Int64, _ queue: StoreQueue) throws -> Bool {
        guard now >= self.nextSweepAt || self.sweptLife != nil else {
            return false
        }
        let cutoff = now - self.age
        let lives = try Row.fetchAll(
            db,
            sql: """
                SELECT life, removed_at IS NOT NULL AND heard_at < ? FROM scans WHERE life > ? AND is_erased = 0
                ORDER BY life LIMIT ?
                """,
            arguments: [cutoff, self.sweptLife ?? .min, Self.stepScans]
        )
        for row in lives {
            guard let life = Int64.fromDatabaseValue(row[0]) else {
                continue
            }
            self.current = life
            if self.damaged.contains(life) {
                // Nothing can be done for it.
            } else if Bool.fromDatabaseValue(row[1]) ?? false {
                try db.execute(sql: "UPDATE scans SET is_erased = 1 WHERE life = ?", arguments: [life])
                self.hasErased = true
            } else if try self.deleteOrdinary(of: life, before: cutoff, db, queue) {
                // It has more: this life again, in the next step.
                return true
            }
            self.sweptLife = life
        }
        if lives.isEmpty {
            try self.deleteByAge(db, cutoff: cutoff, now: now)
            self.sweptLife = nil
            self.nextSweepAt = now + Self.sweepMilliseconds
            return false
        }
        return true
    }

    private func deleteByAge(_ db: Database, cutoff: Int64, now: Int64) throws {
        let answersFrom = now - IdempotencyRecord.lifetime.nanoseconds / 1_000_000
        try db.execute(sql: "DELETE FROM answers WHERE at < ?", arguments: [answersFrom])
        try db.execute(sql: "DELETE FROM revocations WHERE kept_until < ?", arguments: [Double(now) / 1000])
        try db.execute(
            sql: """
                DELETE FROM scan_progress_snapshots WHERE at < ?
                AND at < (SELECT max(at) FROM scan_progress_snapshots s WHERE s.life = scan_progress_snapshots.life)
                """,
            arguments: [cutoff]
        )
    }

    /// Deletes the oldest ordinary messages of a log that are older than an instant.
    ///
    /// Returns whether there may be more of them.
    private func deleteOrdinary(
        of life: Int64,
        before: Int64,
        limit: Int = Retention.stepCount,
        _ db: Database,
        _ queue: StoreQueue
    ) throws -> Bool {
        let found = try Row.fetchOne(
            db,
            sql: """
                SELECT max(key), count(*) FROM (
                    SELECT key, at FROM messages WHERE marks & 3 = 1 AND key < ((?1 + 1) << 36)
                    AND key > (?1 << 36 | (SELECT lost_through FROM scans WHERE life = ?1)) ORDER BY key LIMIT ?2
                ) WHERE at < ?3
                """,
            arguments: [life, limit, before]
        )
        guard let found, let last = Int64.fromDatabaseValue(found[0]), let count = Int.fromDatabaseValue(found[1])
        else {
            return false
        }
        try db.execute(
            sql: "DELETE FROM messages WHERE key BETWEEN ? AND ? AND marks & 3 = 1",
            arguments: [MessageKey.key(life, 0), last]
        )
        let seq = MessageKey.seq(last)
        try db.execute(sql: "UPDATE scans SET lost_through = ? WHERE life = ?", arguments: [Int64(seq.rawValue), life])
        queue.lost(life, through: seq)
        queue.count { $0.expiredMessages += count }
        return count == limit
    }
}
