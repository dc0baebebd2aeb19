/// A page of a scan's history, for a reader without a socket.
package struct HistoryPage: Sendable {
    package var epoch: String
    /// In the order that was asked for; there may be none although there is a next page.
    package var entries: [LogEntry]
    /// What the next page is to begin with: ``HistoryRequest/after`` in ascending order, ``HistoryRequest/before`` in
    /// descending order; nil at the end.
    package var next: Seq?
    /// How many messages of the page are stored and cannot be shown.
    package var damagedCount = 0
}
