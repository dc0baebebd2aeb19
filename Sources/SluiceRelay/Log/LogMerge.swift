import DequeModule

/// What a log keeps of a stretch, in the stretch's order: its three sequences as one.
struct LogMerge {
    private let log: ScanLog
    private let order: LogStretch.Order
    private var ordinary: Range<Int>
    private var critical: Range<Int>
    private var state: Range<Int>

    init(log: ScanLog, _ stretch: LogStretch) {
        self.log = log
        self.order = stretch.order
        self.ordinary = log.ordinary.places(in: stretch)
        self.critical = log.critical.places(in: stretch)
        self.state = log.state.places(in: stretch)
    }

    mutating func next() -> LogEntry? {
        switch self.order {
        case .ascending: self.nextAscending()
        case .descending: self.nextDescending()
        }
    }

    private mutating func nextAscending() -> LogEntry? {
        let ordinary = self.ordinary.first.map { self.log.ordinary[$0].seq }
        let critical = self.critical.first.map { self.log.critical[$0].seq }
        let state = self.state.first.map { self.log.state[$0].seq }
        guard let least = [ordinary, critical, state].compactMap({ $0 }).min() else {
            return nil
        }
        if least == ordinary {
            return self.log.ordinary[self.ordinary.removeFirst()]
        }
        return least == critical
            ? self.log.critical[self.critical.removeFirst()] : self.log.state[self.state.removeFirst()]
    }

    private mutating func nextDescending() -> LogEntry? {
        let ordinary = self.ordinary.last.map { self.log.ordinary[$0].seq }
        let critical = self.critical.last.map { self.log.critical[$0].seq }
        let state = self.state.last.map { self.log.state[$0].seq }
        guard let greatest = [ordinary, critical, state].compactMap({ $0 }).max() else {
            return nil
        }
        if greatest == ordinary {
            return self.log.ordinary[self.ordinary.removeLast()]
        }
        return greatest == critical
            ? self.log.critical[self.critical.removeLast()] : self.log.state[self.state.removeLast()]
    }
}

extension Range<Int> {
    fileprivate mutating func removeFirst() -> Int {
        defer { self = (self.lowerBound + 1)..<self.upperBound }
        return self.lowerBound
    }

    fileprivate mutating func removeLast() -> Int {
        self = self.lowerBound..<(self.upperBound - 1)
        return self.upperBound
    }
}

extension RandomAccessCollection where Element == LogEntry, Index == Int {
    /// Where the entries of a stretch stand.
    fileprivate func places(in stretch: LogStretch) -> Range<Int> {
        let start = self.firstIndex(after: stretch.after)
        return start..<Swift.max(start, self.firstIndex(after: stretch.through))
    }
}
