import DequeModule

/// Type and fate of each recent seq, two bytes apiece.
///
/// Retention forgets messages; this remembers their types for a while longer, so that a reader that comes too late is
/// told exactly how many messages it missed, of the types that it asked for.
struct TypeIndex: Sendable {
    /// The most seqs remembered.
    static let maximumCount = 65_536
    /// The most distinct types told apart; the rest share one number.
    static let maximumTypes = 4096

    private static let typeMask: UInt16 = 0x1FFF
    private static let countable: UInt16 = 0x8000
    /// Of a critical message, which passes every filter.
    private static let critical: UInt16 = 0x4000
    private static let otherType: UInt16 = 0

    private var numbers: [String: UInt16] = [:]
    /// The type that was looked up last, since a scanner mostly posts many of one; a number never changes.
    private var last: (type: String, number: UInt16) = ("", TypeIndex.otherType)
    private var marks: Deque<UInt16> = []
    private var first: Seq

    /// An index that remembers from this seq on.
    init(first: Seq = 1) {
        self.first = first
    }

    /// Remembers the next seq.
    mutating func append(type: String, fate: Fate) {
        let number = self.number(of: type)
        switch fate {
        case .ordinary: self.marks.append(number | Self.countable)
        case .critical: self.marks.append(number | Self.critical)
        case .conflated: self.marks.append(number)
        }
        if self.marks.count > Self.maximumCount {
            self.marks.removeFirst()
            self.first = self.first.next
        }
    }

    /// From now on a reader that did not get this message has missed it, whatever its fate was.
    mutating func markLost(_ seq: Seq) {
        let place = self.first.distance(to: seq)
        guard self.marks.indices.contains(place) else {
            return
        }
        self.marks[place] |= Self.countable
    }

    /// How many messages in the range count as missed for a reader with this filter.
    ///
    /// Of seqs that are older than the index, each counts: the number is then an upper bound.
    ///
    /// - Parameters:
    ///   - range: The seqs in question.
    ///   - filter: The types that the reader wants.
    ///   - retainedCount: How many countable messages of the range are still kept.
    ///   - countsCritical: Whether critical messages that memory lost are lost.
    /// - Returns: The number, exact within the index.
    func missedCount(
        in range: ClosedRange<Seq>,
        filter: TypeFilter,
        retainedCount: Int,
        countsCritical: Bool = true
    ) -> Int {
        var count = -retainedCount
        var lower = range.lowerBound
        if lower < self.first {
            count += lower.distance(to: min(range.upperBound.next, self.first))
            lower = self.first
        }
        guard lower <= range.upperBound, !self.marks.isEmpty else {
            return max(0, count)
        }
        let start = self.first.distance(to: lower)
        let end = min(self.first.distance(to: range.upperBound) + 1, self.marks.count)
        guard start < end else {
            return max(0, count)
        }
        let isWanted = self.wanted(by: filter)
        for mark in self.marks[start..<end] where mark & Self.countable != 0 {
            if mark & Self.critical != 0 {
                count += countsCritical ? 1 : 0
            } else if isWanted[Int(mark & Self.typeMask)] {
                count += 1
            }
        }
        return max(0, count)
    }

    /// Whether a filter lets a type pass, by the type's number.
    private func wanted(by filter: TypeFilter) -> [Bool] {
        guard let types = filter.types else {
            return [Bool](repeating: true, count: self.numbers.count + 1)
        }
        var isWanted = [Bool](repeating: false, count: self.numbers.count + 1)
        for type in types {
            isWanted[Int(self.numbers[type] ?? Self.otherType)] = true
        }
        return isWanted
    }

    private mutating func number(of type: String) -> UInt16 {
        if type == self.last.type {
            return self.last.number
        }
        if let number = self.numbers[type] {
            self.last = (type, number)
            return number
        }
        guard self.numbers.count < Self.maximumTypes else {
            return Self.otherType
        }
        let number = UInt16(self.numbers.count + 1)
        self.numbers[type] = number
        return number
    }
}
