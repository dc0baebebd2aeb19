internal import GRDB
internal import NIOCore
internal import SluiceBase
internal import SluiceRelay

/// A scan's folded state at a time, as a row of `scan_progress_snapshots`.
enum SnapshotRow {
    /// The most snapshots of one scan.
    static let maximumCount = 256
    /// Two snapshots stand at least such a part of their age apart, and the more the older they are.
    private static let spacing: Int64 = 16
    /// The most rows that are looked at for one snapshot.
    private static let maximumReadCount = 2000
    /// The counted size of a row besides its state.
    private static let overheadBytes = 150

    /// Folds a scan's state and writes it down: counts by type, and the newest message of each conflated key.
    ///
    /// Messages that do not fit into `maximumBytes` are left out, the oldest first, and the state says that it is
    /// partial. Returns by how many bytes the snapshots grow.
    static func write(_ life: Int64, at: WallTime, age: WallTime, maximumBytes: Int, into db: Database) throws -> Int {
        guard
            let scan = try Row.fetchOne(
                db,
                sql: "SELECT scan_id, head, completed_at FROM scans WHERE life = ? AND is_erased = 0",
                arguments: [life]
            )
        else {
            return 0
        }
        let state = try self.state(of: life, maximumBytes: maximumBytes, db)
        let bytes = state.utf8.count + Self.overheadBytes
        let isCompleted = Int64.fromDatabaseValue(scan[2]) != nil
        try db.execute(
            sql: """
                INSERT INTO scan_progress_snapshots (scan_id, at, life, seq, is_completed, bytes, age, state)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?)
                """,
            arguments: [
                String.fromDatabaseValue(scan[0]), at.milliseconds, life, Int64.fromDatabaseValue(scan[1]),
                isCompleted, bytes, age.milliseconds, state,
            ]
        )
        return bytes - (try self.thin(life, now: age.milliseconds, db))
    }

    /// The counted size of all snapshots.
    static func bytes(_ db: Database) throws -> Int {
        try Int.fetchOne(db, sql: "SELECT ifnull(sum(bytes), 0) FROM scan_progress_snapshots") ?? 0
    }

    /// Deletes the oldest snapshots: those from before a time, of one life where it is given, as many as go in one step.
    ///
    /// Returns how many there were, and how many bytes they counted.
    static func deleteOldest(
        before age: Int64 = .max,
        of life: Int64? = nil,
        _ step: RetentionStep,
        _ db: Database
    ) throws -> (count: Int, bytes: Int) {
        let rows = try Row.fetchAll(
            db,
            sql: """
                SELECT id, bytes, age FROM scan_progress_snapshots \(life == nil ? "" : "WHERE life = ?")
                ORDER BY id LIMIT \(RetentionStep.maximumCount)
                """,
            arguments: life.map { [$0] } ?? []
        )
        var step = step
        var last: Int64?
        for row in rows where step.hasRoom && Int64.fromDatabaseValue(row[2]) ?? 0 < age {
            step.took(bytes: Int.fromDatabaseValue(row[1]) ?? 0)
            last = Int64.fromDatabaseValue(row[0])
        }
        guard let last else {
            return (0, 0)
        }
        try db.execute(
            sql: "DELETE FROM scan_progress_snapshots WHERE id <= ? \(life == nil ? "" : "AND life = ?")",
            arguments: life.map { [last, $0] } ?? [last]
        )
        return (step.count, step.bytes)
    }

    /// Deletes the oldest ones beyond those that there may be, and those between two that stand close enough together.
    ///
    /// Returns how many bytes went.
    private static func thin(_ life: Int64, now: Int64, _ db: Database) throws -> Int {
        let rows = try Row.fetchAll(
            db,
            sql: "SELECT id, bytes, age FROM scan_progress_snapshots WHERE life = ? ORDER BY id",
            arguments: [life]
        )
        let ages = rows.map { Int64.fromDatabaseValue($0[2]) ?? 0 }
        let surplus = max(0, rows.count - Self.maximumCount)
        var bytes = 0
        var last: Int64?
        for (place, row) in rows.enumerated() {
            let isBetween =
                place + 1 < rows.count
                && last.map { ages[place + 1] - $0 <= (now - ages[place]) / Self.spacing } ?? false
            guard place < surplus || isBetween else {
                last = ages[place]
                continue
            }
            try db.execute(
                sql: "DELETE FROM scan_progress_snapshots WHERE id = ?",
                arguments: [row[0] as DatabaseValue]
            )
            bytes += Int.fromDatabaseValue(row[1]) ?? 0
        }
        return bytes
    }

    private static func state(of life: Int64, maximumBytes: Int, _ db: Database) throws -> String {
        var isPartial = false
        var state = ByteBuffer(string: "{\"counts\":{")
        let counts = try Row.fetchCursor(
            db,
            sql: "SELECT type, count FROM counts WHERE life = ? ORDER BY type",
            arguments: [life]
        )
        var separator = ""
        while let row = try counts.next() {
            guard state.readableBytes < maximumBytes / 2 else {
                isPartial = true
                break
            }
            state.writeString("\(separator)\(Self.quoted(String.fromDatabaseValue(row[0]) ?? "")):")
            state.writeString("\(Int64.fromDatabaseValue(row[1]) ?? 0)")
            separator = ","
        }
        state.writeString("},\"latest\":[")
        let latest = try self.latest(of: life, maximumBytes: maximumBytes - state.readableBytes, db)
        for (index, entry) in latest.entries.enumerated() {
            state.writeString(index == 0 ? "{\"seq\":\(entry.seq)," : ",{\"seq\":\(entry.seq),")
            state.writeImmutableBuffer(entry.message.body)
        }
        state.writeString(isPartial || latest.isPartial ? "],\"partial\":true}" : "]}")
        return String(buffer: state)
    }

    /// The newest state that fits into this many bytes, oldest first.
    private static func latest(
        of life: Int64,
        maximumBytes: Int,
        _ db: Database
    ) throws -> (entries: [LogEntry], isPartial: Bool) {
        let rows = try Row.fetchCursor(
            db,
            sql: """
                SELECT \(MessageRow.columns) FROM messages INDEXED BY messages_kept
                WHERE key BETWEEN ? AND ? AND marks & 3 <> 1 ORDER BY key DESC
                """,
            arguments: [MessageKey.key(life, 0), MessageKey.key(life, .max)]
        )
        var entries: [LogEntry] = []
        var bytes = 0
        var readCount = 0
        while let row = try rows.next() {
            readCount += 1
            guard Int64.fromDatabaseValue(row[2]).map({ $0 & 3 == 2 }) ?? false,
                let entry = try MessageRow.entry(row, life: life)
            else {
                if readCount >= Self.maximumReadCount {
                    return (entries.reversed(), true)
                }
                continue
            }
            bytes += entry.message.byteCount + 30
            guard bytes <= maximumBytes, readCount <= Self.maximumReadCount else {
                return (entries.reversed(), true)
            }
            entries.append(entry)
        }
        return (entries.reversed(), false)
    }

    /// A type as JSON: it has no control characters.
    private static func quoted(_ type: String) -> String {
        let escaped = type.flatMap { $0 == "\"" || $0 == "\\" ? "\\\($0)" : "\($0)" }
        return "\"\(String(escaped))\""
    }
}
