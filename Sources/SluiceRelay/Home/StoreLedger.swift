import NIOCore

/// How much of one scan the store has.
///
/// Loop-confined, like the scan. Memory gives up nothing that the store has not got, so what a failing store did not
/// take is handed over once more as soon as it works again: messages under their first numbers, and with them the
/// answers of the requests that brought them and the deliveries that tell of them.
final class StoreLedger {
    /// The most deliveries that wait for what caused them to be stored; of more the oldest are dropped.
    private static let maximumDeliveryCount = 64

    let store: any ScanStore
    let life: Int64
    /// Everything through this seq was handed over, and not refused.
    private var handedThrough: Seq
    /// Everything through this seq is durable.
    private(set) var storedThrough: Seq
    /// What was last handed over besides messages.
    private var handedHeader: StoredHeader?
    /// Answers that go with messages which the store did not take.
    private var untakenAnswers: [StoredAnswer] = []
    /// Deliveries that go with what is handed over next.
    private(set) var deliveries: [HookDelivery] = []
    /// Whether the channel is gone, so that nothing comes after what is handed over.
    private(set) var isRemoved = false

    /// The ledger of a new log.
    init(store: any ScanStore, life: Int64) {
        self.store = store
        self.life = life
        self.handedThrough = 0
        self.storedThrough = 0
    }

    /// The ledger of a log that was read from the store.
    init(store: any ScanStore, resuming scan: StoredScan) {
        self.store = store
        self.life = scan.life
        self.handedThrough = scan.head
        self.storedThrough = scan.head
        self.handedHeader = scan.header
    }

    /// Messages up to this number are about to be shown.
    func numbered(through head: Seq) {
        // Frames leave at the end of the loop turn at the earliest, and other loops hear of them after this.
        self.store.numbered(self.life, through: head)
    }

    /// Others are to be told of what is handed over next.
    ///
    /// Returns the deliveries that there is no room for.
    func tell(_ deliveries: [HookDelivery]) -> [HookDelivery] {
        self.deliveries += deliveries
        let surplus = self.deliveries.prefix(max(0, self.deliveries.count - Self.maximumDeliveryCount))
        self.deliveries.removeFirst(surplus.count)
        return Array(surplus)
    }

    /// What was to be told is erased.
    func takeDeliveries() -> [HookDelivery] {
        defer { self.deliveries = [] }
        return self.deliveries
    }

    /// The scan's channel is gone: the store hears of it with everything that is handed over from now on.
    func removed() {
        self.isRemoved = true
    }

    /// What the store is to be handed now; whatever becomes of it is to be told by ``settled(_:isStored:)``.
    func makeWrite(
        of log: inout ScanLog,
        header: StoredHeader,
        answer: StoredAnswer?,
        isHeard: Bool
    ) -> StoreWrite {
        var header = header
        header.isRemoved = self.isRemoved
        var write = StoreWrite(life: self.life, from: self.handedThrough, head: log.head)
        write.isHeard = isHeard
        write.answers = self.untakenAnswers + [answer].compactMap { $0 }
        self.untakenAnswers = []
        write.deliveries = self.takeDeliveries()
        if self.handedThrough < log.head || self.handedHeader == nil {
            write.fold = log.fold.stored
        }
        if self.handedThrough < log.head {
            write.entries = log.page(after: self.handedThrough, maximumCount: .max).entries
            write.counts = log.counts(of: write.entries).map { StoreWrite.Count(type: $0.key, count: $0.value) }
        }
        if self.handedHeader != header {
            write.header = header
            self.handedHeader = header
        }
        self.handedThrough = log.head
        return write
    }

    /// Records that a write is durable, or was refused.
    func settled(_ write: StoreWrite, isStored: Bool) {
        if !isStored {
            self.handedThrough = min(self.handedThrough, write.from)
            self.handedHeader = nil
            // One answer per key, the newest: a request that is repeated meanwhile brings its answer again.
            let keys = Set(write.answers.map(\.request.key))
            self.untakenAnswers = self.untakenAnswers.filter { !keys.contains($0.request.key) } + write.answers
            self.untakenAnswers = self.untakenAnswers.suffix(IdempotencyBook.maximumRestoredCount)
            self.deliveries = write.deliveries + self.deliveries
        } else if write.from <= self.storedThrough {
            self.storedThrough = max(self.storedThrough, write.head)
        }
    }
}
