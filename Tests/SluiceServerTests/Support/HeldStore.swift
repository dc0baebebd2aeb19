import NIOCore
import SluiceBase
import Synchronization

@testable import SluiceRelay

/// A store whose writes wait until the test decides their result.
final class HeldStore: ScanStore {
    private struct State {
        var isAvailable = true
        var life: Int64 = 0
        var writes: [(write: StoreWrite, promise: EventLoopPromise<Void>?)] = []
        /// The numbers of all messages that were handed over.
        var handed: [Seq] = []
    }

    private struct Failure: Error {}

    private let state = Mutex(State())

    var isAvailable: Bool {
        get { self.state.withLock { $0.isAvailable } }
        set { self.state.withLock { $0.isAvailable = newValue } }
    }

    var handed: [Seq] { self.state.withLock { $0.handed } }
    var waitingCount: Int { self.state.withLock { $0.writes.count } }

    /// The oldest write that waits is stored, or is not.
    func settle(isStored: Bool) {
        let promise = self.state.withLock { $0.writes.removeFirst().promise }
        isStored ? promise?.succeed() : promise?.fail(Failure())
    }

    var status: StoreStatus { StoreStatus() }

    func restore() -> [StoredScan] { [] }

    func makeLife() -> Int64? {
        self.state.withLock {
            $0.life += 1
            return $0.life
        }
    }

    var maximumSeq: Seq { Seq(clamping: UInt64(1) << 36) }

    func numbered(_ life: Int64, through head: Seq) {}

    func lostThrough(_ life: Int64) -> Seq { 0 }

    func write(_ write: StoreWrite, promise: EventLoopPromise<Void>?) {
        self.state.withLock {
            $0.writes.append((write, promise))
            $0.handed += write.entries.map(\.seq)
        }
    }

    func erase(_ id: ScanID, promise: EventLoopPromise<Bool>) { promise.succeed(false) }

    func load(_ life: Int64, history: RelayConfiguration.History, promise: EventLoopPromise<StoredLog>) {
        promise.fail(RelayRefusal.scanNotFound)
    }

    func read(_ request: StoredPageRequest, promise: EventLoopPromise<StoredPage>) {
        promise.fail(RelayRefusal.scanNotFound)
    }

    func find(_ id: ScanID, promise: EventLoopPromise<StoredScan?>) { promise.succeed(nil) }

    func close() {}
}
