internal import GRDB

/// The tables, and how a file says which version of them it has.
enum Schema {
    /// The version that this program writes (`PRAGMA user_version`).
    static let version = 1
    /// Whose file it is (`PRAGMA application_id`): "Slui".
    static let applicationID = 0x536C_7569

    /// Refuses a file that is not to be touched; only reads.
    ///
    /// Returns whether it is empty.
    static func check(_ db: Database, path: String) throws -> Bool {
        let found = try Int.fetchOne(db, sql: "PRAGMA user_version") ?? 0
        let owner = try Int.fetchOne(db, sql: "PRAGMA application_id") ?? 0
        let isEmpty = try Int.fetchOne(db, sql: "SELECT count(*) FROM sqlite_schema") == 0
        if isEmpty, found == 0 {
            return true
        }
        guard owner == Self.applicationID else {
            throw StoreError.foreign(path: path)
        }
        guard found <= Self.version else {
            throw StoreError.newerSchema(path: path, found: found, known: Self.version)
        }
        return false
    }

    /// Makes the tables in an empty file.
    static func make(_ db: Database) throws {
        try db.inTransaction(.immediate) {
            try db.execute(sql: Self.tables)
            try db.execute(sql: "PRAGMA application_id = \(Self.applicationID)")
            try db.execute(sql: "PRAGMA user_version = \(Self.version)")
            return .commit
        }
    }

    /// A scan has a row in `scans` for each life of its log.
    ///
    /// Of a conflated key only the newest message stays in
    /// `messages`, and `counts` knows how many there were. `messages_kept` finds what outlives the rest: critical
    /// messages and state (the lowest two bits of `marks` are 1 for all others).
    private static let tables = """
        CREATE TABLE scans (
            life INTEGER PRIMARY KEY, scan_id TEXT NOT NULL, epoch TEXT NOT NULL, owner TEXT, name TEXT,
            created_at INTEGER NOT NULL, heard_at INTEGER NOT NULL, completed_at INTEGER, removed_at INTEGER,
            is_erased INTEGER NOT NULL DEFAULT 0, head INTEGER NOT NULL, lost_through INTEGER NOT NULL,
            sum INTEGER NOT NULL
        );
        CREATE INDEX scans_by_id ON scans (scan_id, life);
        CREATE INDEX scans_erased ON scans (life) WHERE is_erased = 1;
        CREATE TABLE messages (
            key INTEGER PRIMARY KEY, at INTEGER NOT NULL, type TEXT NOT NULL, marks INTEGER NOT NULL,
            state_key BLOB, body BLOB NOT NULL, sum INTEGER NOT NULL,
            life INTEGER AS (key >> 36) VIRTUAL, seq INTEGER AS (key & 68719476735) VIRTUAL
        );
        CREATE INDEX messages_kept ON messages (key) WHERE marks & 3 <> 1;
        CREATE TABLE counts (
            life INTEGER NOT NULL, type TEXT NOT NULL, count INTEGER NOT NULL, PRIMARY KEY (life, type)
        ) WITHOUT ROWID;
        CREATE TABLE answers (
            life INTEGER NOT NULL, key TEXT NOT NULL, digest BLOB NOT NULL, at INTEGER NOT NULL,
            accepted INTEGER NOT NULL, first_seq INTEGER, last_seq INTEGER, PRIMARY KEY (life, key)
        ) WITHOUT ROWID;
        CREATE INDEX answers_by_age ON answers (at);
        CREATE TABLE revocations (
            token_id TEXT NOT NULL, subject TEXT NOT NULL, issued_before REAL, kept_until REAL NOT NULL,
            PRIMARY KEY (token_id, subject)
        ) WITHOUT ROWID;
        CREATE TABLE scan_progress_snapshots (
            scan_id TEXT NOT NULL, at INTEGER NOT NULL, life INTEGER NOT NULL, seq INTEGER NOT NULL,
            is_completed INTEGER NOT NULL, state TEXT NOT NULL, PRIMARY KEY (scan_id, at, life)
        ) WITHOUT ROWID;
        CREATE INDEX snapshots_by_life ON scan_progress_snapshots (life, at);
        CREATE TABLE probe (body BLOB NOT NULL);
        """
}
