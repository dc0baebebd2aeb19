package import NIOCore

/// When a scan's log needs a carry, and which carry is the newest that is complete.
///
/// A carry repeats what must not be lost, so that reading can begin at it, and everything before it may go. It comes in
/// parts, between which others' records may stand. A first part begins a carry, and ends one that was not finished.
package struct CarryLedger: Sendable, Equatable {
    /// Records of so many bytes since the last carry ask for another one, or of this many times its size.
    package static let leastBytes = 1024 * 1024
    package static let factor = 4
    /// A carry of another node that has not gone on for so long is given up.
    private static let patience = TimeAmount.seconds(5)

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
    /// The carry that is being written, by whichever node.
    package private(set) var open: Carry?
    private var bytesSince = 0
    private var bytesSinceOpen = 0
    private var carryBytes = 0
    private let leastBytes: Int

    /// - Parameter leastBytes: Records of fewer bytes since the last carry ask for none.
    package init(leastBytes: Int = Self.leastBytes) {
        self.leastBytes = leastBytes
    }

    /// A record counts that is no part of a carry.
    ///
    /// - Parameters:
    ///   - sequence: Its own.
    ///   - bytes: Its size.
    ///   - begins: Whether a new life of the log begins with it.
    package mutating func counted(_ sequence: UInt64, bytes: Int, begins: Bool) {
        if begins {
            self = CarryLedger(leastBytes: self.leastBytes)
            self.base = sequence
        }
        self.bytesSince += bytes
        self.bytesSinceOpen += bytes
    }

    /// A part of a carry counts; whether the carry is complete with it.
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
        return true
    }

    /// The log is read from here on.
    package mutating func begins(at sequence: UInt64) {
        self = CarryLedger(leastBytes: self.leastBytes)
        self.base = sequence
    }

    /// Whether the records since the last carry ask for another one.
    package func isDue(now: NIODeadline) -> Bool {
        self.bytesSince > max(self.leastBytes, Self.factor * self.carryBytes) && self.mayBegin(now: now)
    }

    /// Whether no other carry is being written.
    package func mayBegin(now: NIODeadline) -> Bool {
        self.open.map { now >= $0.at + Self.patience } ?? true
    }
}
