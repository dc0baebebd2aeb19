import Logging
import NIOCore
internal import SluiceBase

/// The projection of a scan on its home loop: record → log → groups → frames → loops.
///
/// It applies records and control entries, and decides nothing: requests were judged before, and the log and the groups
/// determine what goes out when. Only this loop touches its log, groups and members, so nothing here has a lock.
final class ScanHome {
    /// The target of an alarm.
    enum Alarm: Hashable {
        case group(GroupID)
        case member(SubscriptionID)
    }

    /// A change for the subscribers of a scan in this gateway that is not in its records.
    enum Control {
        /// The scanner fell silent, for so many whole seconds.
        case stalled(silentFor: Int64)
        /// The scanner is back.
        case resumed
    }

    /// A record whose first `count` messages are shown; later turns of the loop show the others.
    private struct HalfApplied {
        var record: LogRecord
        var count: Int
    }

    let id: ScanID
    let context: HomeContext
    var log: ScanLog
    var lifecycle: ScanLifecycle
    /// The place of the newest record.
    private var place: UInt64 = 0
    /// How many messages the scan has had.
    private(set) var messageCount = 0
    private(set) var owner: String?
    private(set) var name: String?
    private var halfApplied: HalfApplied?
    /// Whether it is this process that tells observers of what records do, and of the scanner's silence: of several
    /// that share a log one does.
    private var tellsOfRecords = true
    private var tellsOfSilence = true
    /// Whether the record that opens it is still to be applied.
    private var isOpening = false
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
    /// When its alarm rings; nil while none is known to be set.
    var wakesAt: NIODeadline?
    /// Whether its home has forgotten it: what it did in this turn of the loop goes nowhere.
    var isRemoved = false
    let logger: Logger
    /// How much of it the store has; nil where there is no store.
    let ledger: StoreLedger?
    /// Where messages are read that memory has given up; nil where there is nothing but memory.
    let archive: LogArchive?
    /// Ordinary messages of a shared log up to this seq are gone for good, as far as was told.
    var lostThrough: Seq = 0

    /// A scan that a record opens; the record is still to be applied.
    init(
        _ id: ScanID,
        opening: LogRecord,
        ledger: StoreLedger?,
        context: HomeContext,
        logger: Logger,
        now: NIODeadline
    ) {
        self.id = id
        self.context = context
        self.ledger = ledger
        self.archive =
            ledger.map { LogArchive.store($0.store, life: $0.life) }
            ?? context.engine.map { LogArchive.engine($0, id, epoch: opening.epoch) }
        self.place = opening.prev
        self.messageCount = opening.messageCount - opening.messages.count
        self.log = ScanLog(
            epoch: opening.epoch,
            history: context.configuration.history,
            after: opening.first.previous,
            startedAt: opening.at,
            isStored: ledger != nil
        )
        self.lifecycle = ScanLifecycle(configuration: context.configuration, now: now)
        self.isOpening = true
        self.logger = logger
    }

    /// A scan that an earlier process left in the store.
    init(_ dormant: DormantScan, _ stored: StoredLog, context: HomeContext, logger: Logger, now: NIODeadline) {
        let header = dormant.scan.header
        self.id = header.id
        self.context = context
        self.ledger = context.store.map { StoreLedger(store: $0, resuming: dormant.scan) }
        self.archive = context.store.map { LogArchive.store($0, life: dormant.scan.life) }
        self.log = ScanLog(
            resuming: stored.tail,
            fold: dormant.scan.fold,
            epoch: header.epoch,
            head: dormant.scan.head,
            history: context.configuration.history
        )
        self.messageCount = Int(clamping: dormant.scan.head.rawValue)
        self.lifecycle = dormant.lifecycle
        self.owner = header.owner
        self.name = header.name
        self.logger = logger
        context.idempotency.restore(stored.answers, epoch: header.epoch, now: now)
    }

    /// A scan of a shared log that continues from what a carry repeats.
    init(_ id: ScanID, _ image: ScanImage, context: HomeContext, logger: Logger, now: NIODeadline) {
        let standing = image.standing
        self.id = id
        self.context = context
        self.ledger = nil
        self.archive = context.engine.map { LogArchive.engine($0, id, epoch: standing.epoch) }
        self.log = ScanLog(
            resuming: image.tail,
            fold: image.fold,
            epoch: standing.epoch,
            head: standing.head,
            history: context.configuration.history,
            isStored: false
        )
        self.place = standing.place
        self.messageCount = standing.messageCount
        self.lifecycle = ScanLifecycle(
            resuming: image.times.ages(now: context.wallClock()),
            configuration: context.configuration,
            isAway: false,
            now: now
        )
        self.owner = standing.owner
        self.name = standing.name
        self.tellsOfRecords = false
        self.tellsOfSilence = false
        self.logger = logger
        context.idempotency.restore(image.answers, epoch: standing.epoch, now: now)
    }

