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
    func store(answer: StoredAnswer?, isHeard: Bool, isRemoved: Bool = false) -> EventLoopFuture<Void>? {
        guard let record = self.record else {
            return nil
        }
        var header = self.header
        header.isRemoved = isRemoved
        var write = record.makeWrite(of: &self.log, header: header, isHeard: isHeard)
        write.answer = answer
        let from = write.from
        let head = write.head
        let superseded = write.superseded
        let promise = self.context.eventLoop.makePromise(of: Void.self)
        promise.futureResult.assumeIsolated()
            .whenComplete { result in
                switch result {
                case .success:
                    record.settled(head, from: from, isStored: true)
                    self.log.stored(through: record.storedThrough)
                case .failure:
                    record.settled(head, from: from, isStored: false)
                    self.log.notForgotten(superseded)
                }
            }
        record.store.write(write, promise: promise)
        return promise.futureResult
    }

    /// A page of history for a reader without a socket.
    func history(since: Seq, maximumCount: Int, maximumBytes: Int, promise: EventLoopPromise<HistoryPage?>) {
        guard let record = self.record, !self.log.holdsEverything(after: since) else {
            promise.succeed(self.history(StoredPage(since), maximumCount, maximumBytes, hasMore: false))
            return
        }
        let read = self.context.eventLoop.makePromise(of: StoredPage.self)
        read.futureResult.assumeIsolated()
            .whenComplete { result in
                switch result {
                case .success(let page):
                    promise.succeed(self.history(page, maximumCount, maximumBytes, hasMore: true))
                case .failure(RelayRefusal.scanNotFound):
                    // Gone for good: memory is all there is.
                    promise.succeed(self.history(StoredPage(since), maximumCount, maximumBytes, hasMore: false))
                case .failure(let error):
                    promise.fail(error as? RelayRefusal ?? .storageUnavailable)
                }
            }
        record.store.read(
            StoredPageRequest(
                life: record.life,
                cursor: since,
                end: self.log.evictedThrough,
                maximumCount: maximumCount,
                maximumBytes: maximumBytes
            ),
            promise: read
        )
    }

    /// What the store gave, and what memory has after it; the store may have more of what memory evicted.
    private func history(
        _ stored: StoredPage,
        _ maximumCount: Int,
        _ maximumBytes: Int,
        hasMore: Bool
    ) -> HistoryPage {
        let first = self.log.page(stored, after: 0, filter: .everything)
        var page = HistoryPage(epoch: self.log.epoch, entries: first.entries, next: nil)
        page.damagedCount = stored.damagedCount
        let bytes = page.entries.reduce(0) { $0 + $1.message.byteCount }
        // Memory may have evicted more meanwhile; then the reader comes again.
        let isFull = page.entries.count >= maximumCount || bytes >= maximumBytes
        guard !isFull, !hasMore || self.log.holdsEverything(after: stored.through) else {
            page.next = stored.through < self.log.head ? stored.through : nil
            return page
        }
        let rest = self.log.page(
            after: stored.through,
            maximumCount: maximumCount - page.entries.count,
            maximumBytes: maximumBytes - bytes
        )
        page.entries += rest.entries
        page.next = rest.isComplete ? nil : rest.through
        return page
    }

    /// Reads a member's next page from the store: memory no longer has what comes after its cursor.
    func sendStoredPage(to member: Member, after cursor: Seq, through end: Seq, _ record: ScanRecord) {
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
                    through = self.write(page, to: member, after: cursor, reason, criticalAlone: false, now: now)
                case .success, .failure(RelayRefusal.scanNotFound), .failure(RelayRefusal.storageDamaged):
                    // What is gone for good is told as missing, and the member goes on from memory.
                    through = self.writePage(
                        to: member,
                        after: cursor,
                        through: end,
                        reason,
                        criticalAlone: false,
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
                cursor: cursor,
                end: min(end, self.log.evictedThrough),
                filter: filter,
                maximumCount: self.context.configuration.maximumBatchCount,
                maximumBytes: Self.maximumPageBytes
            ),
            promise: read
        )
    }
}

extension StoredPage {
    /// Nothing out of the store: memory has all that comes after the cursor.
    fileprivate init(_ cursor: Seq) {
        self.init(entries: [], through: cursor, lostThrough: 0)
    }
}
