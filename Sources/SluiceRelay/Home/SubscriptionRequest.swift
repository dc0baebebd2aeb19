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
