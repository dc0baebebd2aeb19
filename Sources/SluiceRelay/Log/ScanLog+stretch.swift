extension ScanLog {
    /// The most bytes of messages that one read looks through without finding any.
    private static let maximumSearchedBytes = 1024 * 1024

    /// Reads the messages of a stretch that are in memory and pass a selection; gaps are not announced.
    ///
    /// - Parameters:
    ///   - stretch: Where to read; the head is never passed.
    ///   - selection: The messages that the reader wants.
    ///   - maximumCount: The most messages in the page.
    ///   - maximumBytes: The bytes after which the page ends; it holds at least one message if one is found before the
    ///     limit of the search.
    /// - Returns: The page, in the order of the stretch, and how far it came.
    package func page(
        of stretch: LogStretch,
        _ selection: MessageSelection,
        maximumCount: Int,
        maximumBytes: Int
    ) -> StoredPage {
        var stretch = stretch
        stretch.through = min(stretch.through, self.head)
        var page = StoredPage(entries: [], through: stretch.start, lostThrough: 0)
        var merge = LogMerge(log: self, stretch)
        var bytes = 0
        var searchedBytes = 0
        while let entry = merge.next() {
            let byteCount = entry.message.byteCount
            let isFull = page.entries.count >= maximumCount || (bytes > 0 && bytes + byteCount > maximumBytes)
            guard !isFull, searchedBytes < Self.maximumSearchedBytes else {
                return page
            }
            page.through = stretch.order == .ascending ? entry.seq : entry.seq.previous
            guard selection.passes(entry.message) else {
                searchedBytes += byteCount
                continue
            }
            page.entries.append(entry)
            bytes += byteCount
        }
        page.through = stretch.end
        return page
    }
}
