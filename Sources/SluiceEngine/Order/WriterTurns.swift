package import NIOCore

/// Whose turn it is to write the next record of a scan that several nodes write to: whoever wrote one longest ago.
///
/// Without turns all of them publish behind the same record, and all but one in vain. A node goes by what it reads: it
/// waits until those before it have had the time to write, and begins anew with the next record that counts. Whoever
/// was passed over has more time the next time, since it may be slow or far away; after the third time it is not waited
/// for until it writes again, and goes at once when it has something.
package struct WriterTurns: Sendable {
    private struct Writer: Sendable {
        var name: String
        /// When its latest record was read.
        var at: NIODeadline
        /// How often a node after it wrote first since then.
        var passedOver = 0
    }

    private static let shortestRecordTime = TimeAmount.microseconds(200)
    private static let longestRecordTime = TimeAmount.milliseconds(20)
    private static let maximumPassedOver = 3
    /// After so long without a record of it, a writer is not waited for.
    private static let activeTime = TimeAmount.seconds(1)

    /// By their latest records, oldest first.
    private var writers: [Writer] = []
    /// How long a record takes from being published to being read, smoothed.
    private var recordTime = TimeAmount.milliseconds(1)

    package init() {}

    /// A record of `writer` counts.
    package mutating func counted(by writer: Substring, now: NIODeadline) {
        if self.writers.count == 1, self.writers[0].name == writer {
            self.writers[0].at = now
            return
        }
        if let place = self.writers.firstIndex(where: { $0.name == writer }) {
            for index in 0..<place { self.writers[index].passedOver += 1 }
            self.writers.remove(at: place)
        }
        let limit = now - Self.activeTime
        self.writers.removeAll { $0.passedOver >= Self.maximumPassedOver || $0.at < limit }
        self.writers.append(Writer(name: String(writer), at: now))
    }

    /// A record of this node took this long to be read back; much more than before counts as four times as much, since
    /// it tells more of this node than of the log.
    package mutating func took(_ time: TimeAmount) {
        let known = self.recordTime.nanoseconds
        let smoothed = known + (min(time.nanoseconds, known * 4) - known) / 8
        self.recordTime = max(Self.shortestRecordTime, min(.nanoseconds(smoothed), Self.longestRecordTime))
    }

    /// When it is the turn of `writer`: once each that comes before it had one and a half times what a record takes,
    /// twice as much for each time that it was passed over.
    package func turn(of writer: String) -> NIODeadline {
        guard let own = self.writers.firstIndex(where: { $0.name == writer }), let newest = self.writers.last else {
            return .distantPast
        }
        let limit = newest.at - Self.activeTime
        let shares = self.writers[..<own].reduce(Int64(0)) { $1.at < limit ? $0 : $0 + (1 << $1.passedOver) }
        return newest.at + .nanoseconds(self.recordTime.nanoseconds * 3 * shares / 2)
    }
}
