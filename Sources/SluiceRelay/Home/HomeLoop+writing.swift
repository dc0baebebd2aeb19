import DequeModule
import NIOCore
internal import SluiceBase

/// Changes to scans of a shared log: judged where the scan stands, and answered once their record counts.
extension HomeLoop {
    /// The longest random delay before an end is written, so that not all processes write the same one.
    private static let endJitter = TimeAmount.milliseconds(200)

    /// Takes the messages of a request once the scan's log has been read.
    ///
    /// Its bytes count as waiting until then, too.
    func ingest(_ request: IngestRequest, _ engine: any ScanEngine, promise: EventLoopPromise<IngestReceipt>) {
        let byteCount = AppendLine.byteCount(of: request)
        guard self.context.waitingBytes.take(byteCount) else {
            request.stream?.breakOff()
            promise.fail(RelayRefusal.storageUnavailable)
            return
        }
        self.whenOpen(request.scanID, engine, follows: true) { refusal in
            self.context.waitingBytes.giveBack(byteCount)
            if let refusal {
                request.stream?.breakOff()
                promise.fail(refusal)
            } else {
                self.ingest(request, promise: promise)
            }
        }
    }

    /// Queues a wish for a scan that is open.
    func write(
        _ wish: AppendLine.Wish,
        to id: ScanID,
        _ settle: @escaping (AppendLine.Answer) -> Void
    ) {
        guard let scan = self.followed[id], let engine = self.context.engine else {
            settle(.refused(.storageUnavailable))
            return
        }
        let request = AppendLine.Request(wish: wish, since: self.eventLoop.now, settle: settle)
        guard self.context.waitingBytes.take(request.byteCount) else {
            request.breakOff()
            settle(.refused(.storageUnavailable))
            return
        }
        scan.usedAt = self.eventLoop.now
        scan.line.add(request)
        self.append(scan, engine)
    }

    /// Goes on with what waits for this process's turn.
    func append(_ id: ScanID) {
        if let scan = self.followed[id], let engine = self.context.engine {
            self.append(scan, engine)
        }
    }

    /// Hands a draft to the engine where requests wait, none is under way, and it is this process's turn.
    func append(_ scan: FollowedScan, _ engine: any ScanEngine) {
        while scan.isOpen, !scan.isAppending, !scan.line.waiting.isEmpty, scan.events.isEmpty {
            let live = self.live(scan.id)
            guard live?.isBusy != true else {
                return
            }
            let now = self.eventLoop.now
            let turn = engine.turn(of: scan.id, on: self.eventLoop)
            guard turn <= now else {
                // Judged only then, since every record of others before it would have all of it judged again.
                self.alarms.set(.turn(scan.id), at: turn)
                self.setClock()
                return
            }
            let capacity = AppendLine.Capacity(
                bytes: engine.maximumRecordBytes,
                requests: engine.maximumRequestCount,
                byteCount: engine.byteCount(of:)
            )
            let situation = self.situation(of: scan, live, engine, now: now)
            let records = scan.line.judge(situation, author: self.author, capacity: capacity)
            guard !records.isEmpty else {
                self.tell(scan.line.takeJudged())
                continue
            }
            var times = scan.times ?? ScanTimes(opening: records[0], now: self.context.wallClock())
            var fold = live?.scan.log.fold ?? ScanFold(startedAt: records[0].at)
            for record in records {
                times.note(record)
                for message in record.messages {
                    fold.note(message, at: record.at ?? times.heard)
                }
            }
            let since = scan.line.judged[0].request.since
            let draft = RecordDraft(records: records, times: times, fold: fold, since: since)
            let promise = self.eventLoop.makePromise(of: AppendOutcome.self)
            promise.futureResult.assumeIsolated()
                .whenComplete { result in
                    scan.told(.settled((try? result.get()) ?? .unavailable))
                }
            scan.isAppending = true
            engine.append(draft, to: scan.id, promise: promise)
        }
    }

    private func situation(
        of scan: FollowedScan,
        _ live: LiveScan?,
        _ engine: any ScanEngine,
        now: NIODeadline
    ) -> AppendLine.Situation {
        var opening = ScanStanding(opening: self.context.makeEpoch())
        opening.place = scan.place
        var due: ScanEnd?
        var isHeardLately = false
        if let lifecycle = live?.scan.lifecycle {
            if case .remove(let end) = lifecycle.due(now: now) { due = end }
            let interval = TimeAmount.nanoseconds(self.context.configuration.stallAfter.nanoseconds / 4)
            isHeardLately = !lifecycle.isStalled && now < lifecycle.lastHeardAt + interval
        }
        let scanCount = max(self.scanCount.current, live == nil ? engine.status.scans : 0)
        return AppendLine.Situation(
            standing: live?.scan.standing ?? opening,
            hasRoom: scanCount < self.context.configuration.maximumScanCount,
            due: due,
            ended: live == nil ? scan.ended : nil,
            isHeardLately: isHeardLately,
            now: now
        )
    }

    func settle(_ scan: FollowedScan, _ outcome: AppendOutcome) {
        scan.isAppending = false
        switch outcome {
        case .confirmed:
            self.tell(scan.line.takeJudged())
        case .overtaken:
            scan.line.judgeAgain()
        case .tooLarge where scan.line.judged.count > 1:
            scan.line.judgeAgain(isTooLarge: true)
        case .tooLarge:
            self.refuse(scan.line.takeJudged().map(\.request), .recordTooLarge)
        case .unavailable:
            self.refuse(scan.line.takeJudged().map(\.request), .storageUnavailable)
        }
    }

