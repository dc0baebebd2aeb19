/// The room of the store: its shares, and the order of deletion when it is full.
///
/// Everything counts: the stored data, SQLite's free pages, its log, and the small files beside it.
struct RetentionPlan: Sendable, Equatable {
    /// The next step towards the limit; a deletion carries the number of bytes in excess.
    enum Step: Equatable {
        case doNothing
        /// Copy the log back and cut it off.
        case trimLog
        /// Give free pages back to the file system.
        case giveBackPages
        /// Delete the oldest snapshots.
        case deleteSnapshots(Int)
        /// Delete the oldest answers to requests that may be repeated.
        case deleteAnswers(Int)
        /// Delete the oldest critical messages and state of the scan that has the most of them.
        case deleteKept(Int)
        /// Delete the oldest ordinary messages: of a scan that has more than its share, else of the whole store.
        case deleteOrdinary(Int)
        /// Delete a scan whose channel is gone; if there is none, the oldest critical messages and state of the others.
        case deleteScan(Int)
    }

    /// A log that grows beyond this is cut off as soon as it has been copied back.
    let logBytes: Int
    private let limit: Int
    /// A file of less than this holds little more than its tables.
    private static let minimumRoom = 256 * 1024
    /// The most that is left free of the room.
    private static let maximumSlack = 4 * 1024 * 1024
    /// Less than this is not given back while there is room.
    private static let minimumFreeBytes = 1024 * 1024

    /// - Parameter limit: The most bytes of all files together.
    init(limit: Int) {
        self.limit = limit
        self.logBytes = min(max(limit / 8, 128 * 1024), 16 * 1024 * 1024)
    }

    /// The number of pages after which the log is copied back: half of its limit, and SQLite's own number at most.
    var checkpointPages: Int {
        min(max(self.logBytes / 2 / 4096, 16), 1000)
    }

    /// The limit of the file itself.
    func room(beside otherBytes: Int) -> Int {
        max(self.limit - self.logBytes - otherBytes, Self.minimumRoom)
    }

    /// The most bytes of one snapshot.
    var snapshotBytes: Int {
        min(self.snapshotBudget(self.room(beside: 0)) / 4, 256 * 1024)
    }

    /// The limit of all snapshots together.
    func snapshotBudget(_ room: Int) -> Int { room / 16 }

    /// The limit of all answers together.
    private func answerBudget(_ room: Int) -> Int { room / 16 }

    /// The limit of critical messages and state of all scans together, when there is not enough room.
    private func keptBudget(_ room: Int) -> Int { room / 2 }

    /// The limit of one scan, when there is not enough room.
    func scanBudget(_ room: Int) -> Int { room / 2 }

    /// The part of the room that stays free, so that messages seldom wait for a deletion.
    func slack(_ room: Int) -> Int { min(room / 16, Self.maximumSlack) }

    func next(_ usage: StoreUsage) -> Step {
        let room = self.room(beside: usage.otherBytes)
        let excess = (
            snapshots: usage.totals.snapshotBytes - self.snapshotBudget(room),
            answers: usage.totals.answerBytes - self.answerBudget(room),
            all: usage.pageBytes - usage.freeBytes - (room - self.slack(room))
        )
        if excess.snapshots > 0 {
            return .deleteSnapshots(excess.snapshots)
        }
        if excess.answers > 0 {
            return .deleteAnswers(excess.answers)
        }
        if excess.all > 0, let step = self.deletion(excess.all, usage.totals, keptBudget: self.keptBudget(room)) {
            return step
        }
        return self.cleaning(usage, room: room)
    }

    private func deletion(_ excess: Int, _ totals: StoreTotals, keptBudget: Int) -> Step? {
        if totals.snapshotBytes > 0 {
            .deleteSnapshots(excess)
        } else if totals.keptBytes > keptBudget {
            .deleteKept(min(excess, totals.keptBytes - keptBudget))
        } else if totals.ordinaryBytes > 0 {
            .deleteOrdinary(excess)
        } else {
            totals.keptBytes > 0 ? .deleteScan(excess) : nil
        }
    }

    private func cleaning(_ usage: StoreUsage, room: Int) -> Step {
        let isOverLimit =
            max(usage.pageBytes, usage.fileBytes) + usage.logBytes + usage.otherBytes > max(self.limit, room)
        let freeBytes = isOverLimit ? 0 : max(self.slack(room), Self.minimumFreeBytes)
        // The file is cut only when the log has been copied back.
        let isBehind = usage.logBytes > 0 && usage.fileBytes - usage.pageBytes > freeBytes
        if usage.logBytes > self.logBytes || isBehind {
            return .trimLog
        }
        if usage.freeBytes > freeBytes {
            return .giveBackPages
        }
        return .doNothing
    }
}

/// The size of the store, in bytes.
struct StoreUsage: Equatable {
    /// Of the database, as its newest commit has it; free pages are among them.
    var pageBytes = 0
    var freeBytes = 0
    /// Of its file on the disk, which grows when the log is copied back.
    var fileBytes = 0
    /// Of the log's file, used or not.
    var logBytes = 0
    /// Of the small files beside it.
    var otherBytes = 0
    /// The contents by kind.
    var totals = StoreTotals()
}

/// The contents by the writer's own count: bodies, and a fixed number of bytes for each row.
struct StoreTotals: Equatable {
    var ordinaryBytes = 0
    /// Critical messages, state, and the counts of types.
    var keptBytes = 0
    var snapshotBytes = 0
    var answerBytes = 0

    static func += (left: inout StoreTotals, right: StoreTotals) {
        left.ordinaryBytes += right.ordinaryBytes
        left.keptBytes += right.keptBytes
        left.snapshotBytes += right.snapshotBytes
        left.answerBytes += right.answerBytes
    }
}

/// The bound of one transaction of retention, which is the longest that a write waits for it: 1,000 rows or 1 MiB, and no
/// more than the excess.
struct RetentionStep {
    static let maximumCount = 1000
    private static let maximumBytes = 1024 * 1024

    private let wantedBytes: Int
    private(set) var count = 0
    private(set) var bytes = 0

    /// - Parameter bytes: The excess.
    init(bytes: Int = .max) {
        self.wantedBytes = min(bytes, Self.maximumBytes)
    }

    var hasRoom: Bool {
        self.count < Self.maximumCount && self.bytes < self.wantedBytes
    }

    mutating func took(bytes: Int) {
        self.count += 1
        self.bytes += bytes
    }
}
