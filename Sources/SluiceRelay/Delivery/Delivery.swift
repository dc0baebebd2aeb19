/// One item that goes out to the members of a group, or to one subscriber, in order.
package enum Delivery: Sendable {
    /// One frame, or one message a frame where batches are off.
    case messages(ArraySlice<LogEntry>)
    /// A notice of loss, in its place.
    case lag(LagNotice)
}

/// The notice to a subscriber that lost messages.
package struct LagNotice: Sendable, Equatable {
    /// Why messages were lost.
    package enum Reason: String, Sendable, CaseIterable {
        /// Its socket did not drain, and history went on without it.
        case slowClient = "slow_client"
        /// More was posted than its frame budget carries.
        case overflow
        /// The messages that it asked for are no longer kept.
        case historyEvicted = "history_evicted"
    }

    /// How many messages it lost.
    package var skippedCount: Int
    /// Its last seq before the gap.
    package var since: Seq
    /// Why.
    package var reason: Reason

    package init(skippedCount: Int, since: Seq, reason: Reason) {
        self.skippedCount = skippedCount
        self.since = since
        self.reason = reason
    }
}

/// How a subscriber wants its messages.
///
/// Those with equal terms and equal wire form share a delivery group.
package struct DeliveryTerms: Hashable, Sendable {
    /// Which types.
    package var filter: TypeFilter
    /// The most frames in any second; 0 for no limit.
    package var framesPerSecond: Double
    /// Whether several messages may share a frame.
    package var isBatched: Bool

    package init(filter: TypeFilter, framesPerSecond: Double, isBatched: Bool) {
        self.filter = filter
        self.framesPerSecond = framesPerSecond
        self.isBatched = isBatched
    }
}
