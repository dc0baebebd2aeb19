internal import NIOCore
package import SluiceBase

/// Counters and gauges of one home's scans, for the metrics.
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
    /// How often a message was shown to a group, and how often a group was polled: the cost of delivery.
    package var shownMessages = 0
    package var polledGroups = 0
    /// Pages of catch-up that were encoded rather than shared.
    package var encodedPages = 0
    /// Pages of catch-up that were requested from the store.
    package var storedPages = 0
    /// Messages in each frame of live messages, counted once for a whole group.
    package var batchSizes = Histogram(bounds: Histogram.countBounds)
    /// How long subscribers that lacked messages took to read history to its end, in seconds.
    package var catchUps = Histogram(bounds: Histogram.timeBounds)
    /// Bytes that the groups' compressors were given, and bytes they produced.
    package var deflateInputBytes = 0
    package var deflateOutputBytes = 0
    /// The number of delivery groups, and the messages and bytes that wait in them.
    package var groups = 0
    package var pendingMessages = 0
    package var pendingBytes = 0
    /// Subscribers that read history on their own.
    package var behindSubscribers = 0

    package init() {}

    /// Counts the messages that a group put into one frame, or into one frame each.
    mutating func made(messageCount: Int, isBatched: Bool) {
        self.batchSizes.observe(isBatched ? Double(messageCount) : 1, times: isBatched ? 1 : messageCount)
    }

    /// Counts the frames of a group that are handed to the loops.
    mutating func handedOver(_ frames: OutgoingFrames) {
        self.framesMade += frames.frameCount
        self.deflateInputBytes += frames.deflateInputBytes
        self.deflateOutputBytes += frames.deflateOutputBytes
    }

    /// Counts a subscriber that has caught up; `since` is when it fell behind.
    mutating func caughtUp(since: NIODeadline?, now: NIODeadline) {
        if let since {
            self.catchUps.observe(Double((now - since).nanoseconds) / 1_000_000_000)
        }
    }
}
