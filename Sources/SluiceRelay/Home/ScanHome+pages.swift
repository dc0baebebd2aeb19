import NIOCore

/// What members read on their own: pages of the log, one at each request.
extension ScanHome {
    /// The most bytes of messages in one page of catch-up; with it, the most that one request adds to an outbox.
    static let maximumPageBytes = 256 * 1024

    /// A member that is behind has room for so many bytes of a page; it holds at least one message all the same.
    func sendPage(to id: SubscriptionID, loop: Int, room: Int, now: NIODeadline) {
        guard let member = self.members[id], case .behind(let cursor, let reason) = member.place else {
            self.context.loops.run(on: loop) { $0.pageDone(id, readsOn: false) }
            return
        }
        let end = self.replayEnd(for: member, now: now)
        let maximumBytes = min(Self.maximumPageBytes, room)
        if cursor < end, let record = self.record, !self.log.holdsEverything(after: cursor) {
            self.sendStoredPage(to: member, after: cursor, through: end, maximumBytes: maximumBytes, record)
            return
        }
        var through = cursor
        if cursor < end {
            through = self.writePage(
                to: member,
                after: cursor,
                through: end,
                reason,
                maximumBytes: maximumBytes,
                now: now
            )
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
        guard let group = self.group(member.groupKey), !group.group.isFarBehind(now: now) else {
            return self.log.head
        }
        return group.group.sent
    }

    /// Writes the page of the log that a member asked for.
    ///
    /// Returns the cursor after it.
    func writePage(
        to member: Member,
        after cursor: Seq,
        through end: Seq,
        _ reason: LagNotice.Reason,
        maximumBytes: Int,
        now: NIODeadline
    ) -> Seq {
        let page = self.log.page(
            after: cursor,
            through: end,
            filter: member.filter,
            maximumCount: self.context.configuration.maximumBatchCount,
            maximumBytes: maximumBytes
        )
        return self.write(page, to: member, after: cursor, reason, now: now)
    }

    /// Writes what a member that was ahead lacks of what its group has sent, up to a page of it.
    ///
    /// Returns the cursor after it.
    func writeMissing(to member: Member, after cursor: Seq, through sent: Seq, now: NIODeadline) -> Seq {
        let page = self.log.page(
            after: cursor,
            through: sent,
            filter: member.filter,
            maximumCount: self.context.configuration.maximumBatchCount,
            maximumBytes: Self.maximumPageBytes
        )
        return self.write(page, to: member, after: cursor, .overflow, isAskedFor: false, now: now)
    }

    /// Writes a page to one member; one that it did not ask for looks like what its group sends.
    ///
    /// Returns the cursor after it.
    func write(
        _ page: LogPage,
        to member: Member,
        after cursor: Seq,
        _ reason: LagNotice.Reason,
        isAskedFor: Bool = true,
        now: NIODeadline
    ) -> Seq {
        let encoder = FrameEncoder(form: member.form, scanID: self.id, epoch: self.log.epoch)
        var frames = OutgoingFrames(after: cursor)
        frames.through = page.through
        for delivery in page.deliveries(reason, criticalAlone: !isAskedFor) {
            switch delivery {
            case .messages(let entries):
                frames.messageCount += entries.count
            case .lag(let notice):
                frames.lagCount += 1
                self.count(notice)
                member.skippedCounts[notice.reason, default: 0] += notice.skippedCount
                if member.rate.lagSent(now: now) {
                    self.context.counts.rateChanges += 1
                    self.setAlarm(member)
                }
            }
            frames.frameCount += encoder.encode(delivery, isBatched: member.isBatched, into: &frames.plain)
        }
        self.context.counts.replayedMessages += frames.messageCount
        if frames.frameCount > 0 {
            self.send(frames, to: member, isAskedFor: isAskedFor)
        }
        return page.through
    }

    func write(_ notice: Notice, to member: Member, cursor: Seq) {
        var frames = OutgoingFrames(after: cursor)
        frames.frameCount = 1
        frames.saysStalled = notice.saysStalled
        FrameEncoder(form: member.form, scanID: self.id, epoch: self.log.epoch)
            .encode(notice, cursor: cursor, into: &frames.plain)
        self.send(frames, to: member, isAskedFor: true)
    }

    private func send(_ frames: OutgoingFrames, to member: Member, isAskedFor: Bool) {
        let id = member.id
        let generation = member.generation
        self.context.loops.run(on: member.loop) {
            $0.write(frames, to: id, generation: generation, isAskedFor: isAskedFor)
        }
    }
}
