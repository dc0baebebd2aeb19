internal import Foundation
internal import GRDB
internal import NIOCore
internal import SluiceBase
internal import SluiceRelay

/// A message as a row of `messages`.
enum MessageRow {
    /// The columns that ``entry(_:life:)`` reads, in order.
    static let columns = "key, type, marks, state_key, body, sum, at"
    private static let insert = """
        INSERT OR REPLACE INTO messages (key, at, type, marks, state_key, body, sum) VALUES (?, ?, ?, ?, ?, ?, ?)
        """

    static func insert(_ entry: LogEntry, life: Int64, into db: Database) throws {
        let message = entry.message
        let at = entry.at
        let marks = message.storedMarks
        let key = message.storedKey
        let sum = unsafe message.body.withUnsafeReadableBytes { body in
            unsafe Self.sum(life, entry.seq, at.milliseconds, message.type, marks, key, body)
        }
        let statement = try db.cachedStatement(sql: Self.insert)
        statement.setUncheckedArguments([
            MessageKey.key(life, entry.seq), at.milliseconds, message.type, Int64(marks), key.map { Data($0) },
            Data(message.body.readableBytesView), Int64(sum),
        ])
        try statement.execute()
    }

    /// Whether the message in a row may be one of those that are looked for, as far as can be told without its body; of
    /// a damaged row that is not known.
    static func mayPass(_ selection: MessageSelection, _ row: Row) -> Bool {
        guard selection.filter.types != nil, let type = String.fromDatabaseValue(row[1]),
            let marks = Int64.fromDatabaseValue(row[2]).flatMap({ UInt8(exactly: $0) }),
            let fate = Fate(storedMarks: marks)
        else {
            return true
        }
        return selection.filter.passes(type: type, fate: fate)
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
        let body = ByteBuffer(bytes: data)
        guard Int64(found) == sum,
            let message = Message(
                stored: body,
                type: type,
                marks: marks,
                key: key,
                severity: MessageSeverity.find(in: body)
            )
        else {
            return nil
        }
        return LogEntry(seq: seq, at: WallTime(milliseconds: at), message: message)
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
