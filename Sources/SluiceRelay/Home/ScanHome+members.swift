import Logging
import NIOCore

extension ScanHome {
    /// The most bytes of messages in one page of catch-up; with it, the most that one request adds to an outbox.
    static let maximumPageBytes = 256 * 1024

    /// A subscription begins.
    ///
    /// Its first frame says where.
    func subscribe(_ id: SubscriptionID, loop: Int, _ request: SubscriptionRequest, now: NIODeadline) {
        let start = self.start(of: request)
        let configuration = self.context.configuration
        let member = Member(
            id: id,
            loop: loop,
            request: request,
            isBatched: request.isBatched ?? (configuration.framing == .batch),
            rate: AdaptiveRate(
                configuration: configuration.adaptive,
                baseRate: self.context.baseRate(request.framesPerSecond)
            ),
            place: .behind(cursor: start.cursor, .historyEvicted)
        )
        self.members[id] = member
        let notice = Notice.subscribed(
            epoch: self.log.epoch,
            seq: self.log.head,
            recovered: start.recovered,
            framesPerSecond: member.rate.framesPerSecond,
            id: request.requestID
        )
        self.write(notice, to: member, cursor: start.cursor)
        if start.cursor == self.log.head {
            self.align(member, cursor: start.cursor, now: now)
        } else {
            self.readOn(member)
        }
    }

    /// A subscription is over by its subscriber's will, or its connection is gone.
    func unsubscribe(_ id: SubscriptionID) {
        guard let member = self.members.removeValue(forKey: id) else {
            return
        }
        self.slowed[id] = nil
        self.leaveGroup(member)
    }

    /// A member's socket was full when frames came; it has everything through the cursor.
    func fellBehind(_ id: SubscriptionID, cursor: Seq, generation: Int, knowsStall: Bool) {
        guard let member = self.members[id] else {
            return
        }
        member.generation = generation
        member.knowsStall = knowsStall
        self.leaveGroup(member)
        member.place = .behind(cursor: cursor, .slowClient)
    }

    /// A member that is behind has room for a page.
    func sendPage(to id: SubscriptionID, loop: Int, now: NIODeadline) {
        guard let member = self.members[id], case .behind(let cursor, let reason) = member.place else {
            self.context.loops.run(on: loop) { $0.pageDone(id, readsOn: false) }
            return
        }
        let end = self.replayEnd(for: member, now: now)
        if cursor < end, let record = self.record, !self.log.holdsEverything(after: cursor) {
            self.sendStoredPage(to: member, after: cursor, through: end, record)
            return
        }
        var through = cursor
        if cursor < end {
            through = self.writePage(to: member, after: cursor, through: end, reason, criticalAlone: false, now: now)
        }
        self.pageDone(member, through: through, reason, now: now)
    }

    /// A page was written: the member reads on, or has caught up.
    func pageDone(_ member: Member, through: Seq, _ reason: LagNotice.Reason, now: NIODeadline) {
        member.place = .behind(cursor: through, reason)
        let id = member.id
        let readsOn = through < self.replayEnd(for: member, now: now)
        self.context.loops.run(on: member.loop) { $0.pageDone(id, readsOn: readsOn) }
        if !readsOn {
            self.align(member, cursor: through, now: now)
        }
    }

    /// How far a member reads on its own: as far as its group has sent, since what waits there comes with the group,
    /// within its budget.
    private func replayEnd(for member: Member, now: NIODeadline) -> Seq {
        guard let group = self.groups[member.groupKey], !group.group.isFarBehind(now: now) else {
            return self.log.head
        }
        return group.group.sent
    }

    /// The subscriber wants other types or another rate.
    ///
    /// Returns the rate that it has now, in frames a second.
    func change(
        _ id: SubscriptionID,
        filter: TypeFilter?,
        framesPerSecond: Double?,
        now: NIODeadline
    ) -> Double? {
        guard let member = self.members[id] else {
            return nil
        }
        member.filter = filter ?? member.filter
        if let framesPerSecond {
            member.askedRate = framesPerSecond
            member.rate.rebase(self.context.baseRate(framesPerSecond))
        }
        self.regroup(member, now: now)
        return member.rate.framesPerSecond
    }

