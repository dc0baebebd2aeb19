import NIOCore
import SluiceAdmission
import SluiceBase
import Synchronization

@testable import SluiceRelay

/// The protocol in its simplest form: everything in dictionaries, every promise kept at once.
final class MemoryStore: ScanStore, RevocationStore {
    private struct Log {
        var header: StoredHeader
        var head: Seq
        var entries: [Seq: LogEntry] = [:]
        var counts: [String: Int] = [:]
        var answers: [StoredAnswer] = []
        var fold: [UInt8]?
    }

    private struct State {
        var logs: [Int64: Log] = [:]
        var revocations: [KeptRevocation] = []
        var nextLife: Int64 = 1
        var numbered: [Int64: Seq] = [:]
        var isClosed = false
    }

    private let state = Mutex(State())

    var isAvailable: Bool { self.state.withLock { !$0.isClosed } }

    var status: StoreStatus { StoreStatus() }

    func restore() -> [StoredScan] {
        self.state.withLock { state in
            state.isClosed = false
            return state.logs.filter { !$0.value.header.isRemoved }
                .map { life, log in
                    var scan = Self.scan(life, log)
                    scan.head = max(scan.head, state.numbered[life] ?? 0)
                    return scan
                }
        }
    }

    var maximumSeq: Seq { .max }

    func makeLife() -> Int64? {
        self.state.withLock { state in
            defer { state.nextLife += 1 }
            return state.nextLife
        }
    }

    func numbered(_ life: Int64, through head: Seq) {
        self.state.withLock { $0.numbered[life] = head }
    }

    func lostThrough(_ life: Int64) -> Seq { 0 }

    func write(_ write: StoreWrite, promise: EventLoopPromise<Void>?) {
        let isTaken = self.state.withLock { state in
            guard !state.isClosed, let header = write.header ?? state.logs[write.life]?.header else {
                return false
            }
            var log = state.logs[write.life] ?? Log(header: header, head: 0)
            log.header = header
            log.head = max(log.head, write.head)
            for entry in write.entries {
                if let key = entry.message.conflationKey {
                    log.entries = log.entries.filter { $0.value.message.conflationKey != key }
                }
                log.entries[entry.seq] = entry
            }
            for count in write.counts {
                log.counts[count.type] = count.count
            }
            log.answers += write.answers
            log.fold = write.fold ?? log.fold
            state.logs[write.life] = log
            return true
        }
        isTaken ? promise?.succeed() : promise?.fail(RelayRefusal.storageUnavailable)
    }

    var keptRevocations: [KeptRevocation] { self.state.withLock { $0.revocations } }

    func keep(_ revocation: KeptRevocation, _ done: @escaping @Sendable ((any Error)?) -> Void) {
        self.state.withLock { state in
            switch revocation.revocation {
            case .tokenID:
                state.revocations.append(revocation)
            case .subject(let subject, let issuedBefore):
                var widest = (issuedBefore, revocation.keptUntil)
                state.revocations.removeAll { kept in
                    guard case .subject(subject, let known) = kept.revocation else {
                        return false
                    }
                    widest = (max(widest.0, known), max(widest.1, kept.keptUntil))
                    return true
                }
                state.revocations.append(
                    KeptRevocation(.subject(subject, issuedBefore: widest.0), keptUntil: widest.1)
                )
            }
        }
        done(nil)
    }

    func erase(_ id: ScanID, promise: EventLoopPromise<Bool>) {
        let count = self.state.withLock { state in
            let lives = state.logs.filter { $0.value.header.id == id }.keys
            for life in lives {
                state.logs[life] = nil
            }
            return lives.count
        }
        promise.succeed(count > 0)
    }

    func load(_ life: Int64, history: RelayConfiguration.History, promise: EventLoopPromise<StoredLog>) {
        let log = self.state.withLock { $0.logs[life] }
        guard let log else {
            promise.fail(RelayRefusal.scanNotFound)
            return
        }
        let entries = log.entries.values.sorted { $0.seq < $1.seq }
        let tail = entries.suffix(history.messageCount)
        let evictedThrough = tail.count < entries.count ? (tail.first?.seq ?? 1).previous : 0
        let kept = entries.dropLast(tail.count).filter { $0.message.fate != .ordinary }
        promise.succeed(
            StoredLog(
                tail: StoredTail(entries: kept + tail, evictedThrough: evictedThrough, counts: log.counts),
                answers: log.answers
            )
        )
    }

    func read(_ request: StoredPageRequest, promise: EventLoopPromise<StoredPage>) {
        guard let entries = self.state.withLock({ $0.logs[request.life]?.entries.values.map { $0 } }) else {
            promise.fail(RelayRefusal.scanNotFound)
            return
        }
        let stretch = request.stretch
        var page = StoredPage(entries: [], through: stretch.start, lostThrough: 0)
        var bytes = 0
        let isAscending = stretch.order == .ascending
        for entry in entries.sorted(by: { isAscending ? $0.seq < $1.seq : $0.seq > $1.seq })
        where entry.seq > stretch.after && entry.seq <= stretch.through {
            guard page.entries.count < request.maximumCount, bytes < request.maximumBytes else {
                promise.succeed(page)
                return
            }
            page.through = isAscending ? entry.seq : entry.seq.previous
            if request.selection.passes(entry.message) {
                page.entries.append(entry)
                bytes += entry.message.byteCount
            }
        }
        page.through = stretch.end
        promise.succeed(page)
    }

    func find(_ id: ScanID, promise: EventLoopPromise<StoredScan?>) {
        let found = self.state.withLock { state in
            state.logs.filter { $0.value.header.id == id }.max { $0.key < $1.key }.map { Self.scan($0.key, $0.value) }
        }
        promise.succeed(found)
    }

    func close() {
        self.state.withLock { $0.isClosed = true }
    }

    private static func scan(_ life: Int64, _ log: Log) -> StoredScan {
        var scan = StoredScan(
            life: life,
            header: log.header,
            head: log.head,
            ages: StoredAges(
                sinceCreated: .zero,
                sinceHeard: .zero,
                sinceCompleted: log.header.isCompleted ? .zero : nil
            )
        )
        scan.fold = log.fold.flatMap { ScanFold(stored: $0) } ?? ScanFold()
        scan.fold.restore(counts: log.counts)
        return scan
    }
}
