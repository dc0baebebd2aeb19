import NIOCore
import SluiceBase

@testable import SluiceRelay

/// A store of one schedule: writes are there at once, and each read takes a task of a loop of its own, so that anything
/// may happen meanwhile.
///
/// Invariant behind `@unchecked Sendable`: that of the world that moves it.
final class ScheduleStore: ScanStore, @unchecked Sendable {
    private struct Log {
        var header: StoredHeader
        var entries: [Seq: LogEntry] = [:]
    }

    private let world: ScheduleWorld
    /// How many reads of a hundred fail.
    private let failingPercent: Int
    private var logs: [Int64: Log] = [:]
    private var nextLife: Int64 = 1
    /// How many pages were read.
    private(set) var readCount = 0

    init(world: ScheduleWorld, failingPercent: Int = 0) {
        self.world = world
        self.failingPercent = failingPercent
    }

    var isAvailable: Bool { true }
    var status: StoreStatus { StoreStatus() }
    var maximumSeq: Seq { .max }

    func restore() -> [StoredScan] { [] }

    func makeLife() -> Int64? {
        self.nextLife += 1
        return self.nextLife
    }

    func numbered(_ life: Int64, through head: Seq) {}

    func lostThrough(_ life: Int64) -> Seq { 0 }

    func write(_ write: StoreWrite, promise: EventLoopPromise<Void>?) {
        if let header = write.header ?? self.logs[write.life]?.header {
            var log = self.logs[write.life] ?? Log(header: header)
            log.header = header
            for entry in write.entries {
                if let key = entry.message.conflationKey {
                    log.entries = log.entries.filter { $0.value.message.conflationKey != key }
                }
                log.entries[entry.seq] = entry
            }
            self.logs[write.life] = log
        }
        promise?.succeed()
    }

    func erase(_ id: ScanID, promise: EventLoopPromise<Bool>) {
        let left = self.logs.filter { $0.value.header.id != id }
        defer { self.logs = left }
        promise.succeed(left.count < self.logs.count)
    }

    func load(_ life: Int64, history: RelayConfiguration.History, promise: EventLoopPromise<StoredLog>) {
        promise.fail(RelayRefusal.scanNotFound)
    }

    func read(_ request: StoredPageRequest, promise: EventLoopPromise<StoredPage>) {
        self.readCount += 1
        let fails = self.failingPercent > 0 && self.world.chance(self.failingPercent)
        self.world.storeLoop.execute {
            guard !fails else {
                promise.fail(RelayRefusal.storageUnavailable)
                return
            }
            guard let log = self.logs[request.life] else {
                promise.fail(RelayRefusal.scanNotFound)
                return
            }
            promise.succeed(Self.page(request, of: log.entries))
        }
    }

    func find(_ id: ScanID, promise: EventLoopPromise<StoredScan?>) { promise.succeed(nil) }

    func close() {}

    private static func page(_ request: StoredPageRequest, of entries: [Seq: LogEntry]) -> StoredPage {
        let stretch = request.stretch
        var page = StoredPage(entries: [], through: stretch.start, lostThrough: 0)
        var bytes = 0
        for seq in entries.keys.sorted() where seq > stretch.after && seq <= stretch.through {
            guard page.entries.count < request.maximumCount, bytes < request.maximumBytes else {
                return page
            }
            page.through = seq
            if let entry = entries[seq], request.selection.passes(entry.message) {
                page.entries.append(entry)
                bytes += entry.message.byteCount
            }
        }
        page.through = stretch.end
        return page
    }
}
