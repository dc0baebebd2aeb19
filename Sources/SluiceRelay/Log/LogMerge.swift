import DequeModule

/// The kept entries of a stretch, in the stretch's order: its three sequences as one.
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
        let ordinary = self.number(self.ordinary.first, of: self.log.ordinary, else: .max)
        let critical = self.number(self.critical.first, of: self.log.critical, else: .max)
        let state = self.number(self.state.first, of: self.log.state, else: .max)
        switch min(ordinary, critical, state) {
        case .max: return nil
        case ordinary: return self.log.ordinary[self.ordinary.removeFirst()]
        case critical: return self.log.critical[self.critical.removeFirst()]
        default: return self.log.state[self.state.removeFirst()]
        }
    }

    private mutating func nextDescending() -> LogEntry? {
        let ordinary = self.number(self.ordinary.last, of: self.log.ordinary, else: 0)
        let critical = self.number(self.critical.last, of: self.log.critical, else: 0)
        let state = self.number(self.state.last, of: self.log.state, else: 0)
        switch max(ordinary, critical, state) {
        case 0: return nil
        case ordinary: return self.log.ordinary[self.ordinary.removeLast()]
        case critical: return self.log.critical[self.critical.removeLast()]
        default: return self.log.state[self.state.removeLast()]
        }
    }

    /// The number of the entry at a place, or `none` if there is no entry.
    private func number(_ place: Int?, of entries: Deque<LogEntry>, else none: UInt64) -> UInt64 {
        place.map { entries[$0].seq.rawValue } ?? none
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
