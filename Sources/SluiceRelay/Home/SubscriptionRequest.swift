package import NIOCore
package import SluiceBase

/// A request to subscribe to a scan.
///
/// Whether the subscriber is allowed to is decided earlier.
package struct SubscriptionRequest: Sendable {
    package var scanID: ScanID
    /// The last seq that the subscriber has; nil for live messages only.
    package var since: Seq?
    /// The life of the log that `since` belongs to; nil where the subscriber does not know it.
    package var epoch: String?
    package var filter: TypeFilter
    /// The frames a second it asks for; nil for the configured rate.
    package var framesPerSecond: Double?
    /// Whether messages may share a frame; nil for the configured framing.
    package var isBatched: Bool?
    package var form: WireForm
    /// How long to wait for a scan that does not exist yet.
    package var wait: TimeAmount?
    /// The request's `id`, a JSON text, repeated in the answer.
    package var requestID: String?

    package init(scanID: ScanID, form: WireForm) {
        self.scanID = scanID
        self.filter = .everything
        self.form = form
    }
}

/// The state of one subscription: why it did, or did not, get a message.
package struct SubscriptionReport: Sendable, Equatable {
    /// The position of a subscription relative to its delivery group.
    package enum Place: String, Sendable {
        case inStep = "in_step"
        case ahead
        case behind
    }

    package var place: Place
    /// Everything through this seq was sent to it, superseded, filtered or announced as lost.
    package var cursor: Seq
    /// The scan's newest seq.
    package var head: Seq
    /// The most frames a second that it gets; 0 is without limit.
    package var framesPerSecond: Double
    package var conflatedCount: Int
    package var filteredCount: Int
    /// The messages it lost, by the reason that its lag frames gave.
    package var skippedCounts: [LagNotice.Reason: Int]
    /// The messages that wait in its group.
    package var pendingCount: Int
}
