internal import GRDB
internal import NIOCore
internal import SluiceBase
internal import SluiceRelay

/// What is read of the log of one scan.
struct LogReading {
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
        let stretch = request.stretch
        var page = StoredPage(entries: [], through: stretch.start, lostThrough: try self.lostThrough(request.life))
        let rows = try Row.fetchCursor(
            self.db,
            sql: """
                SELECT \(MessageRow.columns) FROM messages WHERE key > ? AND key <= ?
                ORDER BY key \(stretch.order == .ascending ? "ASC" : "DESC")
                """,
            arguments: [
                MessageKey.key(request.life, stretch.after), MessageKey.key(request.life, stretch.through),
            ]
        )
        var budget = ReadingBudget(request)
        var isComplete = stretch.isEmpty
        while !isComplete {
            guard let row = try self.next(rows, request, of: page) else {
                isComplete = true
                break
            }
            guard budget.hasRoom else {
                break
            }
            let seq = Self.seq(row)
            page.through = stretch.order == .ascending ? seq : seq.previous
            guard MessageRow.mayPass(request.selection, row) else {
                budget.passedOver(bytes: 0)
                continue
            }
            guard let entry = try MessageRow.entry(row, life: request.life) else {
                self.damaged(request.life, seq)
                page.damagedCount += 1
                continue
            }
            guard request.selection.passes(entry.message) else {
                budget.passedOver(bytes: entry.message.byteCount)
                continue
            }
            page.entries.append(entry)
            budget.took(bytes: entry.message.byteCount)
        }
        if isComplete {
            page.through = stretch.end
        }
        page.lostThrough = max(page.lostThrough, self.queue.lostThrough(request.life))
        return page
    }

    /// The next row; where there is something to show for already, a row that cannot be read ends the page.
    private func next(_ rows: RowCursor, _ request: StoredPageRequest, of page: StoredPage) throws -> Row? {
        do {
            return try rows.next()
        } catch {
            guard page.through != request.stretch.start else {
                throw error
            }
            var page = page
            page.lostThrough = max(page.lostThrough, self.queue.lostThrough(request.life))
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