    /// The operator's values have changed; they hold for the subscriptions that stand, too.
    func reconfigure(now: NIODeadline) {
        let configuration = self.context.configuration
        self.lifecycle.reconfigure(configuration)
        self.log.history = configuration.history
        for group in self.groups.values {
            group.group.limits = DeliveryGroup.Limits(configuration)
        }
        for member in Array(self.members.values) {
            member.rate.rebase(self.context.baseRate(member.askedRate))
            self.regroup(member, now: now)
        }
    }

    /// How a subscription stands.
    func report(on id: SubscriptionID) -> SubscriptionReport? {
        self.members[id]
            .map { member in
                let group = member.group
                let place: (SubscriptionReport.Place, Seq) =
                    switch member.place {
                    case .behind(let cursor, _): (.behind, cursor)
                    case .ahead(let cursor): (.ahead, cursor)
                    case .inStep: (.inStep, group?.group.sent ?? self.log.head)
                    }
                let counts = group?.counts(of: member) ?? member.pastCounts
                return SubscriptionReport(
                    place: place.0,
                    cursor: place.1,
                    head: self.log.head,
                    framesPerSecond: member.rate.framesPerSecond,
                    conflatedCount: counts.conflated,
                    filteredCount: counts.filtered,
                    skippedCounts: member.skippedCounts,
                    pendingCount: group?.group.pendingCount ?? 0
                )
            }
    }

    /// Puts a member that has everything through the cursor, and no group, where it belongs: in step, ahead, or behind.
    func align(_ member: Member, cursor: Seq, now: NIODeadline) {
        // What was made before this moment goes to those who were there before.
        if let group = self.groups[member.groupKey] {
            self.deliver(group, now: now)
        }
        self.place(member, cursor: cursor, comingFrom: nil, now: now)
    }

    /// The group has sent as much as the member has, or more: it gets what it lacks, and is in step.
    func takeUp(_ member: Member, _ group: HomeGroup, now: NIODeadline) {
        guard member.group === group, case .ahead(var cursor) = member.place, cursor <= group.group.sent else {
            return
        }
        while cursor < group.group.sent {
            cursor = self.writePage(
                to: member,
                after: cursor,
                through: group.group.sent,
                .overflow,
                criticalAlone: true,
                now: now
            )
        }
        self.bringInStep(member, group, now: now)
        self.regroup(member, now: now)
    }

    /// Each member of a group was sent a lag frame; those that had too many get another rate.
    func slow(_ group: HomeGroup, now: NIODeadline) {
        let skippedCount = group.skippedCount
        group.skippedCount = 0
        for member in Array(group.members.values) {
            guard member.group === group, case .inStep = member.place else {
                continue
            }
            member.skippedCounts[.overflow, default: 0] += skippedCount
            if member.rate.lagSent(now: now) {
                self.rateChanged(member, now: now)
            }
        }
    }

    /// Members that lost nothing for a while get a better rate.
    func raiseRates(now: NIODeadline) {
        for member in Array(self.slowed.values) where member.rate.tick(now: now) {
            self.rateChanged(member, now: now)
        }
    }

    private func rateChanged(_ member: Member, now: NIODeadline) {
        self.context.counts.rateChanges += 1
        self.logger.debug(
            "throttling a subscriber",
            metadata: ["subscription": "\(member.id.number)", "frames_per_s": "\(member.rate.framesPerSecond)"]
        )
        self.slowed[member.id] = member.rate.isReduced ? member : nil
        self.regroup(member, now: now)
    }

    /// The member's terms have changed: it moves, and goes on exactly where it was.
    func regroup(_ member: Member, now: NIODeadline) {
        guard let old = member.group, old.key.shared != member.groupKey else {
            return
        }
        self.deliver(old, now: now)
        if let new = self.groups[member.groupKey] {
            self.deliver(new, now: now)
        }
        // Delivering may slow members, this one too, which then has moved already.
        guard member.group === old, old.key.shared != member.groupKey else {
            return
        }
        self.move(member, outOf: old, now: now)
    }

