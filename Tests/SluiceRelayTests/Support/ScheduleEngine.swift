import NIOCore
import SluiceBase

@testable import SluiceRelay

/// One relay's way to the log of a schedule: late, with lost requests and lost answers, and cut off for a while.
///
/// Invariant behind `@unchecked Sendable`: that of the world that moves it.
final class ScheduleEngine: ScanEngine, @unchecked Sendable {
    /// A draft that is not settled.
    private struct Append: Sendable {
        let draft: RecordDraft
        let number: Int
        let promise: EventLoopPromise<AppendOutcome>
    }

    /// Invariant behind `@unchecked Sendable`: that of the engine.
    private final class Follow: @unchecked Sendable {
        let follower: any ScanFollower
        let loop: ScheduleLoop
        /// The newest record told; nil before the log is opened.
        var told: UInt64?
        var append: Append?
        /// When the relay may write; never before the world's time.
        var turn = NIODeadline.distantPast
        var isPumping = false
        var isOver = false

        init(_ follower: any ScanFollower, on loop: ScheduleLoop) {
            self.follower = follower
            self.loop = loop
        }
    }

    private let world: ScheduleWorld
    private let log: ScheduleLog
    private var follows: [ScanID: Follow] = [:]
    private var cutSince: NIODeadline?
    /// Told of each record just before the relay is.
    var onApply: (ScanID, [LogRecord]) -> Void = { _, _ in }
    private(set) var overtakenCount = 0
    private(set) var failedCount = 0
    private(set) var imageCount = 0
    /// How often the leader was asked for a scan's newest record.
    private(set) var askedCount = 0
    /// Records before it are about to go.
    var oldBefore: UInt64 = 0

    init(world: ScheduleWorld, log: ScheduleLog) {
        self.world = world
        self.log = log
    }

    var status: EngineStatus {
        var status = EngineStatus()
        status.openScans = self.follows.count
        return status
    }

    var isCutOff: Bool { self.cutSince.map { $0 + .seconds(15) <= self.world.now } ?? false }
    var appendTimeout: TimeAmount { .seconds(10) }
    var maximumRecordBytes: Int { 4000 }
    var maximumRequestCount: Int { 5 }
    /// How many scans are followed.
    var followedCount: Int { self.follows.count }

    func keeps(_ id: ScanID) -> Bool { true }

    func isOld(_ header: RecordHeader) -> Bool { header.place < self.oldBefore }

    func byteCount(of record: LogRecord) -> Int {
        record.messages.reduce(40) { $0 + $1.byteCount + 20 }
    }

    /// Nothing reaches the log, or comes from it.
    func setCut(_ isCut: Bool) {
        self.cutSince = isCut ? self.cutSince ?? self.world.now : nil
        for id in self.follows.keys.sorted(by: { $0.text < $1.text }) where !isCut {
            self.stored(id)
        }
    }

    func follow(_ id: ScanID, _ follower: any ScanFollower, on eventLoop: any EventLoop) {
        guard self.follows[id] == nil, let loop = eventLoop as? ScheduleLoop else {
            return self.world.fail("followed twice")
        }
        let follow = Follow(follower, on: loop)
        self.follows[id] = follow
        self.open(id, follow)
    }

    func unfollow(_ id: ScanID, on eventLoop: any EventLoop) {
        let follow = self.follows.removeValue(forKey: id)
        follow?.isOver = true
        if let append = follow?.append {
            eventLoop.execute { append.promise.succeed(.unavailable) }
        }
    }

    func turn(of id: ScanID, on eventLoop: any EventLoop) -> NIODeadline {
        self.follows[id]?.turn ?? .distantPast
    }

    func append(_ draft: RecordDraft, to id: ScanID, promise: EventLoopPromise<AppendOutcome>) {
        // Also while it is read anew: the home may not have been told of that yet.
        guard let follow = self.follows[id], follow.append == nil else {
            return self.world.fail("two drafts at once, or one of a scan that is not followed")
        }
        if follow.turn > self.world.now {
            self.world.fail("a draft before its turn")
        }
        if draft.records.count > self.maximumRequestCount
            || draft.records.reduce(0, { $0 + self.byteCount(of: $1) }) > self.maximumRecordBytes
        {
            self.world.fail("a draft is too large")
        }
        let append = Append(draft: draft, number: self.log.makeDraft(), promise: promise)
        follow.append = append
        self.later(follow) { self.attempt(append, id, follow) }
    }

    func last(of id: ScanID, promise: EventLoopPromise<RecordHeader?>) {
        self.askedCount += 1
        self.world.storeLoop.execute {
            if self.cutSince != nil || self.world.chance(3) {
                promise.fail(RelayRefusal.storageUnavailable)
            } else {
                promise.succeed(self.log.last(of: id)?.header)
            }
        }
    }

    func read(_ request: StoredPageRequest, of id: ScanID, epoch: String, promise: EventLoopPromise<StoredPage>) {
        self.world.storeLoop.execute {
            guard self.cutSince == nil else {
                promise.fail(RelayRefusal.storageUnavailable)
                return
            }
            let records = self.log.counted(id, after: 0).flatMap(\.records).filter { $0.epoch == epoch }
            guard records.contains(where: { !$0.messages.isEmpty }) else {
                promise.fail(RelayRefusal.scanNotFound)
                return
            }
            promise.succeed(Self.page(request, of: records))
        }
    }

    func list(promise: EventLoopPromise<[RecordHeader]>) {
        self.world.storeLoop.execute {
            let newest = self.log.records.keys.compactMap { self.log.last(of: $0)?.header }
            promise.succeed(newest.filter { $0.end == nil })
        }
    }

    func listReachable(promise: EventLoopPromise<[RecordHeader]>) {
        self.list(promise: promise)
    }

