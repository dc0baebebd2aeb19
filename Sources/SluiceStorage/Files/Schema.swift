internal import GRDB

/// The tables, and how a file says which version of them it has.
enum Schema {
    /// The version that this program writes (`PRAGMA user_version`).
    static let version = 2
    /// Whose file it is (`PRAGMA application_id`): "Slui".
    static let applicationID = 0x536C_7569

    /// Refuses a file that is not to be touched; only reads.
    ///
    /// Returns its version; nil if it is empty.
    static func check(_ db: Database, path: String) throws -> Int? {
        let found = try Int.fetchOne(db, sql: "PRAGMA user_version") ?? 0
        let owner = try Int.fetchOne(db, sql: "PRAGMA application_id") ?? 0
        let isEmpty = try Int.fetchOne(db, sql: "SELECT count(*) FROM sqlite_schema") == 0
        if isEmpty, found == 0 {
            return nil
        }
        guard owner == Self.applicationID else {
            throw StoreError.foreign(path: path)
        }
        guard found <= Self.version else {
            throw StoreError.newerSchema(path: path, found: found, known: Self.version)
        }
        return found
    }

    /// Makes the tables in an empty file.
    static func make(_ db: Database) throws {
        try db.inTransaction(.immediate) {
            try db.execute(sql: Self.tables)
            try db.execute(sql: Self.snapshots)
            try db.execute(sql: Self.clock)
            try db.execute(sql: Self.indexes)
            try db.execute(sql: "PRAGMA application_id = \(Self.applicationID)")
            try db.execute(sql: "PRAGMA user_version = \(Self.version)")
            return .commit
        }
    }

    /// A scan has a row in `scans` for each life of its log.
    ///
    /// Times whose names end in `age` are by the ``AgeClock``, the others by the time of day. `lost_through` is up to
    /// where messages are gone, `trimmed_through` up to where all ordinary ones are, `oldest_age` the age of the first
    /// one after it. Of a message `skew` is by how much the time of day was ahead of its age, where that was more than
    /// a minute. Columns that the first schema did not have stand last, as in a migrated file.
    private static let tables = """
        CREATE TABLE scans (
            life INTEGER PRIMARY KEY, scan_id TEXT NOT NULL, epoch TEXT NOT NULL, owner TEXT, name TEXT,
            created_at INTEGER NOT NULL, heard_at INTEGER NOT NULL, completed_at INTEGER, removed_at INTEGER,
            is_erased INTEGER NOT NULL DEFAULT 0, head INTEGER NOT NULL, lost_through INTEGER NOT NULL,
            sum INTEGER NOT NULL,
            heard_age INTEGER NOT NULL DEFAULT 0, trimmed_through INTEGER NOT NULL DEFAULT 0, oldest_age INTEGER,
            ordinary_bytes INTEGER NOT NULL DEFAULT 0, kept_bytes INTEGER NOT NULL DEFAULT 0, fold BLOB
        );
        CREATE TABLE messages (
            key INTEGER PRIMARY KEY, at INTEGER NOT NULL, type TEXT NOT NULL, marks INTEGER NOT NULL,
            state_key BLOB, body BLOB NOT NULL, sum INTEGER NOT NULL,
            life INTEGER AS (key >> 36) VIRTUAL, seq INTEGER AS (key & 68719476735) VIRTUAL,
            severity TEXT, skew INTEGER
        );
        CREATE TABLE counts (
            life INTEGER NOT NULL, type TEXT NOT NULL, count INTEGER NOT NULL, PRIMARY KEY (life, type)
        ) WITHOUT ROWID;
        CREATE TABLE answers (
            life INTEGER NOT NULL, key TEXT NOT NULL, digest BLOB NOT NULL, at INTEGER NOT NULL,
            accepted INTEGER NOT NULL, first_seq INTEGER, last_seq INTEGER, age INTEGER NOT NULL DEFAULT 0,
            PRIMARY KEY (life, key)
        ) WITHOUT ROWID;
        CREATE TABLE revocations (
            token_id TEXT NOT NULL, subject TEXT NOT NULL, issued_before REAL, kept_until REAL NOT NULL,
            PRIMARY KEY (token_id, subject)
        ) WITHOUT ROWID;
        CREATE TABLE probe (body BLOB NOT NULL);
        """

    /// The oldest have the least ids.
    static let snapshots = """
        CREATE TABLE scan_progress_snapshots (
            id INTEGER PRIMARY KEY, scan_id TEXT NOT NULL, at INTEGER NOT NULL, life INTEGER NOT NULL,
            seq INTEGER NOT NULL, is_completed INTEGER NOT NULL, bytes INTEGER NOT NULL, age INTEGER NOT NULL,
            state TEXT NOT NULL
        );
        """

    /// The deliveries that receivers of hooks have not accepted yet.
    ///
    /// Made in a file that lacks it, whatever its version: older programs leave it alone.
    static let hooks = """
        CREATE TABLE IF NOT EXISTS hooks (
            id TEXT NOT NULL, url TEXT NOT NULL, at INTEGER NOT NULL, body BLOB NOT NULL, UNIQUE (id, url)
        );
        """

    /// How far age has come.
    static let clock = """
        CREATE TABLE clock (id INTEGER PRIMARY KEY CHECK (id = 1), age INTEGER NOT NULL);
        """

    /// `messages_heads` holds all but the bodies: filters are looked up in it.
    ///
    /// `messages_state` holds one message of each conflated key, the newest. `messages_kept` finds messages that
    /// outlive the rest: critical messages and state (the lowest two bits of `marks` are 1 for all others).
    static let indexes = """
        CREATE INDEX scans_by_id ON scans (scan_id, life);
        CREATE INDEX scans_erased ON scans (life) WHERE is_erased = 1;
        CREATE INDEX scans_oldest ON scans (oldest_age) WHERE oldest_age IS NOT NULL AND is_erased = 0;
        CREATE INDEX scans_removed ON scans (heard_age) WHERE removed_at IS NOT NULL AND is_erased = 0;
        CREATE INDEX scans_kept ON scans (kept_bytes) WHERE kept_bytes > 1048576 AND is_erased = 0;
        CREATE INDEX messages_heads ON messages (key, type, marks, severity);
        CREATE INDEX messages_kept ON messages (key) WHERE marks & 3 <> 1;
        CREATE UNIQUE INDEX messages_state ON messages (life, type, state_key) WHERE state_key IS NOT NULL;
        CREATE INDEX answers_by_age ON answers (age);
        CREATE INDEX snapshots_by_id ON scan_progress_snapshots (scan_id, at);
        CREATE INDEX snapshots_by_life ON scan_progress_snapshots (life, id);
        """
}
