/// Says which records of a scan count.
///
/// A record names in `prev` the record that it follows. Read in the order of the stream, one counts if its `prev` is
/// the last that counted, and is void otherwise, as if it had never been written. All who read one order agree.
package struct ChainReader: Sendable, Equatable {
    package enum Verdict: Sendable, Equatable {
        case counts
        case void
        /// There are records before it that were not read.
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
    ///   - seen: The sequence before the first of those.
    package init(last: UInt64 = 0, seen: UInt64 = 0) {
        self.last = last
        self.seen = seen
    }

    /// A record that was read from the stream, behind the one that was read before.
    ///
    /// One that names a record which was never seen tells of one that is gone: the chain goes on behind it, unseen.
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

    /// A copy of a record that was sent when it was stored.
    ///
    /// - Parameters:
    ///   - sequence: Its own.
    ///   - prev: The record that it names.
    ///   - previous: The one before it in its subject, by the server's word: smaller than what was read where that is
    ///     gone.
    /// - Returns: Whether it counts.
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
