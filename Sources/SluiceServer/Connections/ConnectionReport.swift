internal import NIOCore
internal import SluiceBase
internal import SluiceHTTP
internal import SluiceRelay

/// The counts and the state of a live connection, to find out why it did not get a message.
struct ConnectionReport: Sendable {
    /// One of the connection's subscriptions.
    struct Subscription: Sendable {
        var scanID: ScanID
        /// The cursor after the last write.
        var cursor: Seq
        /// The facts of the scan's home; nil if it was not asked, or the subscription waits for its scan.
        var home: SubscriptionReport?
    }

    var id: UInt64
    var kind: String
    var user: String
    var peer: String
    var age: TimeAmount
    var counts = Outbox.Counts()
    /// Bytes handed to the connection and not taken by its socket.
    var waitingBytes = 0
    var isWritable = true
    /// How long the last ping took there and back.
    var roundTrip: TimeAmount?
    var subscriptions: [Subscription] = []

    /// Writes it as JSON.
    func write(into writer: inout JSONWriter) {
        writer.beginObject()
        writer.member("id", Int(clamping: self.id))
        writer.member("kind", self.kind)
        writer.member("user", self.user)
        writer.member("peer", self.peer)
        writer.member("age_ms", Int(self.age.nanoseconds / 1_000_000))
        writer.member("sent_frames", self.counts.frames)
        writer.member("sent_messages", self.counts.messages)
        writer.member("sent_bytes", self.counts.bytes)
        writer.member("lag_frames", self.counts.lagFrames)
        writer.member("waiting_bytes", self.waitingBytes)
        writer.member("is_writable", self.isWritable)
        writer.member("round_trip_us", self.roundTrip.map { Int($0.nanoseconds / 1000) })
        writer.name("subscriptions")
        writer.beginArray()
        for subscription in self.subscriptions {
            Self.write(subscription, into: &writer)
        }
        writer.endArray()
        writer.endObject()
    }

    private static func write(_ subscription: Subscription, into writer: inout JSONWriter) {
        writer.beginObject()
        writer.member("scan_id", subscription.scanID.text)
        guard let home = subscription.home else {
            writer.member("cursor", Int(clamping: subscription.cursor.rawValue))
            writer.endObject()
            return
        }
        writer.member("cursor", Int(clamping: home.cursor.rawValue))
        writer.member("head", Int(clamping: home.head.rawValue))
        writer.member("place", home.place.rawValue)
        writer.member("rate", home.framesPerSecond)
        writer.member("pending", home.pendingCount)
        writer.member("conflated", home.conflatedCount)
        writer.member("filtered", home.filteredCount)
        writer.name("skipped")
        writer.beginObject()
        for reason in LagNotice.Reason.allCases {
            writer.member(reason.rawValue, home.skippedCounts[reason] ?? 0)
        }
        writer.endObject()
        writer.endObject()
    }
}

extension ConnectionReport {
    /// Adds the facts of the outbox, of the channel, and, if there is a relay to ask, of the scans' homes.
    func completed(
        outbox: Outbox?,
        channel: (any Channel)?,
        subscribers: [Subscriber],
        relay: Relay?,
        on eventLoop: any EventLoop
    ) -> EventLoopFuture<ConnectionReport> {
        var report = self
        report.counts = outbox?.counts ?? Outbox.Counts()
        report.isWritable = outbox?.isWritable ?? false
        report.waitingBytes = channel?.waitingBytes ?? 0
        report.subscriptions = subscribers.map { Subscription(scanID: $0.scanID, cursor: $0.cursor) }
        guard let relay else {
            return eventLoop.makeSucceededFuture(report)
        }
        let known = report
        return EventLoopFuture.whenAllSucceed(subscribers.map { relay.report(on: $0, on: eventLoop) }, on: eventLoop)
            .map { homes in
                var report = known
                for (index, home) in homes.enumerated() {
                    report.subscriptions[index].home = home
                }
                return report
            }
    }
}
