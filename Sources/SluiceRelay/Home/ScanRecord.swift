import NIOCore

/// How much of one scan the store has.
///
/// Loop-confined, like the scan. Memory gives up nothing that the store has not got, so what a failing store did not
/// take is handed over once more as soon as it works again.
final class ScanRecord {
    let store: any ScanStore
    let life: Int64
    /// Everything through this seq was handed over, and not refused.
    private var handedThrough: Seq
    /// Everything through this seq is durable.
    private(set) var storedThrough: Seq
    /// What was last handed over besides messages.
    private var handedHeader: StoredHeader?

    /// The record of a new log.
    init(store: any ScanStore) {
        self.store = store
        self.life = store.makeLife()
        self.handedThrough = 0
        self.storedThrough = 0
    }

    /// The record of a log that the store gave back.
    init(store: any ScanStore, resuming scan: StoredScan) {
        self.store = store
        self.life = scan.life
        self.handedThrough = scan.head
        self.storedThrough = scan.head
        self.handedHeader = scan.header
    }

    /// What the store is to be handed now; whatever becomes of it is to be told by ``settled(_:from:isStored:)``.
    func makeWrite(of log: inout ScanLog, header: StoredHeader, isHeard: Bool) -> StoreWrite {
        var write = StoreWrite(life: self.life, from: self.handedThrough, head: log.head)
        write.isHeard = isHeard
        if self.handedThrough < log.head {
            write.entries = log.page(after: self.handedThrough, maximumCount: .max).entries
            write.superseded = log.takeSuperseded()
            write.counts = log.counts(of: write.entries).map { StoreWrite.Count(type: $0.key, count: $0.value) }
        }
        if self.handedHeader != header {
            write.header = header
            self.handedHeader = header
        }
        self.handedThrough = log.head
        return write
    }

    /// A write is durable, or was refused.
    func settled(_ head: Seq, from: Seq, isStored: Bool) {
        if !isStored {
            self.handedThrough = min(self.handedThrough, from)
            self.handedHeader = nil
        } else if from <= self.storedThrough {
            self.storedThrough = max(self.storedThrough, head)
        }
    }
}
