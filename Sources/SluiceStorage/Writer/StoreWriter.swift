internal import Dispatch
internal import Foundation
internal import GRDB
internal import Logging
internal import NIOCore
internal import SluiceBase
internal import SluiceRelay

/// The one writer: everything that waits when a commit ended goes into the next.
///
/// Invariant behind `@unchecked Sendable`: after `init`, everything that changes is touched on `dispatch` alone, which is
/// checked where each of its tasks begins. It is not an actor, since SQLite and fsync block their thread: on a serial queue
/// of its own that delays nothing else.
final class StoreWriter: @unchecked Sendable {
    /// The most bytes of messages in one commit, and one write besides: the first of a long queue does not wait for the last.
    private static let maximumGroupBytes = 8 * 1024 * 1024
    /// How often snapshots, retention, and the file itself are looked at.
    private static let upkeepInterval = DispatchTimeInterval.milliseconds(1000)
    /// The least time between two notes of the age: with a commit, and without one.
    private static let clockInterval = TimeAmount.seconds(10)
    private static let idleClockInterval = TimeAmount.seconds(60)
    /// The most steps of retention behind one commit.
    private static let reliefSteps = 8
    /// How often at most it is logged that the clock was set.
    private static let clockLogInterval = TimeAmount.seconds(60)

    private let file: StoreFile
    private let settings: StoreSettings
    private let queue: StoreQueue
    private let reader: StoreReader
    private let heads: HeadFile
    private let lock: FolderLock
    private let logger: Logger
    let dispatch = DispatchQueue(label: "sluice.storage.writer", qos: .userInitiated)
    private(set) var database: DatabaseQueue?
    private var identities: [FileIdentity?]
    /// Lives that have a row in `scans`.
    private var known: Set<Int64> = []
    private var snapshots: SnapshotSchedule
    private var retention: Retention
    private var clock: AgeClock
    private var clockSavedAt = NIODeadline.uptimeNanoseconds(0)
    private var clockLoggedAt: NIODeadline?
    private var isClosed = false
    /// The faults of mapped files that happened before the file was opened.
    private var knownFaults = MappingFault.count
    private let logSync: LogSync
    /// Whether a sync of the log is under way, and whether something was committed since it began.
    private var isSyncing = false
    private var hasUnsynced = false

    init(
        file: StoreFile,
        settings: StoreSettings,
        queue: StoreQueue,
        reader: StoreReader,
        database: DatabaseQueue,
        heads: HeadFile,
        lock: FolderLock,
        logger: Logger
    ) throws {
        self.file = file
        self.logSync = LogSync(file: file)
        self.heads = heads
        self.lock = lock
        self.settings = settings
        self.queue = queue
        self.reader = reader
        self.database = database
        self.identities = file.identities()
        var retention = Retention(settings: settings)
        let age = try database.read { db in
            try retention.begin(db)
            return try ClockRow.age(db)
        }
        self.retention = retention
        self.snapshots = SnapshotSchedule(
            interval: settings.snapshotInterval,
            maximumBytes: retention.plan.snapshotBytes
        )
        self.clock = AgeClock(age: age, wall: .now(), now: .now())
        self.logger = logger
        queue.age = self.clock.age
        if let lead = self.clock.pendingLead {
            let metadata: Logger.Metadata = ["seconds": "\(lead.nanoseconds / 1_000_000_000)"]
            logger.notice("time that the storage was not open for counts for age after an hour", metadata: metadata)
        }
    }

    /// Begins the upkeep.
    func start() {
        self.upkeepLater()
    }

    /// Something waits.
    func wake() {
        self.dispatch.async {
            // Due upkeep comes before jobs that were added later.
            if self.writeWaiting() {
                self.wake()
            }
        }
    }

    /// Writes everything that waits, and closes the file.
    ///
    /// Blocks.
    func close() {
        self.dispatch.sync {
            while self.writeWaiting() {}
            self.queue.close()
            while self.writeWaiting() {}
            guard !self.isClosed else {
                return
            }
            self.isClosed = true
            guard let database = self.database else {
                return
            }
            do {
                try database.writeWithoutTransaction { db in
                    try self.writeLastSnapshots(db)
                    try ClockRow.save(self.passTime(), into: db)
                    try self.closeLog(db)
                }
                // A failed store lacks messages that were numbered.
                self.heads.closed()
            } catch {
                self.logger.error("storage failed", metadata: ["error": "\(StoreReason.text(error))"])
            }
            try? database.close()
            self.database = nil
        }
    }

    /// Copies the log back at the end; where another process reads, the log stays, synced, for the next start.
    private func closeLog(_ db: Database) throws {
        guard try !StoreFile.trimLog(db, patience: StoreFile.logPatience) else {
            return
        }
        self.queue.count { $0.busyCheckpoints += 1 }
        if let failure = self.logSync.syncNow() {
            throw failure
        }
        self.logger.notice("another process reads the storage; its log is copied back at the next start")
    }

