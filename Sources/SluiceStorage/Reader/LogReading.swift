internal import GRDB
internal import NIOCore
internal import SluiceRelay

/// What is read of the log of one scan.
struct LogReading {
    /// The most rows that one page looks at, however few of them the reader wants.
    private static let maximumPageRows = 10_000

    let db: Database
    let queue: StoreQueue

    /// What memory needs of a log to go on with it.
    func load(_ life: Int64, history: RelayConfiguration.History) throws -> StoredLog {
        let head = try self.head(of: life)
        var lowest = head.next
        var entries: [LogEntry] = []
        var bytes = 0
        var evictedThrough: Seq?
        let rows = try Row.fetchCursor(
            self.db,
            sql: "SELECT \(MessageRow.columns) FROM messages WHERE key BETWEEN ? AND ? ORDER BY key DESC",
            arguments: [MessageKey.key(life, 0), MessageKey.key(life, .max)]
        )
        while let row = try rows.next() {
            guard entries.count < history.messageCount, bytes < history.bytes else {
                evictedThrough = max(evictedThrough ?? 0, lowest.previous)
                break
            }
            lowest = Self.seq(row)
            guard lowest <= head else {
                throw StoreError.failed(reason: "a message is newer than its scan")
            }
            guard let entry = try MessageRow.entry(row, life: life) else {
                self.damaged(life, lowest)
                evictedThrough = evictedThrough ?? lowest
                continue
            }
            entries.append(entry)
            bytes += entry.message.byteCount
        }
        entries.reverse()
        let kept = evictedThrough == nil ? [] : try self.kept(life, before: lowest, history)
        return StoredLog(
            tail: StoredTail(
                entries: kept + entries,
                evictedThrough: max(evictedThrough ?? 0, self.queue.lostThrough(life)),
                counts: try self.counts(of: life)
            ),
            answers: try AnswerRow.answers(self.db, life: life, now: .now())
        )
    }

    /// One page of a log.
    func page(_ request: StoredPageRequest) throws -> StoredPage {
        var page = StoredPage(
            entries: [],
            through: request.cursor,
            lostThrough: try self.lostThrough(request.life)
        )
        let rows = try Row.fetchCursor(
            self.db,
            sql: "SELECT \(MessageRow.columns) FROM messages WHERE key > ? AND key <= ? ORDER BY key",
            arguments: [
                MessageKey.key(request.life, request.cursor), MessageKey.key(request.life, request.end),
            ]
        )
        var bytes = 0
        var rowCount = 0
        var isComplete = true
        while let row = try self.next(rows, request.life, of: page, after: request.cursor) {
            let isFull = page.entries.count >= request.maximumCount || bytes >= request.maximumBytes
            guard !isFull, rowCount < Self.maximumPageRows else {
                isComplete = false
                break
            }
            rowCount += 1
            guard let entry = try MessageRow.entry(row, life: request.life) else {
                self.damaged(request.life, Self.seq(row))
                page.damagedCount += 1
                page.through = max(page.through, Self.seq(row))
                continue
            }
            page.through = entry.seq
            if request.filter.passes(type: entry.message.type, fate: entry.message.fate) {
                page.entries.append(entry)
                bytes += entry.message.byteCount
            }
        }
        if isComplete {
            page.through = max(page.through, request.end)
        }
        page.lostThrough = max(page.lostThrough, self.queue.lostThrough(request.life))
        return page
    }

    /// The next row; where there is something to show for already, a row that cannot be read ends the page.
    private func next(_ rows: RowCursor, _ life: Int64, of page: StoredPage, after cursor: Seq) throws -> Row? {
        do {
            return try rows.next()
        } catch {
            guard page.through > cursor else {
                throw error
            }
            var page = page
            page.lostThrough = max(page.lostThrough, self.queue.lostThrough(life))
            throw PageFault(page: page, error: error)
        }
    }

    /// The newest life of a scan.
    func find(_ id: ScanID) throws -> StoredScan? {
        let row = try Row.fetchOne(
            self.db,
            sql: "SELECT \(ScanRow.columns) FROM scans WHERE scan_id = ? AND is_erased = 0 ORDER BY life DESC LIMIT 1",
            arguments: [id.text]
        )
        return row.flatMap { ScanRow.scan($0, now: .now()) }
    }

    /// Critical messages and state from before the newest messages.
    private func kept(
        _ life: Int64,
        before seq: Seq,
        _ history: RelayConfiguration.History
    ) throws -> [LogEntry] {
        var entries: [LogEntry] = []
        var stateCount = 0
        let rows = try Row.fetchCursor(
            self.db,
            sql: """
                SELECT \(MessageRow.columns) FROM messages WHERE key >= ? AND key < ? AND marks & 3 <> 1
                ORDER BY key DESC
                """,
            arguments: [MessageKey.key(life, 0), MessageKey.key(life, seq)]
        )
        while let row = try rows.next() {
            guard let entry = try MessageRow.entry(row, life: life) else {
                self.damaged(life, Self.seq(row))
                continue
            }
            if entry.message.fate == .conflated {
                stateCount += 1
                guard stateCount <= max(history.messageCount, 1) else {
                    continue
                }
            }
            entries.append(entry)
        }
        return entries.reversed()
    }

    private func counts(of life: Int64) throws -> [String: Int] {
        let rows = try Row.fetchAll(self.db, sql: "SELECT type, count FROM counts WHERE life = ?", arguments: [life])
        return rows.reduce(into: [:]) { counts, row in
            if let type = String.fromDatabaseValue(row[0]), let count = Int.fromDatabaseValue(row[1]) {
                counts[type] = count
            }
        }
    }

    private func head(of life: Int64) throws -> Seq {
        let head = try Int64.fetchOne(self.db, sql: "SELECT head FROM scans WHERE life = ?", arguments: [life])
        guard let head else {
            throw RelayRefusal.scanNotFound
        }
        return Seq(clamping: head)
    }

    private func lostThrough(_ life: Int64) throws -> Seq {
        let seq = try Int64.fetchOne(self.db, sql: "SELECT lost_through FROM scans WHERE life = ?", arguments: [life])
        guard let seq else {
            // Without the scan's row its messages are not there either, and that is no page without messages.
            throw RelayRefusal.scanNotFound
        }
        return Seq(clamping: seq)
    }

    /// A message that cannot be shown counts as lost, and is told so.
    private func damaged(_ life: Int64, _ seq: Seq) {
        self.queue.count { $0.damagedMessages += 1 }
        self.queue.lost(life, through: seq)
    }

    private static func seq(_ row: Row) -> Seq {
        MessageKey.seq(Int64.fromDatabaseValue(row[0]) ?? 0)
    }
}
