internal import NIOCore
internal import SluiceBase
internal import SluiceRelay

extension ScanSummary {
    /// Writes the members that the statistics and a scan's state have in common.
    func writeMembers(into writer: inout JSONWriter) {
        writer.member("scan_id", self.id.text)
        writer.member("message_count", self.messageCount)
        writer.member("elapsed_time", self.elapsed.roundedSeconds)
        writer.member("is_completed", self.isCompleted)
        writer.member("is_stalled", self.isStalled)
        writer.member("outcome", self.outcome.rawValue)
        writer.member("error", self.error)
        writer.member("owner", self.owner)
        writer.member("name", self.name)
        writer.member("phase", self.fold.phase)
        writer.member("percent", self.fold.percent)
        writer.member("started_at", self.fold.startedAt.map { Int(clamping: $0.milliseconds) })
        writer.member("last_message_at", self.fold.lastMessageAt.map { Int(clamping: $0.milliseconds) })
        Self.write("counts", self.fold.counts, into: &writer)
        Self.write("severities", self.fold.severities, into: &writer)
        writer.member("subscribers", self.subscriberCount)
    }

    private static func write(_ name: String, _ counts: [String: Int], into writer: inout JSONWriter) {
        writer.name(name)
        writer.beginObject()
        for (key, count) in counts.sorted(by: { $0.key < $1.key }) {
            writer.member(key, count)
        }
        writer.endObject()
    }
}

extension TimeAmount {
    /// The length in seconds, to the millisecond.
    var roundedSeconds: Double {
        (Double(self.nanoseconds) / 1_000_000).rounded() / 1000
    }
}