    /// Writes the jobs that wait.
    ///
    /// Returns whether to look again; if not, the next job wakes the writer.
    private func writeWaiting() -> Bool {
        dispatchPrecondition(condition: .onQueue(self.dispatch))
        var rest = self.queue.takeJobs()[...]
        guard !rest.isEmpty else {
            return false
        }
        while !rest.isEmpty {
            var bytes = 0
            let group = rest.prefix { job in
                defer { bytes += job.byteCount }
                return bytes < Self.maximumGroupBytes
            }
            rest = rest.dropFirst(group.count)
            guard self.commit(Array(group)) else {
                self.queue.failed(Array(rest), self.queue.status.failure ?? "")
                break
            }
        }
        return true
    }

    /// Writes a group in one transaction and keeps its promises.
    ///
    /// Returns whether the store still works.
    private func commit(_ jobs: [StoreJob]) -> Bool {
        guard let database = self.database else {
            self.queue.failed(jobs, self.queue.status.failure ?? "not open")
            return false
        }
        let start = DispatchTime.now().uptimeNanoseconds
        var group = CommitGroup(known: self.known, age: self.passTime())
        do {
            try database.writeWithoutTransaction { db in
                try db.inTransaction(.immediate) {
                    for job in jobs {
                        try group.apply(job, to: db)
                    }
                    try group.finish(db)
                    try self.saveClock(db, atMostEvery: Self.clockInterval)
                    try self.checkFiles()
                    return .commit
                }
            }
            // Before promises are kept; a failure here has the jobs handed over again, and written over.
            try self.checkFiles()
        } catch {
            self.fail(jobs, error)
            return false
        }
        self.known = group.known
        self.syncLater()
        let seconds = Double(DispatchTime.now().uptimeNanoseconds - start) / 1e9
        let refused = group.refused
        self.queue.written(jobs.indices.filter { !refused.contains($0) }.map { jobs[$0] }, seconds: seconds)
        for index in refused {
            self.queue.refused(jobs[index], .unknownScan)
        }
        for life in group.removed {
            self.heads.forget(life)
        }
        group.keepPromises(of: jobs)
        self.snapshots.changed(group.changed, completed: group.completed, now: .now())
        self.retention.grew(group)
        return self.relieve()
    }

    /// After commits that may have filled the store, retention does up to `reliefSteps` steps at once.
    ///
    /// Returns whether the store still works.
    private func relieve() -> Bool {
        guard self.retention.isUrgent, let database = self.database else {
            return true
        }
        do {
            try database.writeWithoutTransaction { db in
                var steps = 0
                while steps < Self.reliefSteps, try self.stepRetention(db) {
                    steps += 1
                }
            }
            return true
        } catch {
            self.fail([], error)
            return false
        }
    }

    /// The files must stand where they were opened, and mapped pages must still be theirs.
    private func checkFiles() throws {
        guard self.file.identities() == self.identities else {
            throw StoreError.unusable(path: self.file.path, reason: "the file was moved or removed")
        }
        guard MappingFault.count == self.knownFaults else {
            throw StoreError.failed(reason: "a mapped file can no longer be written")
        }
    }

    /// The file is not trusted until it was reopened.
    private func fail(_ jobs: [StoreJob], _ error: any Error) {
        let reason = StoreReason.text(error)
        self.logger.error("storage failed", metadata: ["error": "\(reason)"])
        try? self.database?.close()
        self.database = nil
        self.reader.fileFailed()
        self.known = []
        self.queue.failed(jobs, reason)
        self.reopenLater()
    }

    /// Where commits do not wait for the disk, has the log synced soon after.
    private func syncLater() {
        guard !self.file.isSynced, !self.isSyncing else {
            self.hasUnsynced = true
            return
        }
        self.isSyncing = true
        self.hasUnsynced = false
        self.logSync.sync { failure in
            self.dispatch.async { self.synced(failure) }
        }
    }

    private func synced(_ failure: StoreError?) {
        dispatchPrecondition(condition: .onQueue(self.dispatch))
        self.isSyncing = false
        if let failure {
            if self.database != nil {
                self.fail([], failure)
            }
        } else if self.hasUnsynced {
            self.syncLater()
        }
    }

    private func reopenLater() {
        self.dispatch.asyncAfter(deadline: .now() + .nanoseconds(Int(self.settings.retryInterval.nanoseconds))) {
            self.reopen()
        }
    }

    private func reopen() {
        dispatchPrecondition(condition: .onQueue(self.dispatch))
        guard !self.isClosed, self.database == nil else {
            return
        }
        do {
            try self.file.makeFolder()
            try self.lock.reattach(folder: self.file.folder)
            let faults = MappingFault.count
            try self.heads.reattach()
            let opened = try self.file.openForWriting(self.retention.plan)
            guard opened.isLogTrimmed else {
                // After an error only what was copied back and synced is known to be on the disk.
                self.queue.count { $0.busyCheckpoints += 1 }
                throw StoreError.failed(reason: "another process reads it, so that its log cannot be copied back")
            }
            let database = opened.queue
            // A write finds faults that opening does not: a full disk, a read-only file.
            try database.write { try Retention.probe($0) }
            try database.read { try self.retention.begin($0) }
            self.knownFaults = faults
            self.identities = self.file.identities()
            try self.checkFiles()
            self.database = database
            self.queue.works()
            self.logger.notice("storage works again")
        } catch {
            let reason = StoreReason.text(error)
            self.queue.failed([], reason)
            self.logger.debug("storage still failed", metadata: ["error": "\(reason)"])
            self.reopenLater()
        }
    }

