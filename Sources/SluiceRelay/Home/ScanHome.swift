import Logging
import NIOCore
internal import SluiceBase

/// A scan on its home loop: post → log → groups → frames → loops.
///
/// Its log, groups and members are touched by this loop alone, so nothing here has a lock. It decides nothing by
/// itself: the log, the lifecycle and the groups do, and it carries out what they say.
final class ScanHome {
    /// Who is woken when its time comes.
    enum Alarm: Hashable {
        case group(GroupID)
        case member(SubscriptionID)
    }

    let id: ScanID
    let context: HomeContext
    var log: ScanLog
    var lifecycle: ScanLifecycle
    var owner: String?
    var name: String?
    /// The groups by their terms, and by what they want.
    var groups: [HomeGroup.Key: HomeGroup] = [:]
    var index = GroupIndex()
    /// Those of the groups that stand apart from the shared one of their terms, by that one's key.
    var apart: [HomeGroup.Key: [GroupID: HomeGroup]] = [:]
    /// The groups that something may have been made for in this loop turn.
    var dirty: [HomeGroup] = []
    /// When groups, and members whose rate is reduced, have something to do.
    var alarms = DeadlineHeap<Alarm>()
    var members: [SubscriptionID: Member] = [:]
    /// Whether it did something in this loop turn, at whose end what was made goes out.
    var isTouched = false
    /// Whether a request is half taken: its rest comes in later turns of the loop.
    var isTaking = false
    let logger: Logger
    /// How much of it the store has; nil where there is no store.
    let record: ScanRecord?

    init(
        id: ScanID,
        record: ScanRecord?,
        context: HomeContext,
        logger: Logger,
        at: WallTime,
        now: NIODeadline
    ) {
        self.id = id
        self.context = context
        self.record = record
        self.log = ScanLog(
            epoch: context.makeEpoch(),
            history: context.configuration.history,
            startedAt: at,
            isStored: context.store != nil
        )
        self.lifecycle = ScanLifecycle(configuration: context.configuration, now: now)
        self.logger = logger
    }

    /// A scan that an earlier process left in the store.
    init(_ dormant: DormantScan, _ stored: StoredLog, context: HomeContext, logger: Logger, now: NIODeadline) {
        let header = dormant.scan.header
        self.id = header.id
        self.context = context
        self.record = context.store.map { ScanRecord(store: $0, resuming: dormant.scan) }
        self.log = ScanLog(
            resuming: stored.tail,
            fold: dormant.scan.fold,
            epoch: header.epoch,
            head: dormant.scan.head,
            history: context.configuration.history
        )
        self.lifecycle = dormant.lifecycle
        self.owner = header.owner
        self.name = header.name
        self.logger = logger
        context.idempotency.restore(stored.answers, epoch: header.epoch, now: now)
    }

    /// The most bytes of messages that are taken in one turn of the loop, and the last message besides.
    private static let sliceBytes = 128 * 1024

    /// Numbers some messages, keeps them, and shows them to the groups that want them.
    ///
    /// Returns how many. There is at least one; whether there are more depends on what this turn of the loop has room for. What is due
    /// goes out at the end of the loop turn.
    func post(_ messages: ArraySlice<Message>, at: WallTime, now: NIODeadline) -> Int {
        var count = 0
        var bytes = 0
        for message in messages {
            guard count == 0 || (bytes < Self.sliceBytes && self.context.turn.hasRoom) else {
                break
            }
            count += 1
            bytes += message.byteCount
            self.post(message, at: at, now: now)
        }
        self.context.counts.acceptedBytes += bytes
        self.context.counts.acceptedMessages += count
        return count
    }

    private func post(_ message: Message, at: WallTime, now: NIODeadline) {
        if self.lifecycle.messagePosted(isTerminal: message.isTerminal, now: now) {
            self.announceStall(false)
        }
        let entry = self.log.append(message, at: at)
        let groupCount = self.index.forEach(wanting: message) { group in
            group.group.append(entry, now: now, mayEmit: self.context.turn.hasRoom)
            self.collect(group, now: now)
        }
        self.context.counts.shownMessages += groupCount
        self.context.turn.spend(messageShownTo: groupCount)
    }

    /// Messages of a request are about to be numbered, all of them in one run.
    ///
    /// Returns the first number.
    func begin(_ messages: [Message]) -> Seq {
        if let record = self.record, !messages.isEmpty {
            // Frames leave at the end of the loop turn at the earliest, and other loops hear of them after this.
            record.store.numbered(record.life, through: self.log.head.advanced(by: messages.count))
        }
        return self.log.head.next
    }

    /// The scanner said that it is there.
    func keepAlive(now: NIODeadline) {
        if self.lifecycle.keptAlive(now: now) {
            self.announceStall(false)
        }
    }

