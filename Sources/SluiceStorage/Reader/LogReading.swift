internal import GRDB
internal import NIOCore
internal import SluiceBase
internal import SluiceRelay

/// Reads the log of one scan.
struct LogReading {
    let db: Database
    let queue: StoreQueue

    /// The part of a log that memory needs to continue it.
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
            answers: try AnswerRow.answers(self.db, life: life, age: self.queue.age)
        )
    }

    /// One page of a log.
    func page(_ request: StoredPageRequest) throws -> StoredPage {
        let stretch = request.stretch
        var page = StoredPage(entries: [], through: stretch.start, lostThrough: try self.lostThrough(request.life))
        if !stretch.isEmpty {
            let isComplete =
                try request.selection.passesEveryHead ? self.readAll(request, &page) : self.readSome(request, &page)
            page.through = isComplete ? stretch.end : page.through
        }
        page.lostThrough = max(page.lostThrough, self.queue.lostThrough(request.life))
        return page
    }

    /// Reads message after message.
    ///
    /// Returns whether it came to the end.
    private func readAll(_ request: StoredPageRequest, _ page: inout StoredPage) throws -> Bool {
        let rows = try self.rows(request, "SELECT \(MessageRow.columns) FROM messages")
        var budget = ReadingBudget(request)
        while let row = try self.next(rows, request, page) {
            guard budget.hasRoom else {
                return false
            }
            try self.take(row, request, &page, &budget)
        }
        return true
    }

    /// Reads the columns beside the messages, and the messages themselves only if they may pass.
    ///
    /// Returns whether it came to the end.
    private func readSome(_ request: StoredPageRequest, _ page: inout StoredPage) throws -> Bool {
        // Without a message of these types, only critical messages and state can pass.
        let isPosted = try self.hasPosted(request)
        let rows = try self.rows(
            request,
            """
            SELECT \(MessageRow.headColumns) FROM messages
            INDEXED BY \(isPosted ? "messages_heads" : "messages_kept")
            """,
            isPosted ? "" : "AND marks & 3 <> 1"
        )
        let statement = try self.db.makeStatement(sql: "SELECT \(MessageRow.columns) FROM messages WHERE key = ?")
        var budget = ReadingBudget(request)
        while let row = try self.next(rows, request, page) {
            guard budget.hasRoom else {
                return false
            }
            let head = MessageRow.head(row)
            let passes = head.map {
                request.selection.passes(type: $0.type, fate: $0.fate, severity: $0.severity)
            }
            // Of a damaged row it is not known.
            if passes ?? true, let found = try Row.fetchOne(statement, arguments: [row[0] as DatabaseValue]) {
                try self.take(found, request, &page, &budget)
            } else {
                budget.passedOver(bytes: 0)
                self.advance(&page, request.stretch, past: Self.seq(row))
            }
        }
        return true
    }

    /// Takes a message into the page, if it passes.
    private func take(
        _ row: Row,
        _ request: StoredPageRequest,
        _ page: inout StoredPage,
        _ budget: inout ReadingBudget
    ) throws {
        let seq = Self.seq(row)
        if let entry = try MessageRow.entry(row, life: request.life) {
            if request.selection.passes(entry.message) {
                page.entries.append(entry)
                budget.took(bytes: entry.message.byteCount)
            } else {
                budget.passedOver(bytes: entry.message.byteCount)
            }
        } else {
            self.damaged(request.life, seq)
            page.damagedCount += 1
        }
        self.advance(&page, request.stretch, past: seq)
    }

    private func advance(_ page: inout StoredPage, _ stretch: LogStretch, past seq: Seq) {
        page.through = stretch.order == .ascending ? seq : seq.previous
    }

    private func rows(_ request: StoredPageRequest, _ select: String, _ condition: String = "") throws -> RowCursor {
        let order = request.stretch.order == .ascending ? "ASC" : "DESC"
        return try Row.fetchCursor(
            self.db,
            sql: "\(select) WHERE key > ? AND key <= ? \(condition) ORDER BY key \(order)",
            arguments: [
                MessageKey.key(request.life, request.stretch.after),
                MessageKey.key(request.life, request.stretch.through),
            ]
        )
    }

    /// Whether the log has, or had, messages of a type that is asked for.
    private func hasPosted(_ request: StoredPageRequest) throws -> Bool {
        guard let types = request.selection.filter.types else {
            return true
        }
        // Under the last name all those are counted that are too many to be counted by their own.
        let names = Array(types) + [ScanFold.other]
        let places = Array(repeating: "?", count: names.count).joined(separator: ", ")
        return try Bool.fetchOne(
            self.db,
            sql: "SELECT 1 FROM counts WHERE life = ? AND type IN (\(places)) LIMIT 1",
            arguments: [request.life] + StatementArguments(names)
        ) ?? false
    }

    /// The next row; where there is something to show for already, a row that cannot be read ends the page.
    private func next(_ rows: RowCursor, _ request: StoredPageRequest, _ page: StoredPage) throws -> Row? {
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

    /// The newest critical messages and state from before the newest messages, as much of each as memory may hold.
    private func kept(
        _ life: Int64,
        before seq: Seq,
        _ history: RelayConfiguration.History
    ) throws -> [LogEntry] {
        var entries: [LogEntry] = []
        var stateCount = 0
        var stateBytes = 0
        var criticalBytes = 0
        let rows = try Row.fetchCursor(
            self.db,
            sql: """
                SELECT \(MessageRow.columns) FROM messages INDEXED BY messages_kept
                WHERE key >= ? AND key < ? AND marks & 3 <> 1 ORDER BY key DESC
                """,
            arguments: [MessageKey.key(life, 0), MessageKey.key(life, seq)]
        )
        while let row = try rows.next() {
            let hasRoomForState = stateCount < max(history.messageCount, 1) && stateBytes < history.bytes
            let hasRoomForCritical = criticalBytes < history.criticalBytes
            guard hasRoomForState || hasRoomForCritical else {
                break
            }
            let isState = (Int64.fromDatabaseValue(row[2]) ?? 0) & 3 == 2
            guard isState ? hasRoomForState : hasRoomForCritical else {
                continue
            }
            guard let entry = try MessageRow.entry(row, life: life) else {
                self.damaged(life, Self.seq(row))
                continue
            }
            if isState {
                stateCount += 1
                stateBytes += entry.message.byteCount
            } else {
                criticalBytes += entry.message.byteCount
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

    /// A message that cannot be shown counts as lost, and is announced as lost.
    private func damaged(_ life: Int64, _ seq: Seq) {
        self.queue.count { $0.damagedMessages += 1 }
        self.queue.lost(life, through: seq)
    }

    private static func seq(_ row: Row) -> Seq {
        MessageKey.seq(Int64.fromDatabaseValue(row[0]) ?? 0)
    }
}

/// A page that ends before data that cannot be read; an error, because its transaction is no longer of use.
struct PageFault: Error {
    let page: StoredPage
    let error: any Error
}

/// The bounds of one page: its messages, their bytes, and 1 MiB of messages that do not pass, after which other readers
/// have their turn.
struct ReadingBudget {
    /// The most bytes of messages that are looked through in vain.
    private static let maximumSearchedBytes = 1024 * 1024
    /// The cost of a message that is skipped by the columns beside its bytes.
    private static let headBytes = 100

    private var count: Int
    private var bytes: Int
    private var searchedBytes = 0

    init(_ request: StoredPageRequest) {
        self.count = request.maximumCount
        self.bytes = request.maximumBytes
    }

    /// Whether another message may be looked at.
    var hasRoom: Bool {
        self.count > 0 && self.bytes > 0 && self.searchedBytes < Self.maximumSearchedBytes
    }

    /// A message is in the page.
    mutating func took(bytes: Int) {
        self.count -= 1
        self.bytes -= bytes
    }

    /// A message did not pass, of which this many bytes were searched.
    mutating func passedOver(bytes: Int) {
        self.searchedBytes += Self.headBytes + bytes
    }
}
