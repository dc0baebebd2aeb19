import NIOCore
import SluiceBase
import SluiceWire

/// Pages of the log that members read on their own, one per request.
extension ScanHome {
    /// The most bytes of messages in one page of catch-up, and thereby the most that one request adds to an outbox.
    static let maximumPageBytes = 256 * 1024
    /// The most bytes of a page that are handed out in one turn of the loop, over all its readers.
    private static let handedBytes = 4 * 1024 * 1024
    /// The least that a page counts for each reader.
    private static let leastHandedBytes = 4096

    /// Whether some frames of a page are compressed; otherwise each is short enough to go uncompressed.
    private static func isLong(_ page: LogPage, form: WireForm) -> Bool {
        guard case .webSocket(.gzip(let minimumBytes, _)) = form.kind else {
            return false
        }
        return page.byteCount > minimumBytes
    }

    /// Sends a page to a member that is behind: at most `room` bytes, but at least one message.
    func sendPage(to id: SubscriptionID, loop: Int, room: Int, now: NIODeadline) {
        guard let member = self.members[id], case .behind(let cursor, let reason) = member.place else {
            self.context.loops.run(on: loop) { $0.pageDone(id, readsOn: false) }
            return
        }
        let end = self.replayEnd(for: member, now: now)
        let key = self.pageKey(member, cursor, reason, maximumBytes: Self.pageBytes(room: room))
        let isReady = cursor >= end || self.context.pages.page(for: key, through: end, now: now) != nil
        guard isReady || !self.takesAWhile(key, through: end) else {
            self.context.desk.ask(PageReader(id: id, end: end), for: key) { self.makePage(key, through: end) }
            self.context.makePages()
            return
        }
        self.pageDone(member, through: self.writePage(to: member, key, through: end, now: now), reason, now: now)
    }

    /// The most bytes of a page for a reader with so much room: a power of two, so that readers share pages.
    private static func pageBytes(room: Int) -> Int {
        1 << (Int.bitWidth - 1 - min(max(1, room), Self.maximumPageBytes).leadingZeroBitCount)
    }

    /// Whether a page has to be read from the store or compressed: gzip of a page costs as much as a thousand messages.
    private func takesAWhile(_ key: PageCache.Key, through end: Seq) -> Bool {
        key.isStored || key.form.isGzip && Self.isLong(self.page(key, through: end), form: key.form)
    }

    /// Moves a member past a page that was written: it reads on, or has caught up.
    func pageDone(_ member: Member, through: Seq, _ reason: LagNotice.Reason, now: NIODeadline) {
        member.place = .behind(cursor: through, reason)
        let id = member.id
        let readsOn = through < self.replayEnd(for: member, now: now)
        self.context.loops.run(on: member.loop) { $0.pageDone(id, readsOn: readsOn) }
        if !readsOn {
            self.context.counts.caughtUp(since: member.behindSince.take(), now: now)
            self.align(member, cursor: through, now: now)
        }
    }

    /// How far a member reads on its own: as far as its group has sent, because what waits in the group comes with the
    /// group, within its budget.
    private func replayEnd(for member: Member, now: NIODeadline) -> Seq {
        guard let group = self.group(member.groupKey), !group.group.isFarBehind(now: now) else {
            return self.log.head
        }
        return group.group.sent
    }

    /// Writes a page from memory to a member, a shared one if there is one.
    ///
    /// Returns the cursor after it.
    private func writePage(to member: Member, _ key: PageCache.Key, through end: Seq, now: NIODeadline) -> Seq {
        guard key.cursor < end else {
            return key.cursor
        }
        if let shared = self.context.pages.page(for: key, through: end, now: now) {
            self.hand(shared, to: member, isAskedFor: key.isAskedFor, now: now)
            return shared.frames.through
        }
        let page = self.page(key, through: end)
        self.context.turn.spend(encodedBytes: page.byteCount, isCompressed: key.form.isGzip)
        let encoded = self.encode(page, key)
        self.context.pages.insert(encoded, for: key, through: end, now: now)
        self.hand(encoded, to: member, isAskedFor: key.isAskedFor, now: now)
        return page.through
    }

    /// The messages that memory has for a page.
    func page(_ key: PageCache.Key, through end: Seq) -> LogPage {
        self.log.page(
            after: key.cursor,
            through: end,
            filter: key.filter,
            maximumCount: self.context.configuration.maximumBatchCount,
            maximumBytes: key.maximumBytes
        )
    }