    private func tell(_ judged: [(request: AppendLine.Request, answer: AppendLine.Answer)]) {
        // All streams first: settling a request may post the next one of its stream.
        for (request, answer) in judged {
            if case .refused = answer { request.breakOff() }
        }
        for (request, answer) in judged {
            self.context.waitingBytes.giveBack(request.byteCount)
            request.settle(answer)
        }
    }

    func refuse(_ requests: [AppendLine.Request], _ refusal: RelayRefusal) {
        for request in requests {
            request.breakOff()
        }
        for request in requests {
            self.context.waitingBytes.giveBack(request.byteCount)
            request.settle(.refused(refusal))
        }
    }

    /// Removes a scan and its history; false where there was neither.
    func delete(_ id: ScanID, _ engine: any ScanEngine, promise: EventLoopPromise<Bool>) {
        self.whenOpen(id, engine, follows: true) { refusal in
            if refusal == .storageDamaged {
                // No end can be written behind what cannot be read: all of it goes.
                self.erase(id, engine, before: .max, existed: true, promise: promise)
                return
            }
            if let refusal {
                promise.fail(refusal)
                return
            }
            self.write(.end(.deleted), to: id) { answer in
                switch answer {
                case .ended(let existed): self.erase(id, engine, existed: existed, promise: promise)
                case .refused(let refusal): promise.fail(refusal)
                case .receipt, .registration: preconditionFailure("an end is answered as one")
                }
            }
        }
    }

    /// Erases everything before the end that was written, even where an earlier deletion got no further than that end.
    private func erase(_ id: ScanID, _ engine: any ScanEngine, existed: Bool, promise: EventLoopPromise<Bool>) {
        guard let place = self.followed[id]?.endPlace, place > 0 else {
            promise.succeed(existed)
            return
        }
        self.erase(id, engine, before: place, existed: existed, promise: promise)
    }

    private func erase(
        _ id: ScanID,
        _ engine: any ScanEngine,
        before place: UInt64,
        existed: Bool,
        promise: EventLoopPromise<Bool>
    ) {
        let erased = self.eventLoop.makePromise(of: Void.self)
        erased.futureResult.assumeIsolated()
            .whenComplete { result in
                promise.completeWith(result.map { existed }.mapError { _ in RelayRefusal.storageUnavailable })
            }
        engine.erase(id, before: place, promise: erased)
    }

    /// The owner of a scan or of its history; nil where there is neither.
    func owner(of id: ScanID, _ engine: any ScanEngine, promise: EventLoopPromise<ScanOwner?>) {
        self.whenOpen(id, engine, follows: true) { refusal in
            if let refusal {
                promise.fail(refusal)
            } else if let live = self.live(id) {
                promise.succeed(ScanOwner(owner: live.scan.owner, isLive: true))
            } else {
                promise.succeed(self.followed[id]?.ended.map { ScanOwner(owner: $0.owner, isLive: false) })
            }
        }
    }

    /// A page of the history of a scan whose channel is gone; nil where there is none.
    func history(ofEnded id: ScanID, _ request: HistoryRequest, promise: EventLoopPromise<HistoryPage?>) {
        guard let engine = self.context.engine, let ended = self.followed[id]?.ended else {
            promise.succeed(nil)
            return
        }
        let stretch = request.stretch(head: ended.head)
        let page = self.eventLoop.makePromise(of: StoredPage.self)
        page.futureResult.assumeIsolated()
            .whenComplete { page in
                let answer: Result<HistoryPage?, any Error> = page.map {
                    request.page($0, of: stretch, epoch: ended.epoch)
                }
                promise.completeWith(answer.flatMapError { Self.unread($0) })
            }
        let read = StoredPageRequest(
            stretch: stretch,
            selection: request.selection,
            maximumCount: request.maximumCount,
            maximumBytes: request.maximumBytes
        )
        engine.read(read, of: id, epoch: ended.epoch, promise: page)
    }

    /// Writes an end that the scan's lifecycle is due for; the first process to write it ends the channel for all.
    func writeEnd(of live: LiveScan, _ end: ScanEnd) {
        let id = live.scan.id
        guard let scan = self.followed[id] else {
            return
        }
        let now = self.eventLoop.now
        guard let endsAt = scan.endsAt, endsAt <= now else {
            let delay = Int64.random(in: 0...Self.endJitter.nanoseconds)
            scan.endsAt = scan.endsAt ?? now + .nanoseconds(delay)
            self.alarms.set(.scan(id), at: scan.endsAt ?? now)
            return
        }
        scan.endsAt = nil
        // Set before the write, whose result is ignored: an end that was not written is tried again a second later.
        self.alarms.set(.scan(id), at: now + .seconds(1))
        let usedAt = scan.usedAt
        self.write(.end(end), to: id) { _ in }
        scan.usedAt = usedAt
    }
}

extension EventLoopPromise where Value == IngestReceipt {
    func settle(_ answer: AppendLine.Answer) {
        switch answer {
        case .receipt(let receipt): self.succeed(receipt)
        case .refused(let refusal): self.fail(refusal)
        case .registration, .ended: preconditionFailure("messages are answered by a receipt")
        }
    }
}

extension EventLoopPromise where Value == ScanRegistration {
    func settle(_ answer: AppendLine.Answer) {
        switch answer {
        case .registration(let registration): self.succeed(registration)
        case .refused(let refusal): self.fail(refusal)
        case .receipt, .ended: preconditionFailure("a registration is answered as one")
        }
    }
}
