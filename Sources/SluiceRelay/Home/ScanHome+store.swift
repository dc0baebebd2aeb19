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

    /// Hands over what the store lacks; nil where there is no store, or while a record is half applied.
    ///
    /// While a record is half applied nothing is handed over: a record is all or nothing in the store too, and its end
    /// hands over the rest.
    func store(answer: StoredAnswer?, isHeard: Bool) -> EventLoopFuture<Void>? {
        guard let ledger = self.ledger, !self.isApplying else {
            return nil
        }
        let write = ledger.makeWrite(of: &self.log, header: self.header, answer: answer, isHeard: isHeard)
        let promise = self.context.eventLoop.makePromise(of: Void.self)
        promise.futureResult.assumeIsolated()
            .whenComplete { result in
                switch result {
                case .success:
                    ledger.settled(write, isStored: true)
                    self.log.stored(through: ledger.storedThrough)
                    self.context.observer?.send(write.deliveries)
                case .failure:
                    ledger.settled(write, isStored: false)
                    self.drop(ledger.tell([]))
                    self.context.notStored(self)
                }
            }
        ledger.store.write(write, promise: promise)
        return promise.futureResult
    }

    /// Hands over what others are to be told of, where no request does that.
    func storeEvents() {
        if self.ledger?.deliveries.isEmpty == false {
            _ = self.store(answer: nil, isHeard: false)
        }
    }

    /// Nobody is told of what is never stored.
    func drop(_ deliveries: [HookDelivery]) {
        if !deliveries.isEmpty {
            self.context.observer?.drop(deliveries)
        }
    }

    /// Makes a page, from the archive if memory no longer has all messages after its cursor.
    func makePage(_ key: PageCache.Key, through end: Seq) {
        guard let archive = self.archive, !self.log.holdsEverything(after: key.cursor) else {
            self.pack(self.page(key, through: end), key, through: end)
            return
        }
        self.context.counts.storedPages += 1
        let request = StoredPageRequest(
            stretch: LogStretch(after: key.cursor, through: min(end, self.log.evictedThrough)),
            selection: MessageSelection(filter: key.filter),
            maximumCount: self.context.configuration.maximumBatchCount,
            maximumBytes: key.maximumBytes
        )
        let read = self.context.eventLoop.makePromise(of: StoredPage.self)
        read.futureResult.assumeIsolated()
            .whenComplete { result in
                switch result {
                case .success(let stored) where stored.through > key.cursor:
                    self.lostThrough = max(self.lostThrough, stored.lostThrough)
                    let stored = self.log.filled(stored, of: request)
                    let page = self.log.page(stored, after: key.cursor, filter: key.filter)
                    self.pack(page, key, through: end)
                case .success, .failure(RelayRefusal.scanNotFound), .failure(RelayRefusal.storageDamaged):
                    // Messages that are gone for good are announced as missing, and the readers continue from memory.
                    self.pack(self.page(key, through: end), key, through: end)
                case .failure:
                    self.pageNotRead(key)
                }
            }
        archive.read(request, promise: read)
    }

    /// Closes the readers of a page that cannot be read now; they miss nothing if they come back later.
    private func pageNotRead(_ key: PageCache.Key) {
        for reader in self.context.desk.finish(key) {
            guard let member = self.members[reader.id] else {
                continue
            }
            let (id, loop) = (member.id, member.loop)
            self.unsubscribe(id)
            self.context.loops.run(on: loop) { $0.end(id, .storageUnavailable) }
        }
        self.context.makePages()
    }
}
