internal import CZlib
internal import Foundation
internal import GRDB
internal import NIOCore
internal import SluiceBase
internal import SluiceRelay

/// A message as a row of `messages`.
enum MessageRow {
    /// A row without the body.
    struct Head {
        var key: Int64
        var type: String
        var fate: Fate
        var severity: String?
    }

    /// The columns that ``entry(_:life:)`` reads, in order.
    static let columns = "key, type, marks, state_key, body, sum, at, severity"
    /// The same of a file of the first schema, which did not note severities.
    static let columnsWithoutSeverity = "key, type, marks, state_key, body, sum, at, NULL"
    /// The columns that ``head(_:)`` reads, in order; an index holds all of them.
    static let headColumns = "key, type, marks, severity"
    /// The counted size of a message, as an expression.
    static let cost = "length(body) + \(MessageRow.overheadBytes)"
    /// The bytes that a row counts besides its body.
    private static let overheadBytes = 100
    /// When a message was stored, as an expression, by the ``AgeClock``.
    static let age = "at - ifnull(skew, 0)"
    private static let insert = """
        INSERT OR REPLACE INTO messages (key, at, type, marks, state_key, body, sum, severity, skew)
        VALUES (?1, ?2, ?3, ?4, iif(?4 & 3 = 2, ifnull(?5, X''), NULL), ?6, ?7, ?8, ?9)
        """

    /// Writes a message; state replaces an older row of its key, and is dropped if a newer one is there.
    ///
    /// Returns by how much its scan grows.
    static func insert(_ entry: LogEntry, life: Int64, age: WallTime, into db: Database) throws -> StoreTotals {
        let message = entry.message
        let place = MessageKey.key(life, entry.seq)
        let key = message.storedKey
        var superseded = 0
        if let key, let older = try Self.state(of: life, message.type, key, db) {
            guard older.key <= place else {
                return StoreTotals()
            }
            superseded = older.cost
        }
        let marks = message.storedMarks
        let sum = unsafe message.body.withUnsafeReadableBytes { body in
            unsafe Self.sum(life, entry.seq, entry.at.milliseconds, message.type, marks, key, body)
        }
        let skew = entry.at.milliseconds - age.milliseconds
        let statement = try db.cachedStatement(sql: Self.insert)
        statement.setUncheckedArguments([
            place, entry.at.milliseconds, message.type, Int64(marks), key.map { Data($0) },
            Data(message.body.readableBytesView), Int64(sum), message.severity,
            abs(skew) > AgeClock.toleranceMilliseconds ? skew : nil,
        ])
        try statement.execute()
        let cost = message.body.readableBytes + Self.overheadBytes
        return message.fate == .ordinary
            ? StoreTotals(ordinaryBytes: cost) : StoreTotals(keptBytes: cost - superseded)
    }

    /// The message in a row; nil if the row is damaged.
    static func entry(_ row: Row, life: Int64) throws -> LogEntry? {
        guard let place = Int64.fromDatabaseValue(row[0]), let type = String.fromDatabaseValue(row[1]),
            let marks = Int64.fromDatabaseValue(row[2]).flatMap({ UInt8(exactly: $0) }),
            let sum = Int64.fromDatabaseValue(row[5]), let at = Int64.fromDatabaseValue(row[6]),
            case .blob(let data) = (row[4] as DatabaseValue).storage
        else {
            return nil
        }
        let seq = MessageKey.seq(place)
        let isState = marks & 3 == 2
        let key = isState ? Self.bytes(row[3]) ?? [] : nil
        let found = unsafe data.withUnsafeBytes { body in
            unsafe Self.sum(life, seq, at, type, marks, key, body)
        }
        guard Int64(found) == sum,
            let message = Message(
                stored: ByteBuffer(bytes: data),
                type: type,
                marks: marks,
                key: key,
                severity: String.fromDatabaseValue(row[7])
            )
        else {
            return nil
        }
        return LogEntry(seq: seq, at: WallTime(milliseconds: at), message: message)
    }

