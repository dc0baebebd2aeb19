package import NIOCore

/// Judges whether a connection takes the bytes sent to it, by a minimum rate: a byte now and then is not enough for
/// ever.
///
/// A connection for which bytes wait has a limited patience. It shrinks with time, and grows again by a second for
/// every `leastBytesPerSecond` that the socket takes, up to its initial value. So a peer that takes nothing is stuck
/// after exactly that time, a peer below the minimum rate some time later, and a peer at or above it never. The same
/// rule holds for WebSockets, event streams and plain answers. A look about once a second is enough.
package struct DrainMachine: Sendable {
    /// The minimum rate at which waiting bytes must leave: 1 KiB/s, the speed of a modem of 9,600 baud.
    ///
    /// A megabyte that waits for one client is gone after 17 minutes at the latest.
    package static let leastBytesPerSecond: Int64 = 1024
    /// Bytes beyond it earn no more: enough for weeks of patience, and no product of it overflows.
    private static let mostBytes = 1 << 32

    /// When the patience is over; nil while nothing waits.
    package private(set) var deadline: NIODeadline?
    /// How many bytes had been written when nothing waited last, or the socket had taken at the last look.
    private var takenBytes = 0

    /// A connection that has been sent nothing.
    package init() {}

    /// Whether bytes may wait at all; asking how many costs more than this.
    ///
    /// - Parameter writtenBytes: How many bytes were written to the connection since its start.
    /// - Returns: Whether bytes may wait.
    package func mayWait(writtenBytes: Int) -> Bool {
        self.deadline != nil || writtenBytes != self.takenBytes
    }

    /// Looks at the connection.
    ///
    /// - Parameters:
    ///   - writtenBytes: How many bytes were written to it since its start.
    ///   - waitingBytes: How many of them its socket has not taken. TLS makes them a few more.
    ///   - patience: How long it may take nothing.
    ///   - anyByteCounts: Whether each byte that it takes gives it its patience back, however slowly they leave.
    ///   - now: The loop's time.
    /// - Returns: Whether it is stuck.
    package mutating func isStuck(
        writtenBytes: Int,
        waitingBytes: Int,
        patience: TimeAmount,
        anyByteCounts: Bool = false,
        now: NIODeadline
    ) -> Bool {
        guard waitingBytes > 0 else {
            self.deadline = nil
            self.takenBytes = writtenBytes
            return false
        }
        let latest = now + patience
        guard let deadline = self.deadline else {
            self.deadline = latest
            self.takenBytes = writtenBytes - waitingBytes
            return latest <= now
        }
        let (difference, overflow) = (writtenBytes - waitingBytes).subtractingReportingOverflow(self.takenBytes)
        let progress = overflow ? Self.mostBytes : min(max(difference, 0), Self.mostBytes)
        self.takenBytes += progress
        let earned = TimeAmount.nanoseconds(Int64(progress) * (1_000_000_000 / Self.leastBytesPerSecond))
        let extended = anyByteCounts && progress > 0 ? latest : min(latest, deadline + earned)
        self.deadline = extended
        return extended <= now
    }
}
