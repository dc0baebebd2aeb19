/// What the scans of one home did, for the metrics.
package struct HomeCounts: Sendable, Equatable {
    package var acceptedMessages = 0
    package var acceptedBytes = 0
    package var conflatedMessages = 0
    package var filteredMessages = 0
    package var skippedMessages = 0
    package var framesMade = 0
    package var lagFrames: [LagNotice.Reason: Int] = [:]
    package var replayedMessages = 0
    package var rateChanges = 0
    package var removedScans = 0
    /// How often a message was shown to a group, and a group was woken: what the work grows with.
    package var shownMessages = 0
    package var polledGroups = 0
    /// How many pages of catch-up were encoded; others were shared.
    package var encodedPages = 0
    /// How many pages of catch-up were asked of the store.
    package var storedPages = 0

    package init() {}
}
