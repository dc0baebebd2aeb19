import DequeModule

/// The append-only log of one scan: what every subscriber, whatever its pace, reads from.
///
/// It keeps three things, merged by seq when read: the newest ordinary messages within the retention, every
/// critical one, and of each conflated type and key the newest. So progress never pushes findings out, and a late
/// joiner gets state and findings in one ordered read. Plain data: no clock, no channel, no lock.
package struct ScanLog: Sendable {
    /// The most distinct types counted one by one; the rest count as `TypeCounts.other`.
    static let maximumCountedTypes = 1000
    /// The name under which types beyond the limit are counted.
    static let otherTypes = "(other)"

    /// Which life of the log this is.
    package let epoch: String
    /// The newest message's number, 0 before the first.
    package private(set) var head: Seq
    /// How many messages of each type were posted.
    package private(set) var counts: [String: Int] = [:]
    /// Bytes of all messages kept.
    package private(set) var retainedBytes = 0

    /// How much is kept; less of it holds from the next message on.
    package var history: RelayConfiguration.History
    private(set) var ordinary: Deque<LogEntry> = []
    private var ordinaryBytes = 0
    private(set) var critical: [LogEntry] = []
    /// The newest message of each conflation key, in the order of their seqs.
    private(set) var state: Deque<LogEntry> = []
    private var stateBytes = 0
    private var stateSeqs: [ConflationKey: Seq] = [:]
    private(set) var index = TypeIndex()
    /// The newest seq that retention evicted; everything countable at or before it is gone.
    private(set) var evictedThrough: Seq = 0

    /// An empty log.
    package init(epoch: String, history: RelayConfiguration.History) {
        self.epoch = epoch
        self.head = 0
        self.history = history
    }

    /// Numbers a message and keeps it.
    package mutating func append(_ message: Message) -> LogEntry {
        self.head += 1
        let entry = LogEntry(seq: self.head, message: message)
        self.index.append(type: message.type, fate: message.fate)
        self.count(message.type)
        self.retainedBytes += message.byteCount
        switch message.fate {
        case .critical:
            self.critical.append(entry)
        case .ordinary:
            self.keepOrdinary(entry)
        case .conflated:
            self.keepState(entry)
        }
        return entry
    }

    /// The newest message of each conflated type and key, oldest first.
    package var latest: [LogEntry] {
        Array(self.state)
    }

    private mutating func keepOrdinary(_ entry: LogEntry) {
        self.ordinary.append(entry)
        self.ordinaryBytes += entry.message.byteCount
        while self.ordinary.count > self.history.messageCount || self.ordinaryBytes > self.history.bytes {
            guard let evicted = self.ordinary.popFirst() else {
                break
            }
            self.ordinaryBytes -= evicted.message.byteCount
            self.retainedBytes -= evicted.message.byteCount
            self.evictedThrough = max(self.evictedThrough, evicted.seq)
        }
    }

    private mutating func keepState(_ entry: LogEntry) {
        guard let key = entry.message.conflationKey else {
            preconditionFailure("a conflated message always has a key")
        }
        if let superseded = self.stateSeqs.updateValue(entry.seq, forKey: key) {
            let place = self.state.firstIndex(after: superseded - 1)
            self.retainedBytes -= self.state[place].message.byteCount
            self.stateBytes -= self.state[place].message.byteCount
            self.state.remove(at: place)
        }
        self.state.append(entry)
        self.stateBytes += entry.message.byteCount
        self.evictState()
    }

    /// Keys are the producer's to choose, so what they hold has limits of its own; the newest always stays.
    private mutating func evictState() {
        while self.state.count > max(self.history.messageCount, 1)
            || (self.state.count > 1 && self.stateBytes > self.history.bytes),
            let oldest = self.state.popFirst()
        {
            self.stateBytes -= oldest.message.byteCount
            self.retainedBytes -= oldest.message.byteCount
            if let key = oldest.message.conflationKey {
                self.stateSeqs[key] = nil
            }
            self.index.markLost(oldest.seq)
            self.evictedThrough = max(self.evictedThrough, oldest.seq)
        }
    }

    private mutating func count(_ type: String) {
        if self.counts[type] != nil || self.counts.count < Self.maximumCountedTypes {
            self.counts[type, default: 0] += 1
        } else {
            self.counts[Self.otherTypes, default: 0] += 1
        }
    }
}

extension RandomAccessCollection where Element == LogEntry, Index == Int {
    /// The index of the first entry whose seq is greater, found by halving.
    func firstIndex(after seq: Seq) -> Int {
        var low = self.startIndex
        var high = self.endIndex
        while low < high {
            let middle = low + (high - low) / 2
            if self[middle].seq > seq {
                high = middle
            } else {
                low = middle + 1
            }
        }
        return low
    }
}
