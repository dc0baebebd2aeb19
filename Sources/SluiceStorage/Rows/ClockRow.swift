internal import GRDB
internal import SluiceBase
internal import SluiceRelay

/// How far age has come, as the one row of `clock`.
enum ClockRow {
    /// The valid values of the row: others mean that it is damaged.
    private static let range: ClosedRange<Int64> = 0...(1 << 50)

    static func age(_ db: Database) throws -> WallTime? {
        try Int64.fetchOne(db, sql: "SELECT age FROM clock WHERE id = 1")
            .flatMap { Self.range.contains($0) ? WallTime(milliseconds: $0) : nil }
    }

    static func save(_ age: WallTime, into db: Database) throws {
        let statement = try db.cachedStatement(sql: "INSERT OR REPLACE INTO clock (id, age) VALUES (1, ?)")
        try statement.execute(arguments: [age.milliseconds])
    }
}