    /// The end of a loop turn: what was made in it goes to the loops, in one write for each group.
    func endTurn(now: NIODeadline) {
        let dirty = self.dirty
        self.dirty.removeAll()
        for group in dirty {
            group.isDirty = false
            // One that lost its last member within the turn is gone.
            if self.index.all[group.id] === group {
                self.deliver(group, now: now)
            }
        }
        if !self.apart.isEmpty {
            for group in dirty where self.index.all[group.id] === group {
                self.joinFromApart(by: group, now: now)
            }
        }
    }

    /// Time passed.
    ///
    /// Returns why the scan is to be removed, if it is.
    func tick(now: NIODeadline) -> ScanLifecycle.Removal? {
        self.ring(now: now)
        switch self.lifecycle.tick(now: now) {
        case .doNothing:
            break
        case .announceStall(let silentFor):
            self.logger.info("scanner fell silent", metadata: ["silent_s": .stringConvertible(silentFor)])
            self.announceStall(true, silentFor: silentFor)
        case .remove(let removal):
            self.endTurn(now: now)
            return removal
        }
        self.endTurn(now: now)
        return nil
    }

    /// When `tick` next has something to do.
    var deadline: NIODeadline {
        min(self.lifecycle.deadline, self.alarms.next ?? .distantFuture)
    }

    /// The scan is over for its subscribers: what waits goes out, as much as one turn of the loop allows, then they are
    /// told.
    func end(_ end: SubscriptionEnd, now: NIODeadline) {
        for group in Array(self.index.all.values) where self.context.turn.hasRoom {
            group.group.flush(now: now)
            self.collect(group, now: now)
            self.deliver(group, now: now)
        }
        for member in self.members.values {
            let id = member.id
            self.context.loops.run(on: member.loop) { $0.end(id, end) }
        }
        for group in self.index.all.values {
            self.account(for: group)
        }
        self.members.removeAll()
        self.context.removePages(epoch: self.log.epoch)
        self.groups.removeAll()
        self.index.removeAll()
        self.apart.removeAll()
        self.alarms.removeAll()
    }

    /// Loss in a flood comes with every frame: one line in a while is for the operator, the others for finding faults.
    private static func lagLogLevel(_ group: HomeGroup, now: NIODeadline) -> Logger.Level {
        if let last = group.lastLagLoggedAt, now < last + self.lagLogInterval {
            return .debug
        }
        group.lastLagLoggedAt = now
        return .info
    }

    /// How often a group's loss is logged at most.
    private static let lagLogInterval = TimeAmount.seconds(10)

    /// Encodes what the group says is due.
    func collect(_ group: HomeGroup, now: NIODeadline) {
        for delivery in group.group.take() {
            switch delivery {
            case .lag(let notice):
                self.count(notice)
                self.logger.log(
                    level: Self.lagLogLevel(group, now: now),
                    "subscribers lag",
                    metadata: [
                        "skipped": .stringConvertible(notice.skippedCount), "reason": "\(notice.reason.rawValue)",
                    ]
                )
                group.skippedCount += notice.skippedCount
            case .messages(let entries):
                let bytes = entries.reduce(0) { $0 + $1.message.byteCount }
                self.context.turn.spend(encodedBytes: bytes, isCompressed: group.key.form.isCompressed)
                self.context.counts.made(messageCount: entries.count, isBatched: group.key.terms.isBatched)
            }
            group.encoder.append(delivery, now: now)
        }
        self.markDirty(group)
    }

    /// Sends what was encoded to the loops that have members in step, and takes up those who were ahead.
    func deliver(_ group: HomeGroup, now: NIODeadline) {
        group.group.passOver(through: self.log.head)
        let frames = group.encoder.take(through: group.group.sent)
        if !frames.isEmpty {
            self.context.counts.handedOver(frames)
            group.group.handedOver(now: now)
            let id = group.id
            for (loop, count) in group.inStepCounts.enumerated() where count > 0 {
                self.context.loops.run(on: loop) { $0.deliver(frames, to: id) }
            }
        }
        for member in group.ahead.values {
            self.takeUp(member, group, now: now)
        }
        if group.skippedCount > 0 {
            self.slow(group, now: now)
        }
        self.setAlarm(group)
    }

    func count(_ notice: LagNotice) {
        self.context.counts.lagFrames[notice.reason, default: 0] += 1
        self.context.counts.skippedMessages += notice.skippedCount
    }

    /// Adds what a group did to the home's account, before the group goes.
    func account(for group: HomeGroup) {
        group.group.passOver(through: self.log.head)
        self.context.counts.conflatedMessages += group.group.counts.conflated
        self.context.counts.filteredMessages += group.group.counts.filtered
    }

    private func announceStall(_ isStalled: Bool, silentFor: Int64 = 0) {
        for group in self.index.all.values {
            self.markDirty(group)
            group.encoder.append(isStalled ? .stalled(silentFor: silentFor) : .resumed)
            for member in group.members.values {
                if case .inStep = member.place {
                    member.knowsStall = isStalled
                }
            }
        }
    }
}
