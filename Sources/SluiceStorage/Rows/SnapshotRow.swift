internal import GRDB
internal import NIOCore
internal import SluiceBase
internal import SluiceRelay

/// A scan's folded state at a time, as a row of `scan_progress_snapshots`.
enum SnapshotRow {
    /// Folds a scan's state and writes it down: counts by type, and the newest message of each conflated key.
    static func write(_ life: Int64, at: WallTime, into db: Database) throws {
        guard
            let scan = try Row.fetchOne(
                db,
                sql: "SELECT scan_id, head, completed_at FROM scans WHERE life = ? AND is_erased = 0",
                arguments: [life]
            )
        else {
            return
        }
        let counts = try Row.fetchAll(
            db,
            sql: "SELECT type, count FROM counts WHERE life = ? ORDER BY type",
            arguments: [life]
        )
        var state = ByteBuffer(string: "{\"counts\":{")
        for (index, row) in counts.enumerated() {
            state.writeString(index == 0 ? "" : ",")
            state.writeString("\(Self.quoted(String.fromDatabaseValue(row[0]) ?? "")):")
            state.writeString("\(Int64.fromDatabaseValue(row[1]) ?? 0)")
        }
        state.writeString("},\"latest\":[")
        let rows = try Row.fetchCursor(
            db,
            sql: "SELECT \(MessageRow.columns) FROM messages WHERE key BETWEEN ? AND ? AND marks & 3 <> 1 ORDER BY key",
            arguments: [MessageKey.key(life, 0), MessageKey.key(life, .max)]
        )
        var isFirst = true
        while let row = try rows.next() {
            guard let entry = try MessageRow.entry(row, life: life), entry.message.fate == .conflated else {
                continue
            }
            state.writeString(isFirst ? "{\"seq\":\(entry.seq)," : ",{\"seq\":\(entry.seq),")
            state.writeImmutableBuffer(entry.message.body)
            isFirst = false
        }
        state.writeString("]}")
        let isCompleted = Int64.fromDatabaseValue(scan[2]) != nil
        try db.execute(
            sql: """
                INSERT OR REPLACE INTO scan_progress_snapshots (scan_id, at, life, seq, is_completed, state)
                VALUES (?, ?, ?, ?, ?, ?)
                """,
            arguments: [
                String.fromDatabaseValue(scan[0]), at.milliseconds, life, Int64.fromDatabaseValue(scan[1]),
                isCompleted, String(buffer: state),
            ]
        )
    }

    /// A type as JSON: it has no control characters.
    private static func quoted(_ type: String) -> String {
        let escaped = type.flatMap { $0 == "\"" || $0 == "\\" ? "\\\($0)" : "\($0)" }
        return "\"\(String(escaped))\""
    }
}
