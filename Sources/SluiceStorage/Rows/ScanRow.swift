internal import GRDB
internal import NIOCore
internal import SluiceBase
internal import SluiceRelay

/// A life of a scan as a row of `scans`.
enum ScanRow {
    /// The columns that ``scan(_:now:)`` reads, in order.
    static let columns = """
        life, scan_id, epoch, owner, name, created_at, heard_at, completed_at, removed_at, head, sum, fold
        """
    private static let upsert = """
        INSERT INTO scans
            (life, scan_id, epoch, owner, name, created_at, heard_at, completed_at, removed_at, head, lost_through, sum,
            heard_age)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6, iif(?7, ?6, NULL), iif(?8, ?6, NULL), ?9, ?10, ?11, ?12)
        ON CONFLICT (life) DO UPDATE SET
            owner = ?4, name = ?5, sum = ?11,
            completed_at = iif(?7, coalesce(completed_at, ?6), NULL),
            removed_at = iif(?8, coalesce(removed_at, ?6), NULL)
        """

    /// Writes a scan's header.
    ///
    /// Of a life that the store did not have, everything before the write's messages counts as lost.
    static func write(
        _ header: StoredHeader,
        _ write: StoreWrite,
        at: WallTime,
        age: WallTime,
        into db: Database
    ) throws {
        let statement = try db.cachedStatement(sql: Self.upsert)
        statement.setUncheckedArguments([
            write.life, header.id.text, header.epoch, header.owner, header.name, at.milliseconds, header.isCompleted,
            header.isRemoved, Int64(write.head.rawValue), Int64(write.from.rawValue),
            Self.sum(write.life, header.id.text, header.epoch, header.owner, header.name), age.milliseconds,
        ])
        try statement.execute()
    }

    /// The scan in a row; nil if the row is damaged.
    static func scan(_ row: Row, now: WallTime) -> StoredScan? {
        guard let life = Int64.fromDatabaseValue(row[0]), MessageKey.lives.contains(life),
            let text = String.fromDatabaseValue(row[1]),
            let id = ScanID(text), let epoch = String.fromDatabaseValue(row[2]),
            let createdAt = Int64.fromDatabaseValue(row[5]), let heardAt = Int64.fromDatabaseValue(row[6]),
            let head = Int64.fromDatabaseValue(row[9]).flatMap({ Seq(exactly: $0) })
        else {
            return nil
        }
        let owner = String.fromDatabaseValue(row[3])
        let name = String.fromDatabaseValue(row[4])
        guard Int64.fromDatabaseValue(row[10]) == Self.sum(life, text, epoch, owner, name) else {
            return nil
        }
        let completedAt = Int64.fromDatabaseValue(row[7])
        var scan = StoredScan(
            life: life,
            header: StoredHeader(
                id: id,
                epoch: epoch,
                owner: owner,
                name: name,
                isCompleted: completedAt != nil,
                isRemoved: Int64.fromDatabaseValue(row[8]) != nil
            ),
            head: head,
            ages: StoredAges(
                sinceCreated: now.since(createdAt),
                sinceHeard: now.since(heardAt),
                sinceCompleted: completedAt.map { now.since($0) }
            )
        )
        // A fold that is missing or damaged begins with the columns beside it.
        scan.fold = Self.fold(row[11]) ?? ScanFold(startedAt: WallTime(milliseconds: createdAt))
        scan.fold.lastMessageAt = scan.fold.lastMessageAt ?? (head > 0 ? WallTime(milliseconds: heardAt) : nil)
        return scan
    }

    private static func fold(_ value: DatabaseValue) -> ScanFold? {
        guard case .blob(let data) = value.storage else {
            return nil
        }
        return ScanFold(stored: [UInt8](data))
    }

    private static func sum(_ life: Int64, _ id: String, _ epoch: String, _ owner: String?, _ name: String?) -> Int64 {
        var sum = Checksum()
        sum.add(life)
        sum.add(id)
        sum.add(epoch)
        sum.add(owner)
        sum.add(name)
        return Int64(sum.value)
    }
}

extension WallTime {
    /// The time since an instant; zero if it is in the future, as after the clock was set back.
    func since(_ milliseconds: Int64) -> TimeAmount {
        // A damaged row may hold any number.
        let (passed, overflow) = self.milliseconds.subtractingReportingOverflow(milliseconds)
        return overflow ? .zero : .milliseconds(min(max(0, passed), Self.longestMilliseconds))
    }

    /// The longest time that is as many nanoseconds as a number can be.
    private static let longestMilliseconds = Int64.max / 1_000_000
}
