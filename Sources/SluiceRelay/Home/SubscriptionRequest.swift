package import NIOCore
package import SluiceBase

/// What a subscriber asks of a scan.
///
/// Who may is decided before.
package struct SubscriptionRequest: Sendable {
    package var scanID: ScanID
    /// The last seq that the subscriber has; nil for live messages only.
    package var since: Seq?
    /// The life of the log that `since` is of; nil where it does not know.
    package var epoch: String?
    package var filter: TypeFilter
    /// Frames a second that it asks for; nil for what is configured.
    package var framesPerSecond: Double?
    /// Whether messages may share a frame; nil for what is configured.
    package var isBatched: Bool?
    package var form: WireForm
    /// How long to wait for a scan that does not exist yet.
    package var wait: TimeAmount?
    /// The request's `id`, a JSON text, to come back in the answer.
    package var requestID: String?

    package init(scanID: ScanID, form: WireForm) {
        self.scanID = scanID
        self.filter = .everything
        self.form = form
    }
}

/// How one subscription stands: why it did, or did not, get a message.
package struct SubscriptionReport: Sendable, Equatable {
    /// Where a subscription stands against its delivery group.
    package enum Place: String, Sendable {
        case inStep = "in_step"
        case ahead
        case behind
    }

    package var place: Place
    /// Everything through this seq was sent to it, superseded, filtered or announced as lost.
    package var cursor: Seq
    /// The scan's newest message.
    package var head: Seq
    /// Frames a second that it gets at most; 0 is without limit.
    package var framesPerSecond: Double
    package var conflatedCount: Int
    package var filteredCount: Int
    /// What it lost, by the reasons that its lag frames gave.
    package var skippedCounts: [LagNotice.Reason: Int]
    /// Messages that wait in its group.
    package var pendingCount: Int
}
