import NIOCore

/// The groups of a scan: how they are found, woken, created and removed.
extension ScanHome {
    /// How long a compressor is kept without use.
    private static let streamIdleTime = TimeAmount.seconds(30)

    /// The group of these terms.
    ///
    /// A group is not shown messages it does not want, so it is moved to the log's head here.
    func group(_ key: HomeGroup.Key) -> HomeGroup? {
        guard let group = self.groups[key] else {
            return nil
        }
        group.group.passOver(through: self.log.head)
        return group
    }

    /// Marks a group that may have made frames, which go out at the end of this turn of the loop.
    func markDirty(_ group: HomeGroup) {
        if !group.isDirty {
            group.isDirty = true
            self.dirty.append(group)
        }
    }

    /// Wakes the group when it next has something to do.
    func setAlarm(_ group: HomeGroup) {
        let idleAt = group.encoder.idleSince.map { $0 + Self.streamIdleTime }
        if let deadline = [group.group.deadline, idleAt].compactMap({ $0 }).min() {
            self.alarms.set(.group(group.id), at: deadline)
        }
    }

    /// Wakes a member when its reduced rate may rise.
    func setAlarm(_ member: Member) {
        if let deadline = member.rate.deadline {
            self.alarms.set(.member(member.id), at: deadline)
        }
    }

    /// Rings the alarms that are due, each once, until the budget of this turn is spent.
    func ring(now: NIODeadline) {
        for alarm in self.alarms.popAllDue(now: now) {
            guard self.context.turn.hasRoom else {
                self.alarms.set(alarm, at: now)
                continue
            }
            switch alarm {
            case .group(let id):
                self.wake(id, now: now)
            case .member(let id):
                self.raiseRate(of: id, now: now)
            }
        }
    }

    private func wake(_ id: GroupID, now: NIODeadline) {
        guard let group = self.index.all[id] else {
            return
        }
        self.context.counts.polledGroups += 1
        group.group.poll(now: now)
        self.collect(group, now: now)
        group.encoder.releaseStreamIfIdle(since: now - Self.streamIdleTime)
    }

    /// Raises the rate of a member that has lost nothing for a while.
    private func raiseRate(of id: SubscriptionID, now: NIODeadline) {
        guard let member = self.members[id] else {
            return
        }
        if member.rate.tick(now: now) {
            self.rateChanged(member, now: now)
        } else {
            self.setAlarm(member)
        }
    }

    /// Whether a group has frames to send that this turn of the loop had no room for.
    func isLate(now: NIODeadline) -> Bool {
        self.alarms.next.map { $0 <= now } ?? false
    }

    /// Sends all waiting messages in the next turns of the loop, outside the frame budgets.
    func release() {
        for group in self.index.all.values {
            group.group.release()
            self.setAlarm(group)
        }
    }

    /// Whether messages that were released, or that go out with a critical one, are left for later turns.
    var isFlushing: Bool {
        self.index.all.values.contains { $0.group.isFlushing }
    }

    /// Adds the current number of groups, waiting messages and subscribers behind.
    func gauge(_ counts: inout HomeCounts) {
        counts.behindSubscribers += self.members.count
        for group in self.index.all.values {
            counts.groups += 1
            counts.pendingMessages += group.group.pendingCount
            counts.pendingBytes += group.group.pendingBytes
            counts.behindSubscribers -= group.members.count
        }
    }

    func add(_ group: HomeGroup) {
        self.groups[group.key] = group
        self.index.insert(group)
        if group.key.apart != nil {
            self.apart[group.key.shared, default: [:]][group.id] = group
        }
    }

    func leaveGroup(_ member: Member) {
        guard let group = member.group else {
            return
        }
        group.group.passOver(through: self.log.head)
        group.remove(member)
        if group.isEmpty {
            self.account(for: group)
            self.drop(group)
        }
    }

