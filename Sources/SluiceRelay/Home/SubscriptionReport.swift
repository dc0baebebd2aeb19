/// How one subscription stands, for whoever asks why it did not get a message.
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
