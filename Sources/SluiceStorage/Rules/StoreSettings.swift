package import NIOCore

/// Where and how a store keeps what it is handed.
package struct StoreSettings: Sendable, Equatable {
    /// The folder; made if it is not there.
    package var path: String
    /// Whether a promise is kept only after an fsync: a power cut then loses nothing that was promised.
    package var isSynced = false
    /// How long a message is kept.
    package var retentionAge = TimeAmount.hours(7 * 24)
    /// The most bytes that the messages may take, give or take a step of retention.
    package var retentionBytes = 1024 * 1024 * 1024
    /// The most bytes of messages that may wait to be written; with more, nothing is taken.
    package var maximumWaitingBytes = 64 * 1024 * 1024
    /// The most writes that may wait.
    package var maximumWaitingWrites = 100_000
    /// The most reads that may wait.
    package var maximumWaitingReads = 10_000
    /// How often a scan's folded state is written down while it changes.
    package var snapshotInterval = TimeAmount.seconds(10)
    /// How often a store that failed is tried again.
    package var retryInterval = TimeAmount.seconds(1)

    package init(path: String) {
        self.path = path
    }
}
