import NIOCore

extension ScanHome {
    /// A page of history for a reader without a socket, from memory and the archive.
    func history(_ request: HistoryRequest, promise: EventLoopPromise<HistoryPage?>) {
        let stretch = request.stretch(head: self.log.head)
        guard let archive = self.archive, !stretch.isEmpty, !self.log.holdsEverything(after: stretch.after) else {
            promise.succeed(self.page(self.fromMemory(stretch, request), of: stretch, request))
            return
        }
        switch request.order {
        case .ascending:
            self.read(request, stretch, after: StoredPage(at: stretch.start), archive, promise)
        case .descending:
            let newest = self.newest(of: stretch, request)
            if newest.through <= self.log.evictedThrough, !newest.isFull(for: request) {
                self.read(request, stretch, after: newest, archive, promise)
            } else {
                promise.succeed(self.page(newest, of: stretch, request))
            }
        }
    }

    /// The part of a stretch that memory holds, for a page that starts with the newest message.
    private func newest(of stretch: LogStretch, _ request: HistoryRequest) -> StoredPage {
        var newer = stretch
        newer.after = max(stretch.after, self.log.evictedThrough)
        return newer.isEmpty ? StoredPage(at: stretch.start) : self.fromMemory(newer, request)
    }

    /// Continues in the archive with messages that memory has evicted.
    private func read(
        _ request: HistoryRequest,
        _ stretch: LogStretch,
        after page: StoredPage,
        _ archive: LogArchive,
        _ promise: EventLoopPromise<HistoryPage?>
    ) {
        var evicted = stretch.rest(from: page.through)
        evicted.through = min(evicted.through, self.log.evictedThrough)
        let rest = request.rest(after: page)
        let asked = StoredPageRequest(
            stretch: evicted,
            selection: request.selection,
            maximumCount: rest.maximumCount,
            maximumBytes: rest.maximumBytes
        )
        let read = self.context.eventLoop.makePromise(of: StoredPage.self)
        read.futureResult.assumeIsolated()
            .whenComplete { result in
                var page = page
                switch result {
                case .success(let stored):
                    let stored = self.log.filled(stored, of: asked)
                    page.append(stored, entries: self.log.current(stored.entries))
                    // Memory may have evicted more meanwhile; the reader then continues with the next page.
                    if request.order == .ascending, stored.through >= evicted.through, !page.isFull(for: request),
                        self.log.holdsEverything(after: stored.through)
                    {
                        page.append(self.fromMemory(stretch.rest(from: stored.through), request.rest(after: page)))
                    }
                case .failure(RelayRefusal.scanNotFound):
                    // Gone for good: memory is all there is.
                    page.append(self.fromMemory(stretch.rest(from: page.through), request.rest(after: page)))
                case .failure(let error):
                    promise.fail(error as? RelayRefusal ?? .storageUnavailable)
                    return
                }
                promise.succeed(self.page(page, of: stretch, request))
            }
        archive.read(asked, promise: read)
    }

    private func fromMemory(_ stretch: LogStretch, _ request: HistoryRequest) -> StoredPage {
        self.log.page(
            of: stretch,
            request.selection,
            maximumCount: request.maximumCount,
            maximumBytes: request.maximumBytes
        )
    }

    private func page(_ page: StoredPage, of stretch: LogStretch, _ request: HistoryRequest) -> HistoryPage {
        request.page(page, of: stretch, epoch: self.log.epoch)
    }
}

extension HistoryRequest {
    /// The request for what the page has not filled.
    fileprivate func rest(after page: StoredPage) -> HistoryRequest {
        var rest = self
        rest.maximumCount = max(0, self.maximumCount - page.entries.count)
        rest.maximumBytes = max(1, self.maximumBytes - page.byteCount)
        return rest
    }
}

extension StoredPage {
    /// A page before anything was read.
    fileprivate init(at place: Seq) {
        self.init(entries: [], through: place, lostThrough: 0)
    }

    fileprivate var byteCount: Int {
        self.entries.reduce(0) { $0 + $1.message.byteCount }
    }

    fileprivate func isFull(for request: HistoryRequest) -> Bool {
        self.entries.count >= request.maximumCount || self.byteCount >= request.maximumBytes
    }

    /// Appends the page that follows in the order of reading.
    fileprivate mutating func append(_ page: StoredPage, entries: [LogEntry]? = nil) {
        self.entries += entries ?? page.entries
        self.through = page.through
        self.lostThrough = max(self.lostThrough, page.lostThrough)
        self.damagedCount += page.damagedCount
    }
}

/// A page of a scan's history, as a reader without a socket asks for it.
package struct HistoryRequest: Sendable {
    package var order = LogStretch.Order.ascending
    /// Only messages after this seq.
    package var after: Seq = 0
    /// Only messages before this seq; nil for all up to the newest.
    package var before: Seq?
    package var selection = MessageSelection.everything
    package var maximumCount: Int
    package var maximumBytes: Int

    package init(maximumCount: Int, maximumBytes: Int) {
        self.maximumCount = maximumCount
        self.maximumBytes = maximumBytes
    }

    /// The stretch that it asks for of a log with this head.
    func stretch(head: Seq) -> LogStretch {
        LogStretch(after: self.after, through: min(self.before?.previous ?? head, head), order: self.order)
    }

    /// The answer for what was read of a stretch of the log.
    func page(_ stored: StoredPage, of stretch: LogStretch, epoch: String) -> HistoryPage {
        var page = HistoryPage(epoch: epoch, entries: stored.entries, next: nil, damagedCount: stored.damagedCount)
        if !stretch.rest(from: stored.through).isEmpty {
            page.next = self.order == .ascending ? stored.through : stored.through.next
        }
        return page
    }
}

/// A page of a scan's history, for a reader without a socket.
package struct HistoryPage: Sendable {
    package var epoch: String
    /// In the order that was asked for; may be empty although there is a next page.
    package var entries: [LogEntry]
    /// Where the next page starts: ``HistoryRequest/after`` in ascending order, ``HistoryRequest/before`` in descending
    /// order; nil at the end.
    package var next: Seq?
    /// The messages of the page that are stored and cannot be shown.
    package var damagedCount = 0
}