    /// Takes a member out of its group and puts it where it belongs; neither group has made what is not delivered.
    func move(_ member: Member, outOf old: HomeGroup, now: NIODeadline) {
        let cursor: Seq
        if case .ahead(let ahead) = member.place {
            cursor = ahead
        } else {
            cursor = old.group.sent
        }
        self.leaveGroup(member)
        let id = member.id
        self.context.loops.run(on: member.loop) { $0.leave(id, readsOn: false) }
        self.place(member, cursor: cursor, comingFrom: old, now: now)
    }

    /// Puts a member at its place against the group of its terms, which has nothing made that is not delivered.
    private func place(_ member: Member, cursor: Seq, comingFrom old: HomeGroup?, now: NIODeadline) {
        let isApart = self.mustStandApart(member, cursor: cursor, comingFrom: old, now: now)
        guard !isApart, let group = self.groups[member.groupKey],
            !self.wouldWait(cursor: cursor, isNewcomer: old == nil, for: group) || !self.putApart(group, now: now)
        else {
            let group = self.makeGroup(for: member, cursor: cursor, comingFrom: old, isApart: isApart, now: now)
            self.bringInStep(member, group, now: now)
            self.collect(group, now: now)
            self.deliver(group, now: now)
            return
        }
        if cursor == group.group.sent {
            self.bringInStep(member, group, now: now)
        } else if cursor > group.group.sent {
            group.insertAhead(member, cursor: cursor)
        } else {
            let reason: LagNotice.Reason = if case .behind(_, let reason) = member.place { reason } else { .overflow }
            member.place = .behind(cursor: cursor, reason)
            self.readOn(member)
        }
    }

    private func bringInStep(_ member: Member, _ group: HomeGroup, now: NIODeadline) {
        group.insertInStep(member)
        if member.knowsStall != self.lifecycle.isStalled {
            member.knowsStall = self.lifecycle.isStalled
            let notice: Notice =
                member.knowsStall ? .stalled(silentFor: self.lifecycle.silentFor(now: now)) : .resumed
            self.write(notice, to: member, cursor: group.group.sent)
        }
        let id = member.id
        let groupID = group.id
        let generation = member.generation
        self.context.loops.run(on: member.loop) { $0.join(id, groupID, generation: generation) }
    }

    private func readOn(_ member: Member) {
        let id = member.id
        self.context.loops.run(on: member.loop) { $0.leave(id, readsOn: true) }
    }

    private func leaveGroup(_ member: Member) {
        guard let group = member.group else {
            return
        }
        group.remove(member)
        if group.isEmpty {
            self.account(for: group)
            self.groups[group.key] = nil
            self.apart[group.id] = nil
        }
    }

    /// A group for the member's terms that stands at the cursor; what was posted since waits in it, or is due.
    private func makeGroup(
        for member: Member,
        cursor: Seq,
        comingFrom old: HomeGroup?,
        isApart: Bool,
        now: NIODeadline
    ) -> HomeGroup {
        let id = self.context.makeGroupID()
        var key = member.groupKey
        key.apart = isApart ? id : nil
        let group: DeliveryGroup
        if let old, old.key.terms.filter == key.terms.filter, old.group.sent == cursor {
            group = old.group.continued(framesPerSecond: key.terms.framesPerSecond)
        } else {
            group = self.makeDeliveryGroup(terms: key.terms, cursor: cursor, comingFrom: old, now: now)
        }
        let made = HomeGroup(
            id: id,
            key: key,
            group: group,
            encoder: GroupEncoder(
                encoder: FrameEncoder(form: key.form, scanID: self.id, epoch: self.log.epoch),
                isBatched: key.terms.isBatched,
                memory: self.context.memory,
                sent: cursor
            ),
            loopCount: self.context.loops.count
        )
        self.groups[key] = made
        self.apart[id] = isApart ? made : nil
        return made
    }

