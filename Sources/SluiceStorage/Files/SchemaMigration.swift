internal import Foundation
internal import GRDB
internal import NIOCore
internal import SluiceBase
internal import SluiceRelay

/// Brings a file of an older version to this one, in one transaction: after a failure the old file is as it was.
struct SchemaMigration {
    /// The most messages that are looked into at a time.
    private static let stepCount = 1000

    let db: Database
    /// The time of day.
    let wall: WallTime

    /// From the first schema to the second.
    func run() throws {
        try self.db.inTransaction(.immediate) {
            try self.messages()
            try self.scans()
            try self.rest()
            try self.db.execute(sql: "PRAGMA user_version = \(Schema.version)")
            return .commit
        }
    }

    private func messages() throws {
        try self.db.execute(
            sql: """
                DROP INDEX messages_kept;
                ALTER TABLE messages ADD COLUMN severity TEXT;
                ALTER TABLE messages ADD COLUMN skew INTEGER;
                CREATE INDEX messages_by_state ON messages (life, type, state_key, key) WHERE state_key IS NOT NULL;
                DELETE FROM messages WHERE state_key IS NOT NULL AND EXISTS (
                    SELECT 1 FROM messages n INDEXED BY messages_by_state
                    WHERE n.life = messages.life AND n.type = messages.type AND n.state_key = messages.state_key
                    AND n.state_key IS NOT NULL AND n.key > messages.key
                );
                DROP INDEX messages_by_state;
                """
        )
        try self.severities()
    }

    /// Fills in severities, of messages that contain the word or an escape that may spell it.
    private func severities() throws {
        var last = Int64.min
        while true {
            let rows = try Row.fetchAll(
                self.db,
                sql: """
                    SELECT key, body FROM messages WHERE key > ?
                    AND (instr(body, CAST('severity' AS BLOB)) > 0 OR instr(body, CAST('\\u' AS BLOB)) > 0)
                    ORDER BY key LIMIT ?
                    """,
                arguments: [last, Self.stepCount]
            )
            guard let key = rows.last.flatMap({ Int64.fromDatabaseValue($0[0]) }) else {
                return
            }
            last = key
            for row in rows {
                let body = Data.fromDatabaseValue(row[1]) ?? Data()
                guard let severity = MessageSeverity.find(in: ByteBuffer(bytes: body)) else {
                    continue
                }
                let statement = try self.db.cachedStatement(sql: "UPDATE messages SET severity = ? WHERE key = ?")
                try statement.execute(arguments: [severity, row[0] as DatabaseValue])
            }
        }
    }

    /// A scan was last heard of when it was, or now, if its clock said that it would be later.
    private func scans() throws {
        try self.db.execute(
            sql: """
                ALTER TABLE scans ADD COLUMN heard_age INTEGER NOT NULL DEFAULT 0;
                ALTER TABLE scans ADD COLUMN trimmed_through INTEGER NOT NULL DEFAULT 0;
                ALTER TABLE scans ADD COLUMN oldest_age INTEGER;
                ALTER TABLE scans ADD COLUMN ordinary_bytes INTEGER NOT NULL DEFAULT 0;
                ALTER TABLE scans ADD COLUMN kept_bytes INTEGER NOT NULL DEFAULT 0;
                ALTER TABLE scans ADD COLUMN fold BLOB;
                """
        )
        try self.db.execute(
            sql: "UPDATE scans SET heard_age = min(heard_at, ?), trimmed_through = lost_through",
            arguments: [self.wall.milliseconds]
        )
        let sums = try Row.fetchAll(
            self.db,
            sql: """
                SELECT key >> 36, marks & 3 = 1, sum(\(MessageRow.cost)), min(key) FROM messages
                GROUP BY key >> 36, marks & 3 = 1
                """
        )
        for row in sums {
            let values = [row[0] as DatabaseValue, row[2] as DatabaseValue, row[3] as DatabaseValue]
            if Bool.fromDatabaseValue(row[1]) ?? false {
                try self.db.execute(
                    sql: """
                        UPDATE scans SET ordinary_bytes = ?2, oldest_age = (SELECT at FROM messages WHERE key = ?3)
                        WHERE life = ?1
                        """,
                    arguments: StatementArguments(values)
                )
            } else {
                try self.db.execute(
                    sql: "UPDATE scans SET kept_bytes = ?2 WHERE life = ?1",
                    arguments: StatementArguments(values.prefix(2))
                )
            }
        }
    }

    private func rest() throws {
        try self.db.execute(
            sql: """
                DROP INDEX scans_by_id;
                DROP INDEX scans_erased;
                DROP INDEX answers_by_age;
                ALTER TABLE answers ADD COLUMN age INTEGER NOT NULL DEFAULT 0;
                DROP INDEX snapshots_by_life;
                ALTER TABLE scan_progress_snapshots RENAME TO old_snapshots;
                """
        )
        try self.db.execute(sql: Schema.snapshots)
        let copy = """
            INSERT INTO scan_progress_snapshots (scan_id, at, life, seq, is_completed, bytes, age, state)
            SELECT scan_id, at, life, seq, is_completed, length(CAST(state AS BLOB)) + 150, min(at, ?), state
            FROM old_snapshots WHERE length(CAST(state AS BLOB)) <= 262144 ORDER BY at
            """
        try self.db.execute(sql: copy, arguments: [self.wall.milliseconds])
        try self.db.execute(sql: "DROP TABLE old_snapshots")
        try self.db.execute(sql: "UPDATE answers SET age = min(at, ?)", arguments: [self.wall.milliseconds])
        try self.db.execute(sql: Schema.clock)
        try self.db.execute(
            sql: "INSERT INTO clock (id, age) SELECT 1, max(heard_age) FROM scans HAVING count(*) > 0"
        )
        try self.db.execute(sql: Schema.indexes)
    }
}
