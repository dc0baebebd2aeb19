/// Which page of a scan's history a reader without a socket wants.
package struct HistoryRequest: Sendable {
    package var order = LogStretch.Order.ascending
    /// Only messages after this one.
    package var after: Seq = 0
    /// Only messages before this one; nil for those up to the newest.
    package var before: Seq?
    package var selection = MessageSelection.everything
    package var maximumCount: Int
    package var maximumBytes: Int

    package init(maximumCount: Int, maximumBytes: Int) {
        self.maximumCount = maximumCount
        self.maximumBytes = maximumBytes
    }

    /// What it asks of a log with this head.
    func stretch(head: Seq) -> LogStretch {
        LogStretch(after: self.after, through: min(self.before?.previous ?? head, head), order: self.order)
    }

    /// The page that what was read of a stretch of the log makes.
    func page(_ stored: StoredPage, of stretch: LogStretch, epoch: String) -> HistoryPage {
        var page = HistoryPage(epoch: epoch, entries: stored.entries, next: nil, damagedCount: stored.damagedCount)
        if !stretch.rest(from: stored.through).isEmpty {
            page.next = self.order == .ascending ? stored.through : stored.through.next
        }
        return page
    }
}

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
