/// A page of a scan's history, for a reader without a socket.
package struct HistoryPage: Sendable {
    package var epoch: String
    package var entries: [LogEntry]
    /// What to use as `since` for the next page; nil at the end.
    package var next: Seq?
    /// How many messages of the page are stored and cannot be shown.
    package var damagedCount = 0
}
