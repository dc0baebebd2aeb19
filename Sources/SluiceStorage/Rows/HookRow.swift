internal import Foundation
internal import GRDB
internal import SluiceBase
internal import SluiceRelay

/// A delivery as a row of `hooks`.
enum HookRow {
    static func insert(_ delivery: HookDelivery, into db: Database) throws {
        try db.execute(
            sql: "INSERT OR REPLACE INTO hooks (id, url, at, body) VALUES (?, ?, ?, ?)",
            arguments: [delivery.id, delivery.url, delivery.at.milliseconds, Data(delivery.body)]
        )
    }

    static func delete(_ delivery: HookDelivery, from db: Database) throws {
        try db.execute(sql: "DELETE FROM hooks WHERE id = ? AND url = ?", arguments: [delivery.id, delivery.url])
    }

    /// All that can be read, the oldest first.
    static func all(_ db: Database) throws -> [HookDelivery] {
        try Row.fetchAll(db, sql: "SELECT id, url, at, body FROM hooks ORDER BY at, rowid")
            .compactMap { row in
                guard let id = String.fromDatabaseValue(row[0]), let url = String.fromDatabaseValue(row[1]),
                    let at = Int64.fromDatabaseValue(row[2]), let body = Data.fromDatabaseValue(row[3])
                else {
                    return nil
                }
                return HookDelivery(id: id, url: url, at: WallTime(milliseconds: at), body: Array(body))
            }
    }
}