    private func upkeepLater(soon: Bool = false) {
        let delay: DispatchTimeInterval = soon ? .milliseconds(5) : Self.upkeepInterval
        self.dispatch.asyncAfter(deadline: .now() + delay) {
            guard !self.isClosed else {
                return
            }
            self.upkeepLater(soon: self.doUpkeep())
        }
    }

    /// A small step of everything that is not a request's.
    ///
    /// Returns whether there is more to do at once.
    private func doUpkeep() -> Bool {
        dispatchPrecondition(condition: .onQueue(self.dispatch))
        guard let database = self.database else {
            return false
        }
        let sizes = self.file.sizes()
        self.queue.count { $0.diskBytes = sizes.database + sizes.log + sizes.other }
        self.heads.copy()
        let age = self.passTime()
        do {
            try self.checkFiles()
            return try database.writeWithoutTransaction { db in
                var hasMore = false
                try self.passingOverDamage {
                    try db.inTransaction(.immediate) {
                        let written = try self.snapshots.writeDue(at: .now(), age: age, now: .now(), into: db)
                        try self.saveClock(db, atMostEvery: Self.idleClockInterval)
                        self.retention.grew(snapshotBytes: written.bytes)
                        hasMore = written.hasMore
                        return .commit
                    }
                }
                return try self.stepRetention(db) || hasMore
            }
        } catch {
            self.fail([], error)
            return false
        }
    }

    /// Returns whether there is more to do at once.
    private func stepRetention(_ db: Database) throws -> Bool {
        var hasMore = false
        let age = self.clock.age
        let isWhole = try self.passingOverDamage {
            hasMore = try self.retention.step(db, age: age, wall: .now(), self.file, self.queue)
        }
        if !isWhole {
            self.retention.passOverDamage(age: age)
        }
        return hasMore
    }

    /// Writes snapshots of the scans that changed after their last one, up to the limit of all snapshots.
    private func writeLastSnapshots(_ db: Database) throws {
        let age = self.passTime()
        var bytes = 0
        var hasMore = true
        while hasMore, bytes < self.retention.plan.snapshotBudget(self.retention.plan.room(beside: 0)) {
            try db.inTransaction(.immediate) {
                let written = try self.snapshots.writeAll(at: .now(), age: age, into: db)
                bytes += max(1, written.bytes)
                hasMore = written.hasMore
                return .commit
            }
        }
    }

    /// Moves the ``AgeClock`` on, and returns its time.
    private func passTime() -> WallTime {
        let now = NIODeadline.now()
        for event in self.clock.advance(wall: .now(), now: now) {
            switch event {
            case .stepped(let step):
                self.queue.count { $0.clockSteps += 1 }
                if self.clockLoggedAt.map({ now - $0 >= Self.clockLogInterval }) ?? true {
                    self.clockLoggedAt = now
                    self.logger.warning(
                        "the clock was set, which ages nothing that is stored before it has held for an hour",
                        metadata: ["seconds": "\(step.nanoseconds / 1_000_000_000)"]
                    )
                }
            case .followed(let lead):
                self.logger.warning(
                    "the clock has held for an hour: what is stored is older by what it is ahead",
                    metadata: ["seconds": "\(lead.nanoseconds / 1_000_000_000)"]
                )
            }
        }
        self.queue.age = self.clock.age
        return self.clock.age
    }

    /// Writes down how far age has come, unless that was done a moment ago.
    private func saveClock(_ db: Database, atMostEvery interval: TimeAmount) throws {
        let now = NIODeadline.now()
        guard now - self.clockSavedAt >= interval else {
            return
        }
        try ClockRow.save(self.clock.age, into: db)
        self.clockSavedAt = now
    }

    /// There will soon be no place to note another scan's numbers in.
    func growHeads() {
        self.dispatch.async {
            do {
                try self.heads.grow()
            } catch {
                self.logger.error("no room for more scans", metadata: ["error": "\(StoreReason.text(error))"])
            }
        }
    }

    /// Does a part of the upkeep; a damaged part of the file stops that, and not the store.
    ///
    /// Returns whether none was met.
    @discardableResult
    private func passingOverDamage(_ work: () throws -> Void) throws -> Bool {
        do {
            try work()
            return true
        } catch let error as DatabaseError where error.resultCode == .SQLITE_CORRUPT {
            self.logger.error("a part of the storage is damaged", metadata: ["error": "\(StoreReason.text(error))"])
            return false
        }
    }
}
