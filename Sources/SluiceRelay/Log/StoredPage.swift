/// What a store gives of one stretch of a log.
package struct StoredPage: Sendable {
    /// The messages that pass, in the order in which the stretch is read.
    package var entries: [LogEntry]
    /// How far it came: everything of the stretch up to this seq, or in descending order everything after it, is in
    /// `entries`, did not pass, is superseded or gone.
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