    private func drop(_ group: HomeGroup) {
        self.groups[group.key] = nil
        self.index.remove(group)
        self.alarms.remove(.group(group.id))
        self.noLongerApart(group)
    }

    func noLongerApart(_ group: HomeGroup) {
        self.apart[group.key.shared]?[group.id] = nil
        if self.apart[group.key.shared]?.isEmpty ?? false {
            self.apart[group.key.shared] = nil
        }
    }

    /// Creates a group on the member's terms at the cursor; messages after the cursor wait in it, or are due.
    func makeGroup(
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
        self.add(made)
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
        group.forgetFiltered()
        return group
    }
}

/// Groups that stand apart from the group that all subscribers of their terms share, until they can join it.
///
/// There are two reasons. A member that moves to an existing group has been sent frames that the group's budget does
/// not include: joining at once, it could get the frames of both within a second. So it continues in a group of its
/// own, with what it spent. And a newcomer owes nothing for what a group has spent or not sent yet: where it would wait
/// long, its own group becomes the shared one, and the old one stands apart until it catches up.
extension ScanHome {
    /// The most groups of equal terms that stand apart because they are far behind; further newcomers wait.
    private static let maximumApartCount = 64

    /// Whether a member that comes from another group must not join the shared one yet; a member behind the shared
    /// group would get one frame more than the budget allows.
    func mustStandApart(_ member: Member, cursor: Seq, comingFrom old: HomeGroup?, now: NIODeadline) -> Bool {
        guard let old, let shared = self.group(member.groupKey) else {
            return false
        }
        return cursor < shared.group.sent || !shared.group.covers(old.group, now: now)
    }

    /// Whether a member at this cursor would wait for what a group has spent or not sent yet, without owing it.
    func wouldWait(cursor: Seq, isNewcomer: Bool, for group: HomeGroup) -> Bool {
        isNewcomer ? cursor >= group.group.sent : cursor > group.group.sent
    }

    /// Puts a group apart to make room for one of the same terms that begins further on.
    ///
    /// Returns false for a group that will be there soon, and where too many stand apart already.
    func putApart(_ group: HomeGroup, now: NIODeadline) -> Bool {
        guard group.group.isFarBehind(now: now),
            self.apart[group.key]?.count ?? 0 < Self.maximumApartCount
        else {
            return false
        }
        self.rekey(group, isApart: true)
        return true
    }

    /// Joins groups that stand apart to the shared group of their terms, where it can take them, at the end of a turn
    /// in which one of them did something.
    func joinFromApart(by group: HomeGroup, now: NIODeadline) {
        guard group.key.apart == nil else {
            self.join(group, now: now)
            return
        }
        for own in Array((self.apart[group.key] ?? [:]).values) {
            self.join(own, now: now)
        }
    }

    private func join(_ own: HomeGroup, now: NIODeadline) {
        guard own.key.apart != nil, self.index.all[own.id] === own else {
            return
        }
        guard let shared = self.group(own.key.shared) else {
            self.rekey(own, isApart: false)
            return
        }
        own.group.passOver(through: self.log.head)
        if shared.group.hasJustSentMore(than: own.group, now: now) {
            // What waits here is a part of what the shared group has just sent.
            own.group.flush(now: now)
            self.collect(own, now: now)
            self.deliver(own, now: now)
        }
        if own.group.sent == shared.group.sent, shared.group.covers(own.group, now: now) {
            // Members that are ahead may need another shared group; those after them wait for the next turn.
            for member in own.members.values.sorted(by: { $0.isInStep && !$1.isInStep })
            where member.group === own && self.groups[own.key.shared] === shared {
                self.move(member, outOf: own, now: now)
            }
        }
    }

    private func rekey(_ group: HomeGroup, isApart: Bool) {
        self.noLongerApart(group)
        self.groups[group.key] = nil
        group.key.apart = isApart ? group.id : nil
        self.add(group)
    }
}
