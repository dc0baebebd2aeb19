import DequeModule

extension ScanLog {
    /// Reads the retained messages after a cursor, in order, with each gap announced at its place.
    ///
    /// - Parameters:
    ///   - cursor: The last seq that the reader has.
    ///   - end: The last seq to read; the head is never passed.
    ///   - filter: The types that the reader wants; critical messages always pass.
    ///   - maximumCount: The most messages in the page.
    ///   - maximumBytes: The bytes after which the page ends; it holds at least one message in any case.
    /// - Returns: The page, and the cursor that the reader has after it.
    package func page(
        after cursor: Seq,
        through end: Seq = .max,
        filter: TypeFilter = .everything,
        maximumCount: Int,
        maximumBytes: Int = .max
    ) -> LogPage {
        let end = min(end, self.head)
        var page = LogPage(through: min(cursor, end), isComplete: false)
        var merge = LogMerge(log: self, LogStretch(after: cursor, through: end))
        var count = 0
        var bytes = 0
        while let entry = merge.next() {
            guard filter.passes(type: entry.message.type, fate: entry.message.fate) else {
                continue
            }
            guard count < maximumCount, count == 0 || bytes + entry.message.byteCount <= maximumBytes else {
                return page
            }
            self.announceMissed(through: entry.seq.previous, filter: filter, in: &page)
            page.items.append(.entry(entry))
            page.through = entry.seq
            count += 1
            bytes += entry.message.byteCount
        }
        if page.through < end {
            self.announceMissed(through: end, filter: filter, in: &page)
            page.through = end
        }
        page.isComplete = true
        return page
    }

    /// How many messages after the cursor are gone for a reader that wants everything.
    package func missedCount(after cursor: Seq, filter: TypeFilter = .everything) -> Int {
        self.missedCount(after: cursor, through: self.head, filter: filter)
    }

    private func announceMissed(through seq: Seq, filter: TypeFilter, in page: inout LogPage) {
        let count = self.missedCount(after: page.through, through: seq, filter: filter)
        if count > 0 {
            page.items.append(.missed(count: count, since: page.through))
        }
    }

    /// How many messages of a stretch of the log are gone.
    private func missedCount(after cursor: Seq, through end: Seq, filter: TypeFilter) -> Int {
        let last = min(end, self.evictedThrough)
        guard cursor < last else {
            return 0
        }
        return self.index.missedCount(
            in: cursor.next...last,
            filter: filter,
            retainedCount: self.retainedCountable(after: cursor, through: last, filter: filter)
        )
    }

    /// Ordinary messages that are retained although newer state was evicted: they are not missed.
    private func retainedCountable(after cursor: Seq, through last: Seq, filter: TypeFilter) -> Int {
        let start = self.ordinary.firstIndex(after: cursor)
        let end = self.ordinary.firstIndex(after: last)
        return self.ordinary[start..<end].count { filter.passes(type: $0.message.type, fate: $0.message.fate) }
    }
}
