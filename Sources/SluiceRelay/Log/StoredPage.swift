/// What a store gives of one stretch of a log.
package struct StoredPage: Sendable {
    /// The messages that pass the filter, by seq.
    package var entries: [LogEntry]
    /// Everything up to this seq is in `entries`, filtered, superseded or gone.
    package var through: Seq
    /// Ordinary messages at or before this seq are gone for good, but for those in `entries`.
    package var lostThrough: Seq
    /// How many messages of the stretch are there and cannot be shown.
    package var damagedCount = 0

    package init(entries: [LogEntry], through: Seq, lostThrough: Seq) {
        self.entries = entries
        self.through = through
        self.lostThrough = lostThrough
    }
}
