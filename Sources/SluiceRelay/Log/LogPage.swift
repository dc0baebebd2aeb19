/// The result of one read of the log, in order.
package struct LogPage: Sendable {
    /// A message, or the place where some are gone.
    package enum Item: Sendable {
        /// A retained message.
        case entry(LogEntry)
        /// This many messages after `since` were evicted.
        case missed(count: Int, since: Seq)
    }

    /// The messages and gaps read, in the order of the log.
    package var items: [Item] = []
    /// The reader's next cursor: everything up to it is in `items`, superseded, filtered or announced as missed.
    package var through: Seq
    /// Whether the read came to the end that was asked for.
    package var isComplete: Bool

    package init(through: Seq, isComplete: Bool) {
        self.through = through
        self.isComplete = isComplete
    }

    /// The messages alone.
    package var entries: [LogEntry] {
        self.items.compactMap { item in
            if case .entry(let entry) = item { entry } else { nil }
        }
    }

    /// The bytes of its messages.
    package var byteCount: Int {
        self.items.reduce(into: 0) { total, item in
            if case .entry(let entry) = item { total += entry.message.byteCount }
        }
    }

    /// How many messages the gaps of this page hold.
    package var missedCount: Int {
        self.items.reduce(into: 0) { total, item in
            if case .missed(let count, _) = item { total += count }
        }
    }
}
