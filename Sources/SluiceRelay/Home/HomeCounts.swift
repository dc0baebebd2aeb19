internal import NIOCore
package import SluiceBase

/// What the scans of one home did and how they stand, for the metrics.
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
    /// How many messages each frame of live messages has, once for all of a group.
    package var batchSizes = Histogram(bounds: Histogram.countBounds)
    /// How long subscribers that lacked something read history until they had it, in seconds.
    package var catchUps = Histogram(bounds: Histogram.timeBounds)
    /// Bytes of frames that groups' compressors took, and what they made of them.
    package var deflateInputBytes = 0
    package var deflateOutputBytes = 0
    /// How many delivery groups there are, and what waits in them.
    package var groups = 0
    package var pendingMessages = 0
    package var pendingBytes = 0
    /// How many subscribers read history on their own.
    package var behindSubscribers = 0

    package init() {}

    /// A group made messages into one frame, or into one each.
    mutating func made(messageCount: Int, isBatched: Bool) {
        self.batchSizes.observe(isBatched ? Double(messageCount) : 1, times: isBatched ? 1 : messageCount)
    }

    /// A group's frames leave for the loops.
    mutating func handedOver(_ frames: OutgoingFrames) {
        self.framesMade += frames.frameCount
        self.deflateInputBytes += frames.deflateInputBytes
        self.deflateOutputBytes += frames.deflateOutputBytes
    }

    /// A subscriber has read history to its end, which it did since then.
    mutating func caughtUp(since: NIODeadline?, now: NIODeadline) {
        if let since {
            self.catchUps.observe(Double((now - since).nanoseconds) / 1_000_000_000)
        }
    }
}
