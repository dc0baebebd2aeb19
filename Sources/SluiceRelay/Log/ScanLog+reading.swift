import DequeModule

extension ScanLog {
    /// Reads what is retained after a cursor, in order, with each gap told where it is.
    ///
    /// - Parameters:
    ///   - cursor: The last seq that the reader has.
    ///   - end: The last seq to read; the head is never passed.
    ///   - filter: What the reader wants; critical messages always pass.
    ///   - maximumCount: The most messages in the page.
    ///   - maximumBytes: The bytes after which the page ends; it holds at least one message all the same.
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
        var merge = Merge(log: self, after: cursor)
        var count = 0
        var bytes = 0
        while let entry = merge.next(), entry.seq <= end {
            guard filter.passes(type: entry.message.type, fate: entry.message.fate) else {
                continue
            }
            guard count < maximumCount, count == 0 || bytes + entry.message.byteCount <= maximumBytes else {
                return page
            }
            self.announceMissed(before: entry.seq, filter: filter, in: &page)
            page.items.append(.entry(entry))
            page.through = entry.seq
            count += 1
            bytes += entry.message.byteCount
        }
        if page.through < end {
            self.announceMissed(before: end + 1, filter: filter, in: &page)
            page.through = end
        }
        page.isComplete = true
        return page
    }

    /// How many messages after the cursor are gone for a reader who wants everything.
    package func missedCount(after cursor: Seq, filter: TypeFilter = .everything) -> Int {
        self.missedCount(from: cursor + 1, before: self.head + 1, filter: filter)
    }

    private func announceMissed(before seq: Seq, filter: TypeFilter, in page: inout LogPage) {
        let count = self.missedCount(from: page.through + 1, before: seq, filter: filter)
        if count > 0 {
            page.items.append(.missed(count: count, since: page.through))
        }
    }

    /// What is gone in a stretch of the log, less what the log still has there.
    private func missedCount(from lower: Seq, before upper: Seq, filter: TypeFilter) -> Int {
        let last = min(upper - 1, self.evictedThrough)
        guard lower <= last else {
            return 0
        }
        return self.index.missedCount(
            in: lower...last,
            filter: filter,
            retainedCount: self.retainedCountable(from: lower, through: last, filter: filter)
        )
    }

    /// Ordinary messages that are retained although newer state was evicted: they are not missed.
    private func retainedCountable(from lower: Seq, through last: Seq, filter: TypeFilter) -> Int {
        let start = self.ordinary.firstIndex(after: lower - 1)
        let end = self.ordinary.firstIndex(after: last)
        return self.ordinary[start..<end].count { filter.passes(type: $0.message.type, fate: $0.message.fate) }
    }

    /// Walks the three kept sequences as one, by seq.
    private struct Merge {
        private let log: ScanLog
        private var ordinary: Int
        private var critical: Int
        private var state: Int

        init(log: ScanLog, after cursor: Seq) {
            self.log = log
            self.ordinary = log.ordinary.firstIndex(after: cursor)
            self.critical = log.critical.firstIndex(after: cursor)
            self.state = log.state.firstIndex(after: cursor)
        }

        mutating func next() -> LogEntry? {
            let ordinarySeq = self.ordinary < self.log.ordinary.count ? self.log.ordinary[self.ordinary].seq : .max
            let criticalSeq = self.critical < self.log.critical.count ? self.log.critical[self.critical].seq : .max
            let stateSeq = self.state < self.log.state.count ? self.log.state[self.state].seq : .max
            switch min(ordinarySeq, criticalSeq, stateSeq) {
            case .max:
                return nil
            case ordinarySeq:
                defer { self.ordinary += 1 }
                return self.log.ordinary[self.ordinary]
            case criticalSeq:
                defer { self.critical += 1 }
                return self.log.critical[self.critical]
            default:
                defer { self.state += 1 }
                return self.log.state[self.state]
            }
        }
    }
}
