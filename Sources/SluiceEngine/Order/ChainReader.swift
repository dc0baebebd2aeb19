/// Decides which records of a scan count.
///
/// A record names in `prev` the record that it follows. In the order of the stream, a record counts if its `prev` is
/// the last one that counted; otherwise it is void, as if never written. All readers of one order agree.
package struct ChainReader: Sendable, Equatable {
    package enum Verdict: Sendable, Equatable {
        case counts
        case void
        /// Records before it were not read.
        case gap
        /// It was read before.
        case known
        /// Nothing is left of what was read, and another chain begins: here, or with a record before it.
        case anew
    }

    /// The last record that counted; 0 before the first.
    package private(set) var last: UInt64
    /// The last record that was read.
    package private(set) var seen: UInt64
    package private(set) var voidCount = 0

    /// - Parameters:
    ///   - last: The last record that counted before those to be read.
    ///   - seen: The sequence before the first record to be read.
    package init(last: UInt64 = 0, seen: UInt64 = 0) {
        self.last = last
        self.seen = seen
    }

    /// Judges a record that was read from the stream, behind the one read before.
    ///
    /// A record that names one beyond what was read is a gap: records before it are missing.
    package mutating func read(_ sequence: UInt64, prev: UInt64) -> Verdict {
        guard sequence > self.seen else {
            return .known
        }
        guard prev <= self.seen else {
            return .gap
        }
        self.seen = sequence
        guard prev == self.last else {
            self.voidCount += 1
            return .void
        }
        self.last = sequence
        return .counts
    }

    /// Judges a copy of a record, sent by the server when the record was stored.
    ///
    /// - Parameters:
    ///   - sequence: The record's sequence.
    ///   - prev: The record that it names.
    ///   - previous: The sequence before it in its subject, as reported by the server; smaller than what was read if
    ///     that is gone.
    /// - Returns: The verdict on the record.
    package mutating func hear(_ sequence: UInt64, prev: UInt64, after previous: UInt64) -> Verdict {
        guard sequence > self.seen else {
            return .known
        }
        guard prev > 0 || previous > 0 || self.last == 0 else {
            // Who wrote it found an empty log.
            return .anew
        }
        guard previous == self.seen || (previous < self.seen && prev == self.last) else {
            return .gap
        }
        return self.read(sequence, prev: prev)
    }
}
