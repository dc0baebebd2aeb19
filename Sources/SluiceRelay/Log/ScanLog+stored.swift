extension ScanLog {
    /// Whether memory alone can answer a reader that has everything through the cursor.
    package func holdsEverything(after cursor: Seq) -> Bool {
        cursor >= self.evictedThrough
    }

    /// A page out of the store, with each gap told where it is.
    ///
    /// - Parameters:
    ///   - stored: The store's page for the stretch after the cursor.
    ///   - cursor: The last seq that the reader has.
    ///   - filter: The types that the reader wants; `stored` was read with it.
    /// - Returns: The page, and the cursor that the reader has after it.
    package func page(_ stored: StoredPage, after cursor: Seq, filter: TypeFilter) -> LogPage {
        var page = LogPage(through: cursor, isComplete: false)
        for entry in stored.entries where !self.isSuperseded(entry) {
            self.announceLost(through: entry.seq.previous, stored.lostThrough, filter: filter, in: &page)
            page.items.append(.entry(entry))
            page.through = entry.seq
        }
        self.announceLost(through: stored.through, stored.lostThrough, filter: filter, in: &page)
        page.through = max(page.through, stored.through)
        page.isComplete = page.through >= self.head
        return page
    }

    /// How many messages after the cursor neither memory nor a store that lost them up to a seq can give.
    package func lostCount(after cursor: Seq, _ lostThrough: Seq, filter: TypeFilter) -> Int {
        let last = min(lostThrough, self.evictedThrough)
        guard cursor < last else {
            return 0
        }
        return self.index.missedCount(
            in: cursor.next...last,
            filter: filter,
            retainedCount: 0,
            countsCritical: false
        )
    }

    /// How many messages were posted in all of each type that occurs in the entries.
    package func counts(of entries: [LogEntry]) -> [String: Int] {
        var counts: [String: Int] = [:]
        for entry in entries {
            let type = self.counts[entry.message.type] == nil ? ScanFold.other : entry.message.type
            counts[type] = self.counts[type]
        }
        return counts
    }

    /// The stored messages that are still to be shown.
    func current(_ entries: [LogEntry]) -> [LogEntry] {
        entries.filter { !self.isSuperseded($0) }
    }

    /// Of a conflated key only the newest is shown, even where the store has not forgotten an older one yet.
    private func isSuperseded(_ entry: LogEntry) -> Bool {
        guard let key = entry.message.conflationKey, let newest = self.newestSeq(of: key) else {
            return false
        }
        return newest != entry.seq
    }

    private func announceLost(through seq: Seq, _ lostThrough: Seq, filter: TypeFilter, in page: inout LogPage) {
        let last = min(seq, lostThrough)
        guard page.through < last else {
            return
        }
        // The store gave nothing of this stretch, not even critical messages: all of it is gone.
        let count = self.index.missedCount(in: page.through.next...last, filter: filter, retainedCount: 0)
        if count > 0 {
            page.items.append(.missed(count: count, since: page.through))
        }
    }
}