    /// Where the next record is judged.
    var standing: ScanStanding {
        ScanStanding(
            epoch: self.log.epoch,
            place: self.place,
            head: self.log.head,
            messageCount: self.messageCount,
            owner: self.owner,
            name: self.name
        )
    }

    /// Whether a record is half applied; nothing else is judged or applied until it is finished.
    var isApplying: Bool { self.halfApplied != nil }

    /// Applies a record until the budget of this turn is spent; `applyMore` applies the rest.
    ///
    /// Frames that are due by it go out at the end of the turn.
    func apply(_ record: LogRecord, now: NIODeadline) {
        precondition(
            record.prev == self.place && record.epoch == self.log.epoch && record.first == self.log.head.next,
            "a record is applied where it was judged"
        )
        self.owner = record.owner
        self.name = record.name
        if self.isOpening {
            self.isOpening = false
            self.tell(.started)
        }
        if record.isHeard, record.messages.isEmpty, self.lifecycle.keptAlive(now: now) {
            self.apply(.resumed)
        }
        var count = 0
        if !record.messages.isEmpty, self.context.turn.hasRoom {
            count = self.show(record, after: 0, now: now)
        }
        if count < record.messages.count {
            self.halfApplied = HalfApplied(record: record, count: count)
        } else {
            self.finish(record, now: now)
        }
    }

    /// Continues with a record that is half applied.
    func applyMore(now: NIODeadline) {
        guard let half = self.halfApplied else {
            return
        }
        let count = half.count + self.show(half.record, after: half.count, now: now)
        self.halfApplied?.count = count
        if count == half.record.messages.count {
            self.halfApplied = nil
            self.finish(half.record, now: now)
        }
    }

    /// The process that wrote a record tells of what it does, once; the one that wrote the scanner's last sign of life
    /// tells of the silence after it.
    ///
    /// A record that is not new was read once more with all of the log, and was told of before.
    func tells(of record: LogRecord, isNew: Bool) {
        self.tellsOfRecords = isNew && !record.isForeign
        if record.isHeard || !record.messages.isEmpty {
            self.tellsOfSilence = !record.isForeign
        }
    }

    /// Whether observers are still to be told by this process if the scanner falls silent now.
    var watchesForSilence: Bool {
        self.tellsOfSilence && !self.lifecycle.isCompleted && !self.lifecycle.isStalled
    }

    /// Applies what is not of the log.
    func apply(_ control: Control) {
        switch control {
        case .stalled(let silentFor):
            self.lifecycle.fellSilent()
            self.logger.info("scanner fell silent", metadata: ["silent_s": .stringConvertible(silentFor)])
            self.tellsOfRecords = self.tellsOfSilence
            self.tell(.stalled) { $0.silentFor = silentFor }
            self.announce(.stalled(silentFor: silentFor), isStalled: true)
        case .resumed:
            self.tell(.resumed)
            self.announce(.resumed, isStalled: false)
        }
    }

    /// Completes a record whose messages are all shown: the rest of it holds from now on.
    private func finish(_ record: LogRecord, now: NIODeadline) {
        self.place = record.place
        self.messageCount = record.messageCount
        let age = self.age(of: record)
        // A log that is read from its carry on has old answers: they would push out those that are asked for.
        if let answer = record.answer, age < IdempotencyBook.lifetime {
            let at = now - age
            self.context.idempotency.remember(answer.request, answer.receipt, epoch: record.epoch, at: at, now: now)
        }
        if let end = record.end {
            self.end(SubscriptionEnd(end), now: now)
        }
    }

    /// The most bytes of messages that are shown in one turn of the loop, not counting the last one.
    private static let sliceBytes = 128 * 1024

    /// Appends some messages of a record to the log, and shows them to the groups that want them.
    ///
    /// Returns how many: at least one, and more as far as this turn of the loop has room.
    private func show(_ record: LogRecord, after start: Int, now: NIODeadline) -> Int {
        guard let at = record.at else {
            preconditionFailure("messages came at a time")
        }
        var seq = record.first.advanced(by: start)
        var count = 0
        var bytes = 0
        for message in record.messages[start...] {
            guard count == 0 || (bytes < Self.sliceBytes && self.context.turn.hasRoom) else {
                break
            }
            count += 1
            bytes += message.byteCount
            self.show(LogEntry(seq: seq, at: at, message: message), now: now)
            seq = seq.next
        }
        self.messageCount = record.messageCount - (record.messages.count - start - count)
        self.context.counts.acceptedBytes += bytes
        self.context.counts.acceptedMessages += count
        return count
    }

