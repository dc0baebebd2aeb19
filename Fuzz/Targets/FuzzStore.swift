import NIOCore
import SluiceBase

@testable import SluiceRelay

/// A store that once had a log and has nothing of it any more but where it ended.
struct FuzzStore: ScanStore {
    let scan: StoredScan

    var isAvailable: Bool { true }
    var status: StoreStatus { StoreStatus() }

    func restore() -> [StoredScan] { [self.scan] }

    var maximumSeq: Seq { .max }

    func makeLife() -> Int64? { self.scan.life + 1 }

    func numbered(_ life: Int64, through head: Seq) {}

    func lostThrough(_ life: Int64) -> Seq { self.scan.head }

    func write(_ write: StoreWrite, promise: EventLoopPromise<Void>?) { promise?.succeed() }

    func erase(_ id: ScanID, promise: EventLoopPromise<Bool>) { promise.succeed(false) }

    func load(_ life: Int64, history: RelayConfiguration.History, promise: EventLoopPromise<StoredLog>) {
        let tail = StoredTail(entries: [], evictedThrough: self.scan.head, counts: [:])
        promise.succeed(StoredLog(tail: tail, answers: []))
    }

    func read(_ request: StoredPageRequest, promise: EventLoopPromise<StoredPage>) {
        promise.succeed(StoredPage(entries: [], through: request.stretch.end, lostThrough: self.scan.head))
    }

    func find(_ id: ScanID, promise: EventLoopPromise<StoredScan?>) { promise.succeed(self.scan) }

    func close() {}
}