    private func pageKey(
        _ member: Member,
        _ cursor: Seq,
        _ reason: LagNotice.Reason,
        maximumBytes: Int,
        isAskedFor: Bool = true
    ) -> PageCache.Key {
        PageCache.Key(
            epoch: self.log.epoch,
            form: member.form,
            filter: member.filter,
            isBatched: member.isBatched,
            cursor: cursor,
            reason: reason,
            maximumBytes: maximumBytes,
            isAskedFor: isAskedFor,
            isStored: self.archive != nil && isAskedFor && !self.log.holdsEverything(after: cursor)
        )
    }

    /// Catches a member that was ahead up with its group, by at most one page.
    ///
    /// Returns the cursor after it.
    func writeMissing(to member: Member, after cursor: Seq, through sent: Seq, now: NIODeadline) -> Seq {
        let maximumBytes = Self.maximumPageBytes
        let key = self.pageKey(member, cursor, .overflow, maximumBytes: maximumBytes, isAskedFor: false)
        return self.writePage(to: member, key, through: sent, now: now)
    }

    private func encode(_ page: LogPage, _ key: PageCache.Key) -> EncodedPage {
        self.context.counts.encodedPages += 1
        return Self.encode(page, FrameEncoder(form: key.form, scanID: self.id, epoch: key.epoch), key)
    }

    private static func encode(_ page: LogPage, _ encoder: FrameEncoder, _ key: PageCache.Key) -> EncodedPage {
        var encoded = EncodedPage(frames: OutgoingFrames(after: key.cursor), notices: [])
        encoded.frames.through = page.through
        for delivery in page.deliveries(key.reason, criticalAlone: !key.isAskedFor) {
            switch delivery {
            case .messages(let entries):
                encoded.frames.messageCount += entries.count
            case .lag(let notice):
                encoded.frames.lagCount += 1
                encoded.notices.append(notice)
            }
            encoded.frames.frameCount += encoder.encode(
                delivery,
                isBatched: key.isBatched,
                into: &encoded.frames.plain
            )
        }
        return encoded
    }

    /// Sends a page to a member, and counts what it lost.
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

    /// Encodes a page, on another thread where it has to be compressed, and hands it out.
    func pack(_ page: LogPage, _ key: PageCache.Key, through end: Seq) {
        guard self.context.desk.isWanted(key), key.form.isGzip, Self.isLong(page, form: key.form) else {
            self.handOut(self.context.desk.isWanted(key) ? self.encode(page, key) : nil, key, through: end)
            return
        }
        self.context.counts.encodedPages += 1
        let encoder = FrameEncoder(form: key.form, scanID: self.id, epoch: key.epoch)
        let packed = self.context.eventLoop.makePromise(of: EncodedPage.self)
        packed.futureResult.assumeIsolated()
            .whenSuccess { self.handOut($0, key, through: end) }
        self.context.packer { packed.succeed(Self.encode(page, encoder, key)) }
    }

    /// Hands a finished page to its readers, and shares it with others for a while.
    private func handOut(_ page: EncodedPage?, _ key: PageCache.Key, through end: Seq) {
        let isWanted = self.context.desk.isWanted(key)
        let readers = self.context.desk.finish(key)
        if let page, isWanted {
            self.context.pages.insert(page, for: key, through: end, now: self.context.eventLoop.now)
            self.hand(page, key, to: readers[...])
        }
        self.context.makePages()
    }

    /// Hands a page to its readers, to some in each turn of the loop.
    private func hand(_ page: EncodedPage, _ key: PageCache.Key, to readers: ArraySlice<PageReader>) {
        let now = self.context.eventLoop.now
        let byteCount = max(page.frames.plain.readableBytes, Self.leastHandedBytes)
        let count = max(1, Self.handedBytes / byteCount)
        for reader in readers.prefix(count) {
            guard let member = self.members[reader.id], case .behind(let cursor, let reason) = member.place else {
                continue
            }
            // The filter may have changed, and the page may go further than this reader may read.
            if cursor == key.cursor, member.filter == key.filter, page.frames.through <= reader.end {
                self.hand(page, to: member, isAskedFor: true, now: now)
                self.pageDone(member, through: page.frames.through, reason, now: now)
            } else {
                self.pageDone(member, through: cursor, reason, now: now)
            }
        }
        self.context.touch(self)
        let rest = readers.dropFirst(count)
        if !rest.isEmpty {
            self.context.eventLoop.nextTurn { self.hand(page, key, to: rest) }
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
