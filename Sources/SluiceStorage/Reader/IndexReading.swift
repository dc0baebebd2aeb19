internal import GRDB
internal import Logging
internal import NIOCore
internal import SluiceBase
internal import SluiceRelay

/// Reads the scans at the start, without their messages.
struct IndexReading {
    let db: Database
    let queue: StoreQueue
    let heads: HeadFile
    let logger: Logger

    func restore() throws -> (scans: [StoredScan], lastLife: Int64) {
        let lastLife = try Int64.fetchOne(
            self.db,
            sql: "SELECT max(life) FROM scans WHERE life <= ?",
            arguments: [MessageKey.lives.upperBound]
        )
        return (try self.scans(), max(lastLife ?? 0, 0))
    }

    /// Scans whose channel is there; of a name that has several, which only a lost removal can bring about, the newest.
    private func scans() throws -> [StoredScan] {
        var scans: [ScanID: StoredScan] = [:]
        let now = WallTime.now()
        let rows = try Row.fetchCursor(
            self.db,
            sql: """
                SELECT \(ScanRow.columns), lost_through FROM scans WHERE removed_at IS NULL AND is_erased = 0
                ORDER BY life
                """
        )
        while let row = try rows.next() {
            guard var scan = ScanRow.scan(row, now: now) else {
                self.queue.count { $0.damagedMessages += 1 }
                self.logger.error("a scan in storage is damaged, and begins anew")
                continue
            }
            scan.head = self.heads.head(of: scan.life, stored: scan.head)
            self.heads.note(scan.life, head: scan.head)
            scans[scan.header.id] = scan
            if let lostThrough = Int64.fromDatabaseValue(row[12]), lostThrough > 0 {
                self.queue.lost(scan.life, through: Seq(clamping: lostThrough))
            }
        }
        let counts = try self.counts()
        return scans.values.map { scan in
            var scan = scan
            scan.fold.restore(counts: counts[scan.life] ?? [:])
            return scan
        }
    }

    /// How many messages of each type there were, by life.
    private func counts() throws -> [Int64: [String: Int]] {
        var counts: [Int64: [String: Int]] = [:]
        let rows = try Row.fetchCursor(
            self.db,
            sql: """
                SELECT c.life, type, count FROM scans s CROSS JOIN counts c ON c.life = s.life
                WHERE removed_at IS NULL AND is_erased = 0
                """
        )
        while let row = try rows.next() {
            if let life = Int64.fromDatabaseValue(row[0]), let type = String.fromDatabaseValue(row[1]),
                let count = Int.fromDatabaseValue(row[2])
            {
                counts[life, default: [:]][type] = count
            }
        }
        return counts
    }
}
