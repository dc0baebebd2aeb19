internal import GRDB
internal import NIOCore
internal import SluiceRelay

/// A scan's stored messages as lines, with their original times, beside a gateway that runs or without one.
///
/// A line is `{"at":<milliseconds since 1970>,"seq":<number>,"message":<the object as posted>}`.
package struct ScanExport {
    private let database: DatabaseQueue
    private let path: String

    /// Opens a store for reading only.
    ///
    /// - Parameter folder: The store's folder.
    /// - Throws: `StoreError` if there is none, or it cannot be read.
    package init(folder: String) throws {
        let file = StoreFile(folder: folder, isSynced: false)
        self.path = file.path
        do {
            self.database = try file.openForReading()
            let path = self.path
            _ = try self.database.read { try Schema.check($0, path: path) }
        } catch let error as StoreError {
            throw error
        } catch {
            throw StoreError.unusable(path: file.path, reason: StoreReason.text(error))
        }
    }

    /// Gives each stored message of a scan's newest life, in order.
    ///
    /// - Parameters:
    ///   - scan: The scan's id.
    ///   - take: Is given one line at a time, with its end.
    /// - Returns: How many messages there were; nil where the store does not know the scan.
    /// - Throws: `StoreError`, or what `take` throws.
    package func export(_ scan: String, to take: ([UInt8]) throws -> Void) throws -> Int? {
        try self.database.read { db in
            guard
                let life = try Int64.fetchOne(
                    db,
                    sql: "SELECT max(life) FROM scans WHERE scan_id = ? AND is_erased = 0",
                    arguments: [scan]
                )
            else {
                return nil
            }
            let rows = try Row.fetchCursor(
                db,
                sql: "SELECT \(MessageRow.columns) FROM messages WHERE key BETWEEN ? AND ? ORDER BY key",
                arguments: [MessageKey.key(life, 0), MessageKey.key(life, .max)]
            )
            var count = 0
            while let row = try rows.next() {
                // A damaged one is left out.
                guard let entry = try MessageRow.entry(row, life: life), let at = Int64.fromDatabaseValue(row[6]) else {
                    continue
                }
                var line = ByteBuffer()
                line.reserveCapacity(entry.message.byteCount + 64)
                line.writeString("{\"at\":\(at),\"seq\":\(entry.seq),\"message\":{")
                line.writeImmutableBuffer(entry.message.body)
                line.writeString("}\n")
                try take(Array(line.readableBytesView))
                count += 1
            }
            return count
        }
    }
}
