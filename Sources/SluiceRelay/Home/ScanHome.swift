import Logging
import NIOCore
internal import SluiceBase

/// A scan on its home loop: post → log → groups → frames → loops.
///
/// Its log, groups and members are touched by this loop alone, so nothing here has a lock. It decides nothing by
/// itself: the log, the lifecycle and the groups do, and it carries out what they say.
final class ScanHome {
    let id: ScanID
    let context: HomeContext
    var log: ScanLog
    var lifecycle: ScanLifecycle
    var owner: String?
    var name: String?
    var idempotency = IdempotencyRecord()
    var groups: [HomeGroup.Key: HomeGroup] = [:]
    var members: [SubscriptionID: Member] = [:]
    /// Whether it did something in this loop turn, at whose end what was made goes out.
    var isTouched = false
    /// Members whose rate is reduced, and may rise again.
    var slowed: [SubscriptionID: Member] = [:]
    /// Those of the groups that stand apart from the shared one of their terms.
    var apart: [GroupID: HomeGroup] = [:]
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
        self.idempotency = IdempotencyRecord(restoring: stored.answers, now: now)
        self.logger = logger
    }

    /// Numbers messages, keeps them, and shows them to the groups.
    ///
    /// What is due goes out at the end of the loop turn.
    func post(_ messages: [Message], at: WallTime, now: NIODeadline) -> ClosedRange<Seq>? {
        let first = self.log.head.next
        for message in messages {
            if self.lifecycle.messagePosted(isTerminal: message.isTerminal, now: now) {
                self.announceStall(false)
            }
            let entry = self.log.append(message, at: at)
            self.context.counts.acceptedBytes += message.byteCount
            for group in self.groups.values {
                group.group.append(entry, now: now)
                self.collect(group, now: now)
            }
        }
        if let record = self.record {
            // Frames leave at the end of the loop turn at the earliest, and other loops hear of them after this.
            record.store.numbered(record.life, through: self.log.head)
        }
        self.context.counts.acceptedMessages += messages.count
        return messages.isEmpty ? nil : first...self.log.head
    }

    /// The scanner said that it is there.
    func keepAlive(now: NIODeadline) {
        if self.lifecycle.keptAlive(now: now) {
            self.announceStall(false)
        }
    }

    /// The end of a loop turn: what was made in it goes to the loops, in one write for each group.
    func endTurn(now: NIODeadline) {
        for group in self.groups.values {
            self.deliver(group, now: now)
        }
        if !self.apart.isEmpty {
            self.joinFromApart(now: now)
        }
    }

    /// Time passed.
    ///
    /// Returns why the scan is to be removed, if it is.
    func tick(now: NIODeadline) -> ScanLifecycle.Removal? {
        for group in self.groups.values {
            group.group.poll(now: now)
            self.collect(group, now: now)
            group.encoder.releaseStreamIfIdle(since: now - Self.streamIdleTime)
        }
        self.raiseRates(now: now)
        switch self.lifecycle.tick(now: now) {
        case .doNothing:
            break
        case .announceStall(let silentFor):
            self.logger.info("scanner fell silent", metadata: ["silent_s": "\(silentFor)"])
            self.announceStall(true, silentFor: silentFor)
        case .remove(let removal):
            return removal
        }
        self.endTurn(now: now)
        return nil
    }

    /// When `tick` next has something to do.
    var deadline: NIODeadline {
        var deadline = self.lifecycle.deadline
        for group in self.groups.values {
            deadline = min(deadline, group.group.deadline ?? .distantFuture)
            deadline = min(deadline, group.encoder.idleSince.map { $0 + Self.streamIdleTime } ?? .distantFuture)
        }
        for member in self.slowed.values {
            deadline = min(deadline, member.rate.deadline ?? .distantFuture)
        }
        return deadline
    }

    /// The scan is over for its subscribers: what waits goes out, then they are told.
    func end(_ end: SubscriptionEnd, now: NIODeadline) {
        for group in self.groups.values {
            group.group.flush()
            self.collect(group, now: now)
            self.deliver(group, now: now)
        }
        for member in self.members.values {
            let id = member.id
            self.context.loops.run(on: member.loop) { $0.end(id, end) }
        }
        for group in Array(self.groups.values) {
            self.account(for: group)
        }
        self.members.removeAll()
        self.groups.removeAll()
        self.slowed.removeAll()
        self.apart.removeAll()
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

    /// A compressor that nobody used for so long is given up.
    private static let streamIdleTime = TimeAmount.seconds(30)

    /// Encodes what the group says is due.
    func collect(_ group: HomeGroup, now: NIODeadline) {
        for delivery in group.group.take() {
            if case .lag(let notice) = delivery {
                self.count(notice)
                self.logger.log(
                    level: Self.lagLogLevel(group, now: now),
                    "subscribers lag",
                    metadata: ["skipped": "\(notice.skippedCount)", "reason": "\(notice.reason.rawValue)"]
                )
                group.skippedCount += notice.skippedCount
            }
            group.encoder.append(delivery, now: now)
        }
    }

    /// Sends what was encoded to the loops that have members in step, and takes up those who were ahead.
    func deliver(_ group: HomeGroup, now: NIODeadline) {
        let frames = group.encoder.take(through: group.group.sent)
        if !frames.isEmpty {
            self.context.counts.framesMade += frames.frameCount
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
    }

    func count(_ notice: LagNotice) {
        self.context.counts.lagFrames[notice.reason, default: 0] += 1
        self.context.counts.skippedMessages += notice.skippedCount
    }

    /// Adds what a group did to the home's account, before the group goes.
    func account(for group: HomeGroup) {
        self.context.counts.conflatedMessages += group.group.counts.conflated
        self.context.counts.filteredMessages += group.group.counts.filtered
    }

    private func announceStall(_ isStalled: Bool, silentFor: Int64 = 0) {
        for group in self.groups.values {
            group.encoder.append(isStalled ? .stalled(silentFor: silentFor) : .resumed)
            for member in group.members.values {
                if case .inStep = member.place {
                    member.knowsStall = isStalled
                }
            }
        }
    }
}
