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

    /// A page of an archive that lost messages, with those of them that memory has.
    ///
    /// A shared log evicts the records in which critical messages and state were posted, once it has repeated them, and
    /// memory has what was repeated.
    func filled(_ stored: StoredPage, of request: StoredPageRequest) -> StoredPage {
        var stretch = request.stretch
        switch stretch.order {
        case .ascending:
            stretch.through = min(stored.lostThrough, stored.through)
        case .descending:
            stretch.after = max(stretch.after, stored.through)
            stretch.through = min(stored.lostThrough, stretch.through)
        }
        guard !stretch.isEmpty else {
            return stored
        }
        let kept = self.page(
            of: stretch,
            request.selection,
            maximumCount: request.maximumCount,
            maximumBytes: request.maximumBytes
        )
        let isAscending = stretch.order == .ascending
        let known = Set(stored.entries.map(\.seq))
        var entries = stored.entries + kept.entries.filter { !known.contains($0.seq) }
        var page = stored
        if kept.through != stretch.end {
            page.through = kept.through
            entries.removeAll { isAscending ? $0.seq > kept.through : $0.seq <= kept.through }
        }
        entries.sort { isAscending ? $0.seq < $1.seq : $0.seq > $1.seq }
        page.entries = []
        var bytes = 0
        for entry in entries {
            bytes += entry.message.byteCount
            guard let last = page.entries.last else {
                page.entries.append(entry)
                continue
            }
            guard page.entries.count < request.maximumCount, bytes <= request.maximumBytes else {
                page.through = isAscending ? last.seq : last.seq.previous
                break
            }
            page.entries.append(entry)
        }
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
        // Nothing of this stretch was given, not even critical messages: all of it is gone.
        let count = self.index.missedCount(in: page.through.next...last, filter: filter, retainedCount: 0)
        if count > 0 {
            page.items.append(.missed(count: count, since: page.through))
        }
    }
}
