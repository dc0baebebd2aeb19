/// What a store gives of a log for memory to go on with.
package struct StoredTail: Sendable {
    /// The newest messages, every critical one, and of each conflated type and key the newest, by seq.
    package var entries: [LogEntry]
    /// Every ordinary message after this seq is in `entries`.
    package var evictedThrough: Seq
    /// How many messages of each type were posted.
    package var counts: [String: Int]

    package init(entries: [LogEntry], evictedThrough: Seq, counts: [String: Int]) {
        self.entries = entries
        self.evictedThrough = evictedThrough
        self.counts = counts
    }
}
