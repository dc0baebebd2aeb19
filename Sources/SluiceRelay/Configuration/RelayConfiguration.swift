package import NIOCore

/// The operator's settings for the relay.
///
/// Defaults are the product's.
package struct RelayConfiguration: Sendable, Equatable {
    /// How messages are packed into frames, unless a subscriber asks otherwise.
    package enum Framing: String, Sendable, CaseIterable {
        /// Several messages share a frame of type `batch`.
        case batch
        /// One message a frame, for clients that know no batches.
        case plain
    }

    /// The limits of each scan's history in memory.
    package struct History: Sendable, Equatable {
        /// The most ordinary messages kept, and the most keys of conflated ones.
        package var messageCount = 1000
        /// The most bytes of ordinary messages kept, and of state.
        package var bytes = 4 * 1024 * 1024
        /// The most bytes of critical messages kept; the newest always stays.
        package var criticalBytes = 4 * 1024 * 1024

        package init() {}
    }

    /// When a subscriber that keeps losing messages is slowed.
    package struct Adaptive: Sendable, Equatable {
        /// More lag frames than this within `window` halve the subscriber's rate.
        package var lagCount = 3
        /// The time over which lag frames are counted, and after which, without one, the rate doubles again.
        package var window = TimeAmount.minutes(1)
        /// The least rate, in frames a second.
        package var minimumRate = 1.0

        package init() {}
    }

    /// The longest that an ordinary message waits for company while there is budget.
    package var batchInterval = TimeAmount.milliseconds(100)
    /// The most messages in one frame.
    package var maximumBatchCount = 50
    /// The most frames of a scan that a subscriber gets in any second; 0 for no limit.
    package var maximumFramesPerSecond = 10.0
    /// The most messages that wait for the budget of one delivery group.
    package var maximumPendingCount = 1000
    /// The most bytes of messages that wait for it.
    package var maximumPendingBytes = 4 * 1024 * 1024
    /// The most bytes of messages in one frame of several: under the 1 MiB that common clients accept, and small enough
    /// that a socket that drains has room for it.
    package var maximumFrameBytes = 512 * 1024
    /// How messages are packed unless a subscriber asks otherwise.
    package var framing = Framing.batch
    /// Types that are never dropped, throttled or held by a batch.
    package var critical: Set<String> = ["scanStarted", "phaseStarted", "scanCompleted", "error"]
    /// Types that complete a scan.
    package var terminal: Set<String> = ["scanCompleted", "error"]
    /// Types that are state: of those pending only the newest of each type and value of the named fields is kept.
    package var conflate: [String: [String]] = ["scanProgress": ["phase"], "progress": [], "stats": []]
    /// The limits of each scan's history in memory.
    package var history = History()
    /// How long a completed scan's channel stays.
    package var cleanupDelay = TimeAmount.minutes(5)
    /// How long a scan without any message stays.
    package var idleTimeout = TimeAmount.hours(1)
    /// How long a running scan may be silent before its subscribers are told.
    package var stallAfter = TimeAmount.seconds(60)
    /// When a subscriber that keeps losing messages is slowed.
    package var adaptive = Adaptive()
    /// The most scans held at once.
    package var maximumScanCount = 10_000
    /// The most answers remembered for requests that may be repeated, of all scans; the oldest go early.
    package var maximumIdempotencyKeyCount = 100_000

    package init() {}
}
