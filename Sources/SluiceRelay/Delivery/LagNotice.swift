/// What a subscriber is told when it lost messages.
package struct LagNotice: Sendable, Equatable {
    /// Why messages were lost.
    package enum Reason: String, Sendable, CaseIterable {
        /// Its socket did not drain, and history went on without it.
        case slowClient = "slow_client"
        /// More was posted than its frame budget carries.
        case overflow
        /// What it asked for is no longer kept.
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
