package import NIOCore

/// Decides when a scan's log needs a carry, and finds the newest one that is complete.
///
/// A carry repeats what must not be lost, so that reading can begin there and everything before it may go. It comes in
/// parts, with other records possibly between them. A first part begins a carry and ends an unfinished one.
package struct CarryLedger: Sendable, Equatable {
    /// A carry is due once the records since the last one exceed `leastBytes`, or `factor` times that carry's size if
    /// this is more.
    package static let leastBytes = 1024 * 1024
    package static let factor = 4
    /// A carry without a new part for this long is given up, and another may begin.
    private static let patience = TimeAmount.seconds(5)
    /// How long a node waits after a carry of its own came to nothing; the time doubles from one to the next.
    private static let shortestRest = TimeAmount.milliseconds(20)
    private static let longestRest = TimeAmount.seconds(1)

    package struct Carry: Sendable, Equatable {
        package var id: String
        package var first: UInt64
        package var partCount: Int
        package var count: Int
        package var bytes: Int
        package var at: NIODeadline
    }

    /// The record at which reading begins; 0 before the first.
    package private(set) var base: UInt64 = 0
    /// The unfinished carry, of this node or another.
    package private(set) var open: Carry?
    private var bytesSince = 0
    private var bytesSinceOpen = 0
    private var carryBytes = 0
    private let leastBytes: Int
    private var rest = Self.shortestRest
    private var restsUntil: NIODeadline?

    /// - Parameter leastBytes: Records of this many bytes since the last carry, or fewer, need no new one.
    package init(leastBytes: Int = Self.leastBytes) {
        self.leastBytes = leastBytes
    }

    /// Takes a record that counts and is no part of a carry.
    ///
    /// - Parameters:
    ///   - sequence: The record's sequence.
    ///   - bytes: The record's size.
    ///   - begins: Whether it begins a new life of the log.
    package mutating func counted(_ sequence: UInt64, bytes: Int, begins: Bool) {
        if begins {
            self = CarryLedger(leastBytes: self.leastBytes)
            self.base = sequence
        }
        self.bytesSince += bytes
        self.bytesSinceOpen += bytes
    }

    /// Takes a part of a carry that counts; true if the carry is complete with it.
    package mutating func counted(
        part index: Int,
        of partCount: Int,
        _ id: String,
        sequence: UInt64,
        bytes: Int,
        now: NIODeadline
    ) -> Bool {
        if index == 1 {
            self.open = Carry(id: id, first: sequence, partCount: partCount, count: 0, bytes: 0, at: now)
            self.bytesSinceOpen = 0
        }
        guard var carry = self.open, carry.id == id, carry.count + 1 == index, carry.partCount == partCount else {
            return false
        }
        carry.count = index
        carry.bytes += bytes
        carry.at = now
        guard index == partCount else {
            self.open = carry
            return false
        }
        self.base = carry.first
        self.carryBytes = carry.bytes
        self.bytesSince = self.bytesSinceOpen
        self.open = nil
        self.rest = Self.shortestRest
        return true
    }

    /// A carry of this node was overtaken before its first part counted, or could not be written.
    ///
    /// To make another one costs as much as all that it repeats, so it is not done for each record of somebody else.
    package mutating func failed(now: NIODeadline) {
        self.restsUntil = now + self.rest
        self.rest = min(self.rest + self.rest, Self.longestRest)
    }

    /// Restarts at the record where reading begins.
    package mutating func begins(at sequence: UInt64) {
        self = CarryLedger(leastBytes: self.leastBytes)
        self.base = sequence
    }

    /// Whether the records since the last carry ask for another one.
    package func isDue(now: NIODeadline) -> Bool {
        self.bytesSince > max(self.leastBytes, Self.factor * self.carryBytes) && self.mayBegin(now: now)
    }

    /// Whether no other carry is being written, and this node does not rest after one that came to nothing.
    package func mayBegin(now: NIODeadline) -> Bool {
        now >= self.restsUntil ?? now && self.open.map { now >= $0.at + Self.patience } ?? true
    }
}