    private func show(_ entry: LogEntry, now: NIODeadline) {
        let ending = self.lifecycle.isCompleted ? self.log.fold.ending : nil
        if self.lifecycle.messagePosted(isTerminal: entry.message.isTerminal, now: now) {
            self.apply(.resumed)
        }
        self.log.append(entry)
        if entry.message.isTerminal {
            self.tellEnding(unlike: ending)
        }
        let groupCount = self.index.forEach(wanting: entry.message) { group in
            group.group.append(entry, now: now, mayEmit: self.context.turn.hasRoom)
            self.collect(group, now: now)
        }
        self.context.counts.shownMessages += groupCount
        self.context.turn.spend(messageShownTo: groupCount)
    }

    /// Ends a turn of the loop: frames made in it go to the loops, in one write per group.
    func endTurn(now: NIODeadline) {
        guard !self.dirty.isEmpty else {
            return
        }
        let dirty = self.dirty
        self.dirty.removeAll()
        for group in dirty {
            group.isDirty = false
            // A group that lost its last member within the turn is skipped.
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

    /// When the scan next has something to do.
    var deadline: NIODeadline {
        min(self.lifecycle.deadline, self.alarms.next ?? .distantFuture)
    }

    /// Ends the scan for its subscribers: waiting messages go out, as many as one turn of the loop allows, then the
    /// subscribers are told.
    private func end(_ end: SubscriptionEnd, now: NIODeadline) {
        for group in Array(self.index.all.values) where self.context.turn.hasRoom {
            group.group.flush(now: now)
            self.collect(group, now: now)
            self.deliver(group, now: now)
        }
        for member in self.members.values {
            let id = member.id
            self.context.loops.run(on: member.loop) { $0.end(id, end) }
        }
        self.clear()
    }

    /// Drops groups, members and alarms: nothing more is sent, and nothing wakes the scan.
    func clear() {
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

    /// In a flood every frame reports a loss: one line per interval is for the operator, the others are for debugging.
    private static func lagLogLevel(_ group: HomeGroup, now: NIODeadline) -> Logger.Level {
        if let last = group.lastLagLoggedAt, now < last + self.lagLogInterval {
            return .debug
        }
        group.lastLagLoggedAt = now
        return .info
    }

    /// The shortest time between two logged losses of a group.
    private static let lagLogInterval = TimeAmount.seconds(10)

    /// Encodes the deliveries of a group that are due.
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

    /// Sends encoded frames to the loops that have members in step, and takes up members that were ahead.
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

    /// Adds the counts of a group to the home's, before the group goes.
    func account(for group: HomeGroup) {
        group.group.passOver(through: self.log.head)
        self.context.counts.conflatedMessages += group.group.counts.conflated
        self.context.counts.filteredMessages += group.group.counts.filtered
    }

    /// Reports how the scan ended, unless it has ended that way before.
    private func tellEnding(unlike before: ScanFold.Ending?) {
        switch (self.log.fold.ending, before) {
        case (.completed, .completed), (.failed, .failed), (nil, _):
            break
        case (.completed, _):
            self.tell(.completed)
        case (.failed(let text), _):
            self.tell(.failed) { $0.error = text }
        }
    }

    private func tell(_ kind: ScanEvent.Kind, _ more: (inout ScanEvent) -> Void = { _ in }) {
        guard self.tellsOfRecords, let observer = self.context.observer else {
            return
        }
        var event = ScanEvent(kind, scanID: self.id, epoch: self.log.epoch, seq: self.log.head)
        (event.owner, event.name) = (self.owner, self.name)
        more(&event)
        let deliveries = observer.deliveries(of: event)
        if let ledger = self.ledger {
            self.drop(ledger.tell(deliveries))
        } else {
            observer.send(deliveries)
        }
    }

    private func announce(_ notice: Notice, isStalled: Bool) {
        for group in self.index.all.values {
            self.markDirty(group)
            group.encoder.append(notice)
            for member in group.members.values {
                if case .inStep = member.place {
                    member.knowsStall = isStalled
                }
            }
        }
    }
}

extension SubscriptionEnd {
    init(_ end: ScanEnd) {
        switch end {
        case .completed: self = .scanCompleted
        case .idle: self = .scanIdle
        case .deleted: self = .scanDeleted
        }
    }
}
