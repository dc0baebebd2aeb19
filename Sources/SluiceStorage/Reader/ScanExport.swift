internal import GRDB
internal import NIOCore
internal import SluiceBase
internal import SluiceRelay

/// A scan's stored messages as lines, with their original times, beside a gateway that runs or without one.
///
/// A line is `{"at":<milliseconds since 1970>,"seq":<number>,"message":<the object as posted>}`.
package struct ScanExport {
    /// The most rows read at once.
    private static let pageCount = 200

    private let database: DatabaseQueue
    private let columns: String

    /// Opens a store for reading only.
    ///
    /// - Parameter folder: The store's folder.
    /// - Throws: `StoreError` if there is none, or it cannot be read.
    package init(folder: String) throws {
        let file = StoreFile(folder: folder, isSynced: false)
        do {
            self.database = try file.openForReading()
            let version = try self.database.read { try Schema.check($0, path: file.path) }
            self.columns = version == 1 ? MessageRow.columnsWithoutSeverity : MessageRow.columns
        } catch let error as StoreError {
            throw error
        } catch {
            throw StoreError.unusable(path: file.path, reason: StoreReason.text(error))
        }
    }

    /// Gives each stored message of a scan's newest life, in order.
    ///
    /// Each page is a transaction of its own, so that a slow export does not keep the gateway from reusing its log.
    ///
    /// - Parameters:
    ///   - scan: The scan's id.
    ///   - take: Is given one line at a time, with its end.
    /// - Returns: How many messages are damaged, and were left out; nil where the store does not know the scan.
    /// - Throws: `StoreError`, or the error of `take`.
    package func export(_ scan: String, to take: ([UInt8]) throws -> Void) throws -> Int? {
        guard let life = try self.read({ try Self.newestLife(of: scan, $0) }) else {
            return nil
        }
        var damagedCount = 0
        var cursor: Seq? = 0
        while let after = cursor {
            let page = try self.read { try Self.page(of: life, self.columns, after: after, $0) }
            for line in page.lines {
                try take(line)
            }
            damagedCount += page.damagedCount
            cursor = page.next
        }
        return damagedCount
    }

    private func read<Answer>(_ body: (Database) throws -> Answer) throws -> Answer {
        do {
            return try self.database.read(body)
        } catch {
            throw StoreError.failed(reason: StoreReason.text(error))
        }
    }

    private static func newestLife(of scan: String, _ db: Database) throws -> Int64? {
        try Int64.fetchOne(
            db,
            sql: "SELECT max(life) FROM scans WHERE scan_id = ? AND is_erased = 0 AND life BETWEEN ? AND ?",
            arguments: [scan, MessageKey.lives.lowerBound, MessageKey.lives.upperBound]
        )
    }

    /// Some lines, and after which number there are more.
    private static func page(
        of life: Int64,
        _ columns: String,
        after cursor: Seq,
        _ db: Database
    ) throws -> (lines: [[UInt8]], damagedCount: Int, next: Seq?) {
        let rows = try Row.fetchAll(
            db,
            sql: "SELECT \(columns) FROM messages WHERE key > ? AND key <= ? ORDER BY key LIMIT ?",
            arguments: [MessageKey.key(life, cursor), MessageKey.key(life, .max), Self.pageCount]
        )
        let lines = try rows.compactMap { row in try MessageRow.entry(row, life: life).map { Self.line($0) } }
        let last = rows.count < Self.pageCount ? nil : rows.last.flatMap { Int64.fromDatabaseValue($0[0]) }
        return (lines, rows.count - lines.count, last.map { MessageKey.seq($0) })
    }

    private static func line(_ entry: LogEntry) -> [UInt8] {
        var line = ByteBuffer()
        line.reserveCapacity(entry.message.byteCount + 64)
        line.writeString("{\"at\":\(entry.at.milliseconds),\"seq\":\(entry.seq),\"message\":{")
        line.writeImmutableBuffer(entry.message.body)
        line.writeString("}\n")
        return Array(line.readableBytesView)
    }
}