    func erase(_ id: ScanID, before place: UInt64, promise: EventLoopPromise<Void>) {
        self.world.storeLoop.execute {
            self.log.erase(id, before: place)
            promise.succeed()
        }
    }

    /// Does something on the loop of a scan's home, after a while, unless it is no longer followed.
    private func later(_ follow: Follow, in delay: TimeAmount? = nil, _ body: @escaping @Sendable () -> Void) {
        let milliseconds = self.world.chance(70) ? self.world.number(0...2) : self.world.number(3...40)
        _ = follow.loop.scheduleTask(in: delay ?? .milliseconds(Int64(milliseconds))) {
            if !follow.isOver {
                body()
            }
        }
    }

    private func open(_ id: ScanID, _ follow: Follow) {
        follow.told = nil
        self.later(follow) {
            guard self.cutSince == nil else {
                self.later(follow, in: .milliseconds(100)) { self.open(id, follow) }
                return
            }
            guard !self.log.isDamaged(id) else {
                self.fail(follow)
                return
            }
            let carry = self.world.chance(70) ? self.log.carries[id] : nil
            let first = self.log.counted(id, after: carry?.standing.place ?? 0).first
            self.imageCount += carry == nil ? 0 : 1
            let place = carry?.standing.place ?? first?.prev ?? 0
            follow.follower.opening(carry, place: place)
            let records = self.log.counted(id, after: place)
            follow.told = place
            for stored in records where !follow.isOver {
                self.tell(stored, id, follow)
            }
            guard !follow.isOver else {
                return
            }
            follow.follower.opened(self.log.last(of: id)?.header)
            if let append = follow.append, append.draft.records[0].prev != follow.told {
                follow.append = nil
                append.promise.succeed(.overtaken)
            }
            self.pump(id, follow)
        }
    }

    /// A record was stored, or the way to the log is free again.
    func stored(_ id: ScanID) {
        if let follow = self.follows[id], follow.told != nil {
            self.pump(id, follow)
        }
    }

    /// The log cannot be read for a while: nothing of it is known to be new.
    func lapse(_ id: ScanID) {
        guard let follow = self.follows[id] else {
            return self.world.fail("not followed")
        }
        self.later(follow) { follow.follower.notOpened(.storageUnavailable) }
        self.later(follow, in: .seconds(5)) { self.open(id, follow) }
    }

    private func fail(_ follow: Follow) {
        follow.told = nil
        follow.follower.failed(.storageDamaged)
    }

    private func tell(_ stored: ScheduleLog.Stored, _ id: ScanID, _ follow: Follow) {
        follow.told = stored.place
        if self.world.chance(30) {
            follow.turn = self.world.now + .milliseconds(Int64(self.world.number(1...5)))
        }
        self.onApply(id, stored.records)
        follow.follower.apply(stored.records)
        guard let append = follow.append, stored.place > append.draft.records[0].prev else {
            return
        }
        follow.append = nil
        self.overtakenCount += append.number == stored.draft ? 0 : 1
        append.promise.succeed(append.number == stored.draft ? .confirmed : .overtaken)
        if self.world.chance(30), let image = follow.follower.image() {
            self.log.keep(image, of: id)
        }
    }

    /// Tells what there is, some of it at a time.
    private func pump(_ id: ScanID, _ follow: Follow) {
        guard !follow.isPumping else {
            return
        }
        follow.isPumping = true
        self.later(follow) {
            follow.isPumping = false
            guard self.cutSince == nil, let told = follow.told else {
                return
            }
            guard !self.log.isDamaged(id) else {
                self.fail(follow)
                return
            }
            defer {
                if let told = follow.told, !follow.isOver, !self.log.counted(id, after: told).isEmpty {
                    self.pump(id, follow)
                }
            }
            for stored in self.log.counted(id, after: told).prefix(self.world.number(0...3)) where !follow.isOver {
                guard stored.prev == follow.told else {
                    self.open(id, follow)
                    return
                }
                self.tell(stored, id, follow)
            }
        }
    }

    private func attempt(_ append: Append, _ id: ScanID, _ follow: Follow) {
        guard follow.append?.number == append.number else {
            return
        }
        guard self.world.now < append.draft.since + self.appendTimeout else {
            self.failedCount += 1
            follow.append = nil
            append.promise.succeed(.unavailable)
            // It may be stored after all, when nobody waits for it any more.
            if self.world.chance(30) {
                _ = self.log.store(append.draft, number: append.number, of: id, expecting: self.log.end(of: id))
            }
            return
        }
        if self.cutSince == nil, !self.world.chance(10) {
            // The writer knows what it was told, and what was refused.
            let end = self.world.chance(80) ? self.log.end(of: id) : append.draft.records[0].prev
            _ = self.log.store(append.draft, number: append.number, of: id, expecting: end)
        }
        self.later(follow, in: .milliseconds(400)) { self.attempt(append, id, follow) }
    }

    private static func page(_ request: StoredPageRequest, of records: [LogRecord]) -> StoredPage {
        let stretch = request.stretch
        var page = StoredPage(entries: [], through: stretch.start, lostThrough: 0)
        var bytes = 0
        for record in records {
            for (message, seq) in zip(record.messages, record.first...) where seq > stretch.after {
                guard seq <= stretch.through else {
                    break
                }
                guard page.entries.count < request.maximumCount, bytes < request.maximumBytes else {
                    return page
                }
                page.through = seq
                if request.selection.passes(message) {
                    page.entries.append(LogEntry(seq: seq, at: record.at ?? TestMessage.time, message: message))
                    bytes += message.byteCount
                }
            }
        }
        page.through = stretch.end
        return page
    }
}
