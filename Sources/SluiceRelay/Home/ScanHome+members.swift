import Logging
import NIOCore

extension ScanHome {
    /// Starts a subscription.
    ///
    /// Its first frame says where it starts. A live subscription that waited for the scan starts at the scan's
    /// beginning.
    func subscribe(
        _ id: SubscriptionID,
        loop: Int,
        _ request: SubscriptionRequest,
        isAwaited: Bool = false,
        now: NIODeadline
    ) {
        let isFromBeginning = isAwaited && request.since == nil
        let start = isFromBeginning ? (cursor: 0, recovered: true) : self.start(of: request)
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
            seq: isFromBeginning ? 0 : self.log.head,
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

    /// Removes a subscription that its subscriber ended, or whose connection is gone.
    func unsubscribe(_ id: SubscriptionID) {
        guard let member = self.members.removeValue(forKey: id) else {
            return
        }
        self.alarms.remove(.member(id))
        self.context.desk.leave(id)
        self.leaveGroup(member)
    }

    /// Moves a member behind whose socket was full when frames came; it has everything through the cursor.
    func fellBehind(_ id: SubscriptionID, cursor: Seq, generation: Int, knowsStall: Bool) {
        guard let member = self.members[id] else {
            return
        }
        member.generation = generation
        member.knowsStall = knowsStall
        self.leaveGroup(member)
        member.place = .behind(cursor: cursor, .slowClient)
        member.behindSince = member.behindSince ?? self.context.eventLoop.now
    }

    /// Changes the filter or the rate of a subscription.
    ///
    /// Returns its new rate, in frames a second.
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

    /// Applies a new configuration, to existing subscriptions too.
    func reconfigure(now: NIODeadline) {
        let configuration = self.context.configuration
        self.lifecycle.reconfigure(configuration)
        self.log.history = configuration.history
        for group in self.index.all.values {
            group.group.limits = DeliveryGroup.Limits(configuration)
            self.setAlarm(group)
        }
        for member in Array(self.members.values) {
            member.rate.rebase(self.context.baseRate(member.askedRate))
            self.regroup(member, now: now)
        }
    }

    func report(on id: SubscriptionID) -> SubscriptionReport? {
        self.members[id]
            .map { member in
                let group = member.group
                group?.group.passOver(through: self.log.head)
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

    /// Places a member that has no group and everything through the cursor: in step, ahead, or behind.
    func align(_ member: Member, cursor: Seq, now: NIODeadline) {
        // Frames made before this moment go to the members of that moment.
        if let group = self.group(member.groupKey) {
            self.deliver(group, now: now)
        }
        self.place(member, cursor: cursor, comingFrom: nil, now: now)
    }

    /// Brings a member into step with a group that has sent as much as it has, or more: it first gets what it lacks.
    func takeUp(_ member: Member, _ group: HomeGroup, now: NIODeadline) {
        guard member.group === group, case .ahead(var cursor) = member.place, cursor <= group.group.sent else {
            return
        }
        // At most what a group sends in one turn of the loop, and shared by members that joined at the same place.
        while cursor < group.group.sent {
            guard self.context.turn.hasRoom || !member.form.isGzip else {
                self.leaveGroup(member)
                member.place = .behind(cursor: cursor, .overflow)
                self.readOn(member)
                return
            }
            cursor = self.writeMissing(to: member, after: cursor, through: group.group.sent, now: now)
        }
        self.bringInStep(member, group, now: now)
        self.regroup(member, now: now)
    }

    /// Counts a lag frame for each member of the group; members with too many get a lower rate.
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

    func rateChanged(_ member: Member, now: NIODeadline) {
        self.context.counts.rateChanges += 1
        self.logger.debug(
            "throttling a subscriber",
            metadata: [
                "subscription": .stringConvertible(member.id.number),
                "frames_per_s": .stringConvertible(member.rate.framesPerSecond),
            ]
        )
        self.setAlarm(member)
        self.regroup(member, now: now)
    }

    /// Moves a member whose terms have changed; it continues exactly where it was.
    func regroup(_ member: Member, now: NIODeadline) {
        guard let old = member.group, old.key.shared != member.groupKey else {
            return
        }
        self.deliver(old, now: now)
        if let new = self.group(member.groupKey) {
            self.deliver(new, now: now)
        }
        // Delivering may slow members, including this one, which has then moved already.
        guard member.group === old, old.key.shared != member.groupKey else {
            return
        }
        self.move(member, outOf: old, now: now)
    }

    /// Moves a member out of its group; neither group may hold frames that are not delivered.
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

    /// Places a member relative to the group of its terms, which holds no frames that are not delivered.
    private func place(_ member: Member, cursor: Seq, comingFrom old: HomeGroup?, now: NIODeadline) {
        let isApart = self.mustStandApart(member, cursor: cursor, comingFrom: old, now: now)
        guard !isApart, let group = self.group(member.groupKey),
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

    func readOn(_ member: Member) {
        member.behindSince = member.behindSince ?? self.context.eventLoop.now
        let id = member.id
        self.context.loops.run(on: member.loop) { $0.leave(id, readsOn: true) }
    }

    /// Where a subscription starts, and whether nothing of what it asked for is gone.
    private func start(of request: SubscriptionRequest) -> (cursor: Seq, recovered: Bool) {
        guard let since = request.since else {
            return (self.log.head, true)
        }
        let isSameLife = request.epoch.map { $0 == self.log.epoch } ?? true
        guard isSameLife, since <= self.log.head else {
            return (0, false)
        }
        guard self.archive != nil else {
            return (since, self.log.missedCount(after: since, filter: request.filter) == 0)
        }
        let lostThrough = self.ledger.map { $0.store.lostThrough($0.life) } ?? self.lostThrough
        return (since, self.log.lostCount(after: since, lostThrough, filter: request.filter) == 0)
    }
}
