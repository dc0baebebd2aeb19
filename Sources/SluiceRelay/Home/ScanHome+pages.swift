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
            let packs = self.packsElsewhere(
                for: member,
                after: cursor,
                through: end,
                reason,
                maximumBytes: maximumBytes,
                now: now
            )
            if packs {
                return
            }
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
        let key = self.pageKey(member, cursor, reason, maximumBytes)
        if let shared = self.context.pages.page(for: key, through: end, now: now) {
            self.hand(shared, to: member, isAskedFor: true, now: now)
            return shared.frames.through
        }
        let page = self.page(for: member, after: cursor, through: end, maximumBytes: maximumBytes)
        let encoded = self.encode(page, for: member, after: cursor, reason, criticalAlone: false)
        if page.through < end {
            self.context.pages.insert(encoded, for: key, now: now)
        }
        self.hand(encoded, to: member, isAskedFor: true, now: now)
        return page.through
    }

    private func page(for member: Member, after cursor: Seq, through end: Seq, maximumBytes: Int) -> LogPage {
        self.log.page(
            after: cursor,
            through: end,
            filter: member.filter,
            maximumCount: self.context.configuration.maximumBatchCount,
            maximumBytes: maximumBytes
        )
    }

    private func pageKey(
        _ member: Member,
        _ cursor: Seq,
        _ reason: LagNotice.Reason,
        _ maximumBytes: Int
    ) -> PageCache.Key {
        PageCache.Key(
            epoch: self.log.epoch,
            form: member.form,
            filter: member.filter,
            isBatched: member.isBatched,
            cursor: cursor,
            reason: reason,
            maximumBytes: maximumBytes
        )
    }

    /// Has a page packed by another loop, where packing it is work: gzip of a page takes as long as a thousand messages.
    ///
    /// Returns false where the page is small, where it is there already, or where there is no other loop.
    private func packsElsewhere(
        for member: Member,
        after cursor: Seq,
        through end: Seq,
        _ reason: LagNotice.Reason,
        maximumBytes: Int,
        now: NIODeadline
    ) -> Bool {
        let key = self.pageKey(member, cursor, reason, maximumBytes)
        guard case .webSocket(.gzip(let minimumBytes, _)) = member.form.kind,
            let packer = self.context.otherLoop,
            self.context.pages.page(for: key, through: end, now: now) == nil
        else {
            return false
        }
        let page = self.page(for: member, after: cursor, through: end, maximumBytes: maximumBytes)
        guard page.entries.reduce(0, { $0 + $1.message.byteCount }) > minimumBytes else {
            return false
        }
        self.context.counts.encodedPages += 1
        let encoder = FrameEncoder(form: member.form, scanID: self.id, epoch: self.log.epoch)
        let isBatched = member.isBatched
        packer.submit {
            Self.encode(page, encoder, isBatched: isBatched, after: cursor, reason, criticalAlone: false)
        }
        .hop(to: self.context.eventLoop).assumeIsolated()
        .whenSuccess { encoded in
            guard self.members[member.id] === member, case .behind(cursor, let reason) = member.place else {
                return
            }
            let now = self.context.eventLoop.now
            var through = cursor
            if member.filter == key.filter {
                if page.through < end {
                    self.context.pages.insert(encoded, for: key, now: now)
                }
                self.hand(encoded, to: member, isAskedFor: true, now: now)
                through = page.through
            }
            self.pageDone(member, through: through, reason, now: now)
            self.context.touch(self)
        }
        return true
    }

    /// Writes what a member that was ahead lacks of what its group has sent, up to a page of it.
    ///
    /// Returns the cursor after it.
    func writeMissing(to member: Member, after cursor: Seq, through sent: Seq, now: NIODeadline) -> Seq {
        let page = self.page(for: member, after: cursor, through: sent, maximumBytes: Self.maximumPageBytes)
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
        let encoded = self.encode(page, for: member, after: cursor, reason, criticalAlone: !isAskedFor)
        self.hand(encoded, to: member, isAskedFor: isAskedFor, now: now)
        return page.through
    }

    private func encode(
        _ page: LogPage,
        for member: Member,
        after cursor: Seq,
        _ reason: LagNotice.Reason,
        criticalAlone: Bool
    ) -> EncodedPage {
        self.context.counts.encodedPages += 1
        let encoder = FrameEncoder(form: member.form, scanID: self.id, epoch: self.log.epoch)
        return Self.encode(
            page,
            encoder,
            isBatched: member.isBatched,
            after: cursor,
            reason,
            criticalAlone: criticalAlone
        )
    }

    private static func encode(
        _ page: LogPage,
        _ encoder: FrameEncoder,
        isBatched: Bool,
        after cursor: Seq,
        _ reason: LagNotice.Reason,
        criticalAlone: Bool
    ) -> EncodedPage {
        var encoded = EncodedPage(frames: OutgoingFrames(after: cursor), notices: [])
        encoded.frames.through = page.through
        for delivery in page.deliveries(reason, criticalAlone: criticalAlone) {
            switch delivery {
            case .messages(let entries):
                encoded.frames.messageCount += entries.count
            case .lag(let notice):
                encoded.frames.lagCount += 1
                encoded.notices.append(notice)
            }
            encoded.frames.frameCount += encoder.encode(
                delivery,
                isBatched: isBatched,
                into: &encoded.frames.plain
            )
        }
        return encoded
    }

    /// Sends a page to a member, and keeps account of what it lost.
    private func hand(_ page: EncodedPage, to member: Member, isAskedFor: Bool, now: NIODeadline) {
        for notice in page.notices {
            self.count(notice)
            member.skippedCounts[notice.reason, default: 0] += notice.skippedCount
            if member.rate.lagSent(now: now) {
                self.context.counts.rateChanges += 1
                self.setAlarm(member)
            }
        }
        self.context.counts.replayedMessages += page.frames.messageCount
        if page.frames.frameCount > 0 {
            self.send(page.frames, to: member, isAskedFor: isAskedFor)
        }
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