    /// The columns of a row beside its body; nil if they are damaged.
    static func head(_ row: Row) -> Head? {
        guard let key = Int64.fromDatabaseValue(row[0]), let type = String.fromDatabaseValue(row[1]),
            let marks = Int64.fromDatabaseValue(row[2]).flatMap({ UInt8(exactly: $0) }),
            let fate = Fate(storedMarks: marks)
        else {
            return nil
        }
        return Head(key: key, type: type, fate: fate, severity: String.fromDatabaseValue(row[3]))
    }

    /// The newest state of a key, and its bytes.
    private static func state(
        of life: Int64,
        _ type: String,
        _ key: [UInt8],
        _ db: Database
    ) throws -> (key: Int64, cost: Int)? {
        let statement = try db.cachedStatement(
            sql: "SELECT key, \(Self.cost) FROM messages WHERE life = ? AND type = ? AND state_key = ifnull(?, X'')"
        )
        return try Row.fetchOne(statement, arguments: [life, type, Data(key)])
            .flatMap { row in
                guard let key = Int64.fromDatabaseValue(row[0]), let cost = Int.fromDatabaseValue(row[1]) else {
                    return nil
                }
                return (key, cost)
            }
    }

    private static func bytes(_ value: DatabaseValue) -> [UInt8]? {
        if case .blob(let data) = value.storage { [UInt8](data) } else { nil }
    }

    private static func sum(
        _ life: Int64,
        _ seq: Seq,
        _ at: Int64,
        _ type: String,
        _ marks: UInt8,
        _ key: [UInt8]?,
        _ body: UnsafeRawBufferPointer
    ) -> UInt32 {
        var sum = Checksum()
        sum.add(life)
        sum.add(seq.rawValue)
        sum.add(at)
        sum.add(type)
        sum.add(marks)
        sum.add(key)
        unsafe sum.add(body)
        return sum.value
    }
}

/// The key of a message's row: the life in the high bits and the seq in the low ones, so that a log is one stretch of a
/// table with integer keys, whose rows may be large.
enum MessageKey {
    private static let seqBits: Int64 = 36
    private static let seqMask: Int64 = 1 << MessageKey.seqBits - 1
    /// The lives that a key has room for.
    static let lives: ClosedRange<Int64> = 1...(1 << 27 - 1)
    /// The last message of a log that a key has room for.
    static let maximumSeq = Seq(clamping: MessageKey.seqMask)

    /// The key of a message; of one beyond any that there can be, the last one of the log.
    ///
    /// No message is stored under a life beyond ``lives``: its key would be another one's.
    static func key(_ life: Int64, _ seq: Seq) -> Int64 {
        life << Self.seqBits | Int64(min(seq, Self.maximumSeq).rawValue)
    }

    static func seq(_ key: Int64) -> Seq {
        Seq(clamping: key & Self.seqMask)
    }
}

/// The CRC-32 of a row: rows that the disk has changed are not shown.
struct Checksum {
    private(set) var value: UInt32 = 0

    mutating func add(_ number: some FixedWidthInteger) {
        var rest = UInt64(truncatingIfNeeded: number)
        var bytes: (UInt64) = (0)
        for _ in 0..<8 {
            bytes = bytes << 8 | rest & 0xFF
            rest >>= 8
        }
        unsafe withUnsafeBytes(of: bytes) { unsafe self.add($0) }
    }

    mutating func add(_ text: String?) {
        guard let text else {
            self.add(UInt64.max)
            return
        }
        self.add(text.utf8.count)
        var contiguous = text
        contiguous.withUTF8 { unsafe self.add(UnsafeRawBufferPointer($0)) }
    }

    mutating func add(_ bytes: [UInt8]?) {
        guard let bytes else {
            self.add(UInt64.max)
            return
        }
        self.add(bytes.count)
        unsafe bytes.withUnsafeBytes { unsafe self.add($0) }
    }

    mutating func add(_ bytes: UnsafeRawBufferPointer) {
        guard bytes.count > 0, let start = unsafe bytes.bindMemory(to: UInt8.self).baseAddress else {
            return
        }
        self.value = unsafe UInt32(truncatingIfNeeded: crc32(UInt(self.value), start, UInt32(bytes.count)))
    }
}
