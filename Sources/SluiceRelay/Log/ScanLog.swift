import DequeModule
package import SluiceBase

/// The append-only log of one scan, from which every subscriber reads at its own pace.
///
/// It keeps three things, merged by seq when read: the newest ordinary messages, the critical ones, and of each
/// conflated type and key the newest, each within bounds of its own. So progress never pushes findings out, and a late
/// joiner gets state and findings in one ordered read. Plain data: no clock, no channel, no lock.
package struct ScanLog: Sendable {
    /// Which life of the log this is.
    package let epoch: String
    /// The newest message's number, 0 before the first.
    package private(set) var head: Seq
    /// The facts folded from all messages, including evicted ones.
    package private(set) var fold: ScanFold
    /// How many messages of each type were posted.
    package var counts: [String: Int] { self.fold.counts }
    /// Bytes of all messages kept.
    package private(set) var retainedBytes = 0

    /// How much is kept; less of it holds from the next message on.
    package var history: RelayConfiguration.History
    private(set) var ordinary: Deque<LogEntry> = []
    private var ordinaryBytes = 0
    private(set) var critical: Deque<LogEntry> = []
    private var criticalBytes = 0
    /// The newest message of each conflation key, in the order of their seqs.
    private(set) var state: Deque<LogEntry> = []
    private var stateBytes = 0
    private var stateSeqs: [ConflationKey: Seq] = [:]
    private(set) var index: TypeIndex
    /// The newest seq that retention evicted; everything countable at or before it is gone from memory.
    package private(set) var evictedThrough: Seq = 0
    /// The last seq that may be evicted: messages after it are not in the store yet, so memory keeps them whatever
    /// retention says.
    private var evictableThrough: Seq

    /// An empty log.
    ///
    /// - Parameters:
    ///   - epoch: The epoch of this life of the log.
    ///   - history: The limits of the messages kept in memory.
    ///   - head: The number before its first message's; earlier messages are gone.
    ///   - startedAt: When the scan was first heard of; nil if its first message says it.
    ///   - isStored: Whether a store takes appended messages; then nothing is evicted that ``stored(through:)`` has not
    ///     named.
    package init(
        epoch: String,
        history: RelayConfiguration.History,
        after head: Seq = 0,
        startedAt: WallTime? = nil,
        isStored: Bool = false
    ) {
        self.epoch = epoch
        self.fold = ScanFold(startedAt: startedAt)
        self.head = head
        self.history = history
        self.index = TypeIndex(first: head.next)
        self.evictedThrough = head
        self.evictableThrough = isStored ? head : .max
    }

    /// A log that continues where a stored one ended.
    ///
    /// - Parameters:
    ///   - tail: The part that the store gave.
    ///   - fold: The facts folded from all its messages, except their counts.
    ///   - epoch: The epoch of this life of the log.
    ///   - head: The newest message's number.
    ///   - history: The limits of the messages kept in memory.
    ///   - isStored: Whether a store takes appended messages; then nothing is evicted that ``stored(through:)`` has not
    ///     named.
    package init(
        resuming tail: StoredTail,
        fold: ScanFold = ScanFold(),
        epoch: String,
        head: Seq,
        history: RelayConfiguration.History,
        isStored: Bool = true
    ) {
        self.epoch = epoch
        self.head = head
        self.history = history
        self.index = TypeIndex(first: head.next)
        self.evictableThrough = isStored ? head : .max
        self.fold = fold
        self.fold.restore(counts: tail.counts)
        self.evictedThrough = tail.evictedThrough
        for entry in tail.entries {
            self.keep(entry)
        }
    }

    /// Keeps a message, which has the number after the head.
    package mutating func append(_ entry: LogEntry) {
        precondition(entry.seq == self.head.next, "messages are numbered in one run")
        self.head = entry.seq
        self.index.append(type: entry.message.type, fate: entry.message.fate)
        self.fold.note(entry.message, at: entry.at)
        self.keep(entry)
    }

    /// The store has everything through this seq; messages that retention would have evicted go now.
    package mutating func stored(through seq: Seq) {
        self.evictableThrough = max(self.evictableThrough, seq)
        self.evictCritical()
        self.evictOrdinary()
        self.evictState()
    }

    /// Where the newest message of a conflation key stands; nil where memory has none.
    func newestSeq(of key: ConflationKey) -> Seq? {
        self.stateSeqs[key]
    }

    private mutating func keep(_ entry: LogEntry) {
        self.retainedBytes += entry.message.byteCount
        switch entry.message.fate {
        case .critical:
            self.critical.append(entry)
            self.criticalBytes += entry.message.byteCount
            self.evictCritical()
        case .ordinary:
            self.keepOrdinary(entry)
        case .conflated:
            self.keepState(entry)
        }
    }

    /// The newest message of each conflated type and key, oldest first.
    package var latest: [LogEntry] {
        Array(self.state)
    }

    private mutating func keepOrdinary(_ entry: LogEntry) {
        self.ordinary.append(entry)
        self.ordinaryBytes += entry.message.byteCount
        self.evictOrdinary()
    }

    /// The newest always stays.
    private mutating func evictCritical() {
        while self.criticalBytes > self.history.criticalBytes, self.critical.count > 1,
            let first = self.critical.first, first.seq <= self.evictableThrough, let oldest = self.critical.popFirst()
        {
            self.criticalBytes -= oldest.message.byteCount
            self.retainedBytes -= oldest.message.byteCount
            self.index.markLost(oldest.seq)
            self.evictedThrough = max(self.evictedThrough, oldest.seq)
        }
    }

    private mutating func evictOrdinary() {
        while self.ordinary.count > self.history.messageCount || self.ordinaryBytes > self.history.bytes {
            guard let oldest = self.ordinary.first, oldest.seq <= self.evictableThrough,
                let evicted = self.ordinary.popFirst()
            else {
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
            let place = self.state.firstIndex(after: superseded.previous)
            self.retainedBytes -= self.state[place].message.byteCount
            self.stateBytes -= self.state[place].message.byteCount
            self.state.remove(at: place)
        }
        self.state.append(entry)
        self.stateBytes += entry.message.byteCount
        self.evictState()
    }

    /// The producer chooses the keys, so their state has limits of its own; the newest always stays.
    private mutating func evictState() {
        while self.state.count > max(self.history.messageCount, 1)
            || (self.state.count > 1 && self.stateBytes > self.history.bytes),
            let first = self.state.first, first.seq <= self.evictableThrough, let oldest = self.state.popFirst()
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
