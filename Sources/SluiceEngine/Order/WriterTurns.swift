package import NIOCore

/// Whose turn it is to write the next record of a scan that several nodes write to: whoever wrote one longest ago.
///
/// Without turns all of them publish behind the same record, and all but one in vain. A node goes by what it reads: it
/// waits until those before it have had the time to write, and begins anew with the next record that counts. Who has
/// nothing to write costs the others that time, once, and is not waited for any more a moment later.
package struct WriterTurns: Sendable {
    private static let shortestRecordTime = TimeAmount.microseconds(200)
    private static let longestRecordTime = TimeAmount.milliseconds(20)
    /// After this many records' time without one of it, a writer is not waited for.
    private static let activeRecords: Int64 = 32

    /// The latest record of each writer, oldest first.
    private var writers: [(name: String, at: NIODeadline)] = []
    /// How long a record takes from being published to being read, smoothed.
    private var recordTime = TimeAmount.milliseconds(1)

    package init() {}

    /// A record of `writer` counts.
    package mutating func counted(by writer: Substring, now: NIODeadline) {
        if let last = self.writers.last, last.name == writer {
            self.writers[self.writers.count - 1].at = now
            return
        }
        let limit = now - self.activeTime
        self.writers.removeAll { $0.name == writer || $0.at < limit }
        self.writers.append((String(writer), now))
    }

    /// A record of this node took this long to be read back.
    package mutating func took(_ time: TimeAmount) {
        let smoothed = self.recordTime.nanoseconds + (time.nanoseconds - self.recordTime.nanoseconds) / 8
        self.recordTime = max(Self.shortestRecordTime, min(.nanoseconds(smoothed), Self.longestRecordTime))
    }

    /// When it is the turn of `writer`: once the others had one and a half times what a record takes, each that comes
    /// before it.
    package func turn(of writer: String) -> NIODeadline {
        guard let own = self.writers.firstIndex(where: { $0.name == writer }), let newest = self.writers.last else {
            return .distantPast
        }
        let limit = newest.at - self.activeTime
        let before = self.writers[..<own].count { $0.at >= limit }
        return newest.at + .nanoseconds(self.recordTime.nanoseconds * 3 * Int64(before) / 2)
    }

    private var activeTime: TimeAmount { self.recordTime * Self.activeRecords }
}
