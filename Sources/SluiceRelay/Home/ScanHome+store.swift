import NIOCore

extension ScanHome {
    private var header: StoredHeader {
        StoredHeader(
            id: self.id,
            epoch: self.log.epoch,
            owner: self.owner,
            name: self.name,
            isCompleted: self.lifecycle.isCompleted,
            isRemoved: false
        )
    }

    /// Hands over what the store has not got; the answer is nil where there is no store.
    ///
    /// While a request is half taken nothing is handed over: it is all or nothing in the store too, and its end hands
    /// over the rest.
    func store(answer: StoredAnswer?, isHeard: Bool) -> EventLoopFuture<Void>? {
        guard let record = self.record, !self.isTaking else {
            return nil
        }
        let write = record.makeWrite(of: &self.log, header: self.header, answer: answer, isHeard: isHeard)
        let promise = self.context.eventLoop.makePromise(of: Void.self)
        promise.futureResult.assumeIsolated()
            .whenComplete { result in
                switch result {
                case .success:
                    record.settled(write, isStored: true)
                    self.log.stored(through: record.storedThrough)
                case .failure:
                    record.settled(write, isStored: false)
                    self.context.notStored(self)
                }
            }
        record.store.write(write, promise: promise)
        return promise.futureResult
    }

    /// Reads a member's next page from the store: memory no longer has what comes after its cursor.
    func sendStoredPage(
        to member: Member,
        after cursor: Seq,
        through end: Seq,
        maximumBytes: Int,
        _ record: ScanRecord
    ) {
        let filter = member.filter
        let read = self.context.eventLoop.makePromise(of: StoredPage.self)
        read.futureResult.assumeIsolated()
            .whenComplete { result in
                guard self.members[member.id] === member, case .behind(cursor, let reason) = member.place else {
                    return
                }
                let now = self.context.eventLoop.now
                guard member.filter == filter else {
                    self.pageDone(member, through: cursor, reason, now: now)
                    self.context.touch(self)
                    return
                }
                let through: Seq
                switch result {
                case .success(let stored) where stored.through > cursor:
                    let page = self.log.page(stored, after: cursor, filter: filter)
                    through = self.write(page, to: member, after: cursor, reason, now: now)
                case .success, .failure(RelayRefusal.scanNotFound), .failure(RelayRefusal.storageDamaged):
                    // What is gone for good is told as missing, and the member goes on from memory.
                    through = self.writePage(
                        to: member,
                        after: cursor,
                        through: end,
                        reason,
                        maximumBytes: maximumBytes,
                        now: now
                    )
                case .failure:
                    // It is there and cannot be read now: whoever comes back later misses nothing.
                    self.unsubscribe(member.id)
                    let id = member.id
                    self.context.loops.run(on: member.loop) { $0.end(id, .storageUnavailable) }
                    return
                }
                self.pageDone(member, through: through, reason, now: now)
                self.context.touch(self)
            }
        record.store.read(
            StoredPageRequest(
                life: record.life,
                stretch: LogStretch(after: cursor, through: min(end, self.log.evictedThrough)),
                selection: MessageSelection(filter: filter),
                maximumCount: self.context.configuration.maximumBatchCount,
                maximumBytes: maximumBytes
            ),
            promise: read
        )
    }
}