    private func makeDeliveryGroup(
        terms: DeliveryTerms,
        cursor: Seq,
        comingFrom old: HomeGroup?,
        now: NIODeadline
    ) -> DeliveryGroup {
        let limits = DeliveryGroup.Limits(self.context.configuration)
        var group = DeliveryGroup(terms: terms, limits: limits, head: cursor, continuing: old?.group)
        let page = self.log.page(after: cursor, filter: terms.filter, maximumCount: .max)
        for item in page.items {
            switch item {
            case .entry(let entry):
                group.append(entry, now: now)
            case .missed(let count, _):
                group.lose(count: count, now: now)
            }
        }
        group.passOver(through: page.through)
        return group
    }

    /// Writes one page of the log to one member.
    ///
    /// Returns the cursor after it.
    func writePage(
        to member: Member,
        after cursor: Seq,
        through end: Seq,
        _ reason: LagNotice.Reason,
        criticalAlone: Bool,
        now: NIODeadline
    ) -> Seq {
        let page = self.log.page(
            after: cursor,
            through: end,
            filter: member.filter,
            maximumCount: self.context.configuration.maximumBatchCount,
            maximumBytes: Self.maximumPageBytes
        )
        return self.write(page, to: member, after: cursor, reason, criticalAlone: criticalAlone, now: now)
    }

    /// Writes a page to one member.
    ///
    /// Returns the cursor after it.
    func write(
        _ page: LogPage,
        to member: Member,
        after cursor: Seq,
        _ reason: LagNotice.Reason,
        criticalAlone: Bool,
        now: NIODeadline
    ) -> Seq {
        let encoder = FrameEncoder(form: member.form, scanID: self.id, epoch: self.log.epoch)
        var frames = OutgoingFrames(after: cursor)
        frames.through = page.through
        for delivery in page.deliveries(reason, criticalAlone: criticalAlone) {
            switch delivery {
            case .messages(let entries):
                frames.messageCount += entries.count
            case .lag(let notice):
                frames.lagCount += 1
                self.count(notice)
                member.skippedCounts[notice.reason, default: 0] += notice.skippedCount
                if member.rate.lagSent(now: now) {
                    self.context.counts.rateChanges += 1
                    self.slowed[member.id] = member
                }
            }
            frames.frameCount += encoder.encode(delivery, isBatched: member.isBatched, into: &frames.plain)
        }
        self.context.counts.replayedMessages += frames.messageCount
        if frames.frameCount > 0 {
            let id = member.id
            let written = frames
            let generation = member.generation
            self.context.loops.run(on: member.loop) { $0.write(written, to: id, generation: generation) }
        }
        return page.through
    }

    private func write(_ notice: Notice, to member: Member, cursor: Seq) {
        var frames = OutgoingFrames(after: cursor)
        frames.frameCount = 1
        frames.saysStalled = notice.saysStalled
        FrameEncoder(form: member.form, scanID: self.id, epoch: self.log.epoch)
            .encode(notice, cursor: cursor, into: &frames.plain)
        let id = member.id
        let written = frames
        let generation = member.generation
        self.context.loops.run(on: member.loop) { $0.write(written, to: id, generation: generation) }
    }

    /// Where a subscription begins, and whether nothing of what it asked for is gone.
    private func start(of request: SubscriptionRequest) -> (cursor: Seq, recovered: Bool) {
        guard let since = request.since else {
            return (self.log.head, true)
        }
        let isSameLife = request.epoch.map { $0 == self.log.epoch } ?? true
        guard isSameLife, since <= self.log.head else {
            return (0, false)
        }
        guard let record = self.record else {
            return (since, self.log.missedCount(after: since, filter: request.filter) == 0)
        }
        let lostThrough = record.store.lostThrough(record.life)
        return (since, self.log.lostCount(after: since, lostThrough, filter: request.filter) == 0)
    }
}
