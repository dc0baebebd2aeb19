/// What the store takes, in bytes.
struct StoreUsage: Equatable {
    /// Of the database, as its newest commit has it; free pages are among them.
    var pageBytes = 0
    var freeBytes = 0
    /// Of its file as it stands on the disk: it follows with what is copied back from the log.
    var fileBytes = 0
    /// Of the file of the log, whatever of it is in use.
    var logBytes = 0
    /// Of the small files beside it.
    var otherBytes = 0
    /// What it holds.
    var totals = StoreTotals()
}

/// What is in the store, by the writer's own count: bodies, and a little for each row.
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
