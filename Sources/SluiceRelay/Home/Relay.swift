package import Logging
package import NIOCore
package import SluiceBase
package import SluiceWire
import Synchronization

/// The relay's front door: finds the home of a scan and hops there, once per call.
///
/// Safe to use from any event loop; answers arrive on the loop that asked.
package final class Relay: Sendable {
    /// Runs long work, one piece after the other.
    package typealias Worker = @Sendable (@escaping @Sendable () -> Void) -> Void

    private let loops: Loops
    private let engine: (any ScanEngine)?
    private let hasEngine: Bool
    let homes: [NIOLoopBoundBox<HomeLoop>]
    private let scanCount = ScanCount()
    private let nextSubscription = Atomic<UInt64>(0)
    /// The memory that all compressors share.
    package let memory: CompressionMemory
    /// The remembered answers to repeatable requests.
    package let idempotency: IdempotencyBook

    /// - Parameters:
    ///   - eventLoops: Each is a home of scans and holds subscribers.
    ///   - configuration: The relay's limits and intervals.
    ///   - memory: The memory that all compressors share.
    ///   - store: Keeps scans beyond the life of the process; nil for memory only.
    ///   - stored: The scans that an earlier process left in the store.
    ///   - engine: The log that several processes share; nil where this one is alone. Excludes a store.
    ///   - observer: Receives the events of scans.
    ///   - packer: Compresses pages of catch-up; if nil, the next event loop does, or the same one where there is only
    ///     one.
    ///   - wallClock: The wall clock, against which times written by other processes are read.
    ///   - logger: Logs the life of scans.
    package init(
        eventLoops: [any EventLoop],
        configuration: RelayConfiguration,
        memory: CompressionMemory,
        store: (any ScanStore)? = nil,
        stored: [StoredScan] = [],
        engine: (any ScanEngine)? = nil,
        observer: (any ScanObserver)? = nil,
        packer: Worker? = nil,
        wallClock: @escaping @Sendable () -> WallTime = WallTime.now,
        logger: Logger
    ) {
        let loops = Loops(eventLoops)
        let scanCount = self.scanCount
        precondition(store == nil || engine == nil, "one of them keeps the scans")
        let waitingBytes = WaitingBytes()
        self.loops = loops
        self.engine = engine
        self.hasEngine = engine != nil
        self.memory = memory
        let idempotency = IdempotencyBook(maximumCount: configuration.maximumIdempotencyKeyCount)
        self.idempotency = idempotency
        self.homes = eventLoops.enumerated()
            .map { index, eventLoop in
                let context = HomeContext(
                    configuration: configuration,
                    loops: loops,
                    memory: memory,
                    idempotency: idempotency,
                    store: store,
                    engine: engine,
                    waitingBytes: waitingBytes,
                    wallClock: wallClock,
                    observer: observer,
                    packer: packer ?? { eventLoops[(index + 1) % eventLoops.count].execute($0) },
                    home: index
                )
                let home = HomeLoop(eventLoop: eventLoop, context: context, scanCount: scanCount, logger: logger)
                return NIOLoopBoundBox.makeBoxSendingValue(home, eventLoop: eventLoop)
            }
        for loop in 0..<loops.count {
            loops.run(on: loop) { [unowned self] in self.connect($0, loop: loop) }
        }
        if let engine {
            for home in self.homes.indices {
                self.tell(home) { $0.watchEngine(engine) }
            }
            self.sweepLater(engine)
        }
        // Scans left in the store always have a place, however many there are.
        for _ in stored {
            _ = self.scanCount.takeOne(limit: .max)
        }
        for (home, scans) in Dictionary(grouping: stored, by: { self.home(of: $0.header.id) }) {
            self.tell(home) { $0.adopt(scans) }
        }
    }

    /// Whether scans can be shown and changed; false while a shared log has been away for too long.
    package var isAvailable: Bool { !(self.engine?.isCutOff ?? false) }

    /// The engine's state and counters; nil without an engine.
    package var engineStatus: EngineStatus? { self.engine?.status }

    /// The most bytes of messages in one request, with what is stored beside each; nil for no limit.
    package var maximumRequestBytes: Int? { self.engine?.maximumRecordBytes }

    /// The number of scans.
    package var scans: Int { self.scanCount.current }

    /// The subscribers of an event loop; call it on that loop.
    package func fanOut(of eventLoop: any EventLoop) -> LoopFanOut {
        self.loops.fanOut(self.index(of: eventLoop))
    }

    /// Takes messages; the future fails with `RelayRefusal`.
    package func ingest(_ request: IngestRequest, on eventLoop: any EventLoop) -> EventLoopFuture<IngestReceipt> {
        switch self.ingestNow(request, on: eventLoop) {
        case .taken(let receipt): return eventLoop.makeSucceededFuture(receipt)
        case .refused(let refusal): return eventLoop.makeFailedFuture(refusal)
        case .pending(let future): return future
        }
    }

    /// Takes messages; the answer is there at once where nothing has to be waited for.
    package func ingestNow(_ request: IngestRequest, on eventLoop: any EventLoop) -> IngestOutcome {
        guard !self.hasEngine else {
            return .pending(self.ingestShared(request, on: eventLoop))
        }
        let home = self.home(of: request.scanID)
        if self.loops.eventLoops[home] === eventLoop, eventLoop.inEventLoop,
            let outcome = self.homes[home].value.ingestNow(request)
        {
            return outcome
        }
        return .pending(self.ask(request.scanID, on: eventLoop) { $0.ingest(request, promise: $1) })
    }

    private func ingestShared(_ request: IngestRequest, on eventLoop: any EventLoop) -> EventLoopFuture<IngestReceipt> {
        guard let engine = self.engine else {
            return eventLoop.makeFailedFuture(RelayRefusal.storageUnavailable)
        }
        let promise = eventLoop.makePromise(of: IngestReceipt.self)
        self.tell(self.home(of: request.scanID)) { $0.ingest(request, engine, promise: promise) }
        return promise.futureResult
    }

    /// Sets the owner and the name of a scan, each where it is given, and answers with the values that hold then.
    ///
    /// Fails with `RelayRefusal`.
    package func put(
        _ id: ScanID,
        owner: String?,
        name: String?,
        at: WallTime,
        on eventLoop: any EventLoop
    ) -> EventLoopFuture<ScanRegistration> {
        self.ask(id, on: eventLoop) { $0.put(id, owner: owner, name: name, at: at, promise: $1) }
    }

    /// Removes a scan and its history; false where there was neither.
    ///
    /// Fails with `RelayRefusal`.
    package func delete(_ id: ScanID, on eventLoop: any EventLoop) -> EventLoopFuture<Bool> {
        let promise = eventLoop.makePromise(of: Bool.self)
        self.tell(self.home(of: id)) { $0.delete(id, promise: promise) }
        return promise.futureResult
    }

    /// The owner of a scan or of its history; nil where there is neither.
    ///
    /// Fails with `RelayRefusal`.
    package func owner(of id: ScanID, on eventLoop: any EventLoop) -> EventLoopFuture<ScanOwner?> {
        let promise = eventLoop.makePromise(of: ScanOwner?.self)
        self.tell(self.home(of: id)) { $0.owner(of: id, promise: promise) }
        return promise.futureResult
    }

    /// A scan's folded state; nil where there is no such scan.
    package func state(of id: ScanID, on eventLoop: any EventLoop) -> EventLoopFuture<ScanState?> {
        self.ask(id, on: eventLoop) { $1.succeed($0.state(of: id)) }
    }

    /// A page of a scan's history; with a store or a shared log also after its channel is gone.
    ///
    /// Fails with `RelayRefusal`.
    package func history(
        of id: ScanID,
        _ request: HistoryRequest,
        on eventLoop: any EventLoop
    ) -> EventLoopFuture<HistoryPage?> {
        self.ask(id, on: eventLoop) { $0.history(of: id, request, promise: $1) }
    }

    /// A summary of every scan, in chunks and in no order.
    ///
    /// Fails with `RelayRefusal` where a shared log cannot list its scans.
    package func summaries(on eventLoop: any EventLoop) -> EventLoopFuture<[[ScanSummary]]> {
        guard let engine = self.engine else {
            return self.gatherSummaries(listed: [], on: eventLoop)
        }
        let listed = eventLoop.makePromise(of: [RecordHeader].self)
        engine.list(promise: listed)
        return listed.futureResult.flatMap { self.gatherSummaries(listed: $0, on: eventLoop) }
    }

    /// The summaries of the scans in memory, and of the listed ones that are not; each home finds its own among them.
    private func gatherSummaries(
        listed: [RecordHeader],
        on eventLoop: any EventLoop
    ) -> EventLoopFuture<[[ScanSummary]]> {
        let gathered = self.homes.indices.map { index in
            let promise = self.loops.eventLoops[index].makePromise(of: [[ScanSummary]].self)
            self.tell(index) { $0.gatherSummaries(listed: listed, promise: promise) }
            return promise.futureResult
        }
        return EventLoopFuture.whenAllSucceed(gathered, on: eventLoop).map { $0.flatMap { $0 } }
    }

    /// How many subscribers scans have on this process; those without any are left out.
    package func subscriberCounts(on eventLoop: any EventLoop) -> EventLoopFuture<[ScanID: Int]> {
        self.askAll(on: eventLoop) { $0.subscriberCounts }
            .map { $0.reduce(into: [:]) { $0.merge($1) { one, _ in one } } }
    }

    /// What the homes did since the start, one account for each.
    package func homeCounts(on eventLoop: any EventLoop) -> EventLoopFuture<[HomeCounts]> {
        self.askAll(on: eventLoop) { $0.counts }
    }

    /// What the loops delivered since the start, one account for each.
    package func fanOutCounts(on eventLoop: any EventLoop) -> EventLoopFuture<[LoopAccount]> {
        let loops = self.loops
        return EventLoopFuture.whenAllSucceed(
            (0..<loops.count)
                .map { loop in
                    loops.eventLoops[loop].submit { LoopAccount(loops.fanOut(loop)) }
                },
            on: eventLoop
        )
    }

    /// Applies a new configuration.
    package func reconfigure(_ configuration: RelayConfiguration) {
        self.idempotency.setMaximumCount(configuration.maximumIdempotencyKeyCount)
        for index in self.homes.indices {
            self.tell(index) { $0.reconfigure(configuration) }
        }
    }

    /// Sends everything that waits; succeeds once it has been handed to the connections.
    package func flush(on eventLoop: any EventLoop) -> EventLoopFuture<Void> {
        let flushed = self.homes.indices.map { index in
            let promise = self.loops.eventLoops[index].makePromise(of: Void.self)
            self.tell(index) { $0.flush(promise: promise) }
            return promise.futureResult
        }
        // Frames hop from the homes to the loops; a second round trip follows them.
        return EventLoopFuture.andAllSucceed(flushed, on: eventLoop)
            .flatMap { self.askAll(on: eventLoop) { _ in () }.map { _ in () } }
    }

    /// How long after a search of a shared log the next one begins: for scans whose time is over and that no process has
    /// open.
    private static let sweepInterval = TimeAmount.seconds(10)
    /// The most of them that are opened in one search, for their homes to end.
    private static let sweptCount = 1000

    private func sweepLater(_ engine: any ScanEngine) {
        let eventLoop = self.loops.eventLoops[0]
        eventLoop.scheduleTask(in: Self.sweepInterval) { [weak self] in
            guard let self else {
                return
            }
            guard !engine.isCutOff else {
                self.sweepLater(engine)
                return
            }
            let listed = eventLoop.makePromise(of: [RecordHeader].self)
            listed.futureResult.assumeIsolated()
                .whenComplete { result in
                    self.sweep(((try? result.get()) ?? [])[...], engine, room: Self.sweptCount) {
                        self.sweepLater(engine)
                    }
                }
            engine.listReachable(promise: listed)
        }
    }

    /// Opens those of the listed scans whose time is over, or whose beginning the log is about to lose, if they are this
    /// process's: their homes, and the engine, do the rest.
    ///
    /// Some are looked at in each turn of the first loop.
    private func sweep(
        _ listed: ArraySlice<RecordHeader>,
        _ engine: any ScanEngine,
        room: Int,
        then: @escaping () -> Void
    ) {
        let home = self.homes[0].value
        let due = listed.prefix(HomeLoop.summariesPerTurn)
            .filter { (home.isOverdue($0) || engine.isOld($0)) && engine.keeps($0.id) }
            .prefix(room).map(\.id)
        for id in due {
            self.tell(self.home(of: id)) { $0.whenLoaded(id) { _ in } }
        }
        let rest = listed.dropFirst(HomeLoop.summariesPerTurn)
        let room = room - due.count
        guard !rest.isEmpty, room > 0 else {
            then()
            return
        }
        self.loops.eventLoops[0].nextTurn { self.sweep(rest, engine, room: room, then: then) }
    }

    /// Starts a subscription.
    ///
    /// Call it on the connection's loop; frames arrive through the outbox from then on.
    package func subscribe(
        _ request: SubscriptionRequest,
        outbox: Outbox,
        delegate: any SubscriptionDelegate,
        on eventLoop: any EventLoop
    ) -> Subscriber {
        let loop = self.index(of: eventLoop)
        let id = SubscriptionID(self.nextSubscription.add(1, ordering: .relaxed).newValue)
        let subscriber = Subscriber(id: id, scanID: request.scanID, outbox: outbox, delegate: delegate)
        self.loops.fanOut(loop).add(subscriber)
        self.tell(self.home(of: request.scanID)) { home in
            home.whenLoaded(request.scanID) { home.subscribe(id, loop: loop, request, refusal: $0) }
        }
        return subscriber
    }

    /// Ends a subscription from the connection's side.
    ///
    /// Call it on the connection's loop.
    package func unsubscribe(_ subscriber: Subscriber, on eventLoop: any EventLoop) {
        self.loops.fanOut(self.index(of: eventLoop)).remove(subscriber)
        let id = subscriber.id
        let scanID = subscriber.scanID
        self.tell(self.home(of: scanID)) { home in
            home.whenLoaded(scanID, follows: false) { _ in home.unsubscribe(id, scanID: scanID) }
        }
    }

    /// Changes a subscription; answers with its new rate in frames a second, or nil where it has ended.
    package func change(
        _ subscriber: Subscriber,
        filter: TypeFilter? = nil,
        framesPerSecond: Double? = nil,
        on eventLoop: any EventLoop
    ) -> EventLoopFuture<Double?> {
        let id = subscriber.id
        let scanID = subscriber.scanID
        return self.ask(scanID, on: eventLoop) {
            $1.succeed($0.change(id, scanID: scanID, filter: filter, framesPerSecond: framesPerSecond))
        }
    }

    /// The state of a subscription; nil where it has ended, or waits for its scan.
    package func report(
        on subscriber: Subscriber,
        on eventLoop: any EventLoop
    ) -> EventLoopFuture<SubscriptionReport?> {
        let id = subscriber.id
        let scanID = subscriber.scanID
        return self.ask(scanID, on: eventLoop) { $1.succeed($0.report(on: id, scanID: scanID)) }
    }

    private func connect(_ fanOut: LoopFanOut, loop: Int) {
        fanOut.requests = LoopFanOut.Requests(
            page: { [unowned self] subscriber, room in
                let id = subscriber.id
                let scanID = subscriber.scanID
                self.post(self.home(of: scanID)) { $0.sendPage(to: id, scanID: scanID, loop: loop, room: room) }
            },
            fellBehind: { [unowned self] subscriber in
                let id = subscriber.id
                let scanID = subscriber.scanID
                let cursor = subscriber.cursor
                let generation = subscriber.generation
                let knowsStall = subscriber.knowsStall
                self.post(self.home(of: scanID)) {
                    $0.fellBehind(
                        id,
                        scanID: scanID,
                        cursor: cursor,
                        generation: generation,
                        knowsStall: knowsStall
                    )
                }
            }
        )
    }

    /// The index of a scan's home.
    func home(of id: ScanID) -> Int { self.loops.home(of: id) }

    private func index(of eventLoop: any EventLoop) -> Int {
        guard let index = self.loops.eventLoops.firstIndex(where: { $0 === eventLoop }) else {
            preconditionFailure("the loop is one of the relay's")
        }
        return index
    }

    /// Runs a command on a home: at once if this is its loop.
    private func tell(_ home: Int, _ command: @escaping @Sendable (HomeLoop) -> Void) {
        let box = self.homes[home]
        if self.loops.eventLoops[home].inEventLoop {
            command(box.value)
        } else {
            self.loops.eventLoops[home].execute { command(box.value) }
        }
    }

    /// Runs a command on a home in a later turn, even from its own loop: the caller is in the middle of something.
    private func post(_ home: Int, _ command: @escaping @Sendable (HomeLoop) -> Void) {
        let box = self.homes[home]
        self.loops.eventLoops[home].execute { command(box.value) }
    }

    private func ask<Answer: Sendable>(
        _ id: ScanID,
        on eventLoop: any EventLoop,
        _ question: @escaping @Sendable (HomeLoop, EventLoopPromise<Answer>) -> Void
    ) -> EventLoopFuture<Answer> {
        let promise = eventLoop.makePromise(of: Answer.self)
        self.tell(self.home(of: id)) { home in
            home.whenLoaded(id) { refusal in
                if let refusal {
                    promise.fail(refusal)
                } else {
                    question(home, promise)
                }
            }
        }
        return promise.futureResult
    }

    private func askAll<Answer: Sendable>(
        on eventLoop: any EventLoop,
        _ question: @escaping @Sendable (HomeLoop) -> Answer
    ) -> EventLoopFuture<[Answer]> {
        EventLoopFuture.whenAllSucceed(
            self.homes.indices.map { index in
                let box = self.homes[index]
                return self.loops.eventLoops[index].submit { question(box.value) }
            },
            on: eventLoop
        )
    }
}

/// The number of scans of all homes together, so that the limit holds for the whole gateway.
final class ScanCount: Sendable {
    private let count = Atomic<Int>(0)

    /// Takes a place; false where there is none.
    func takeOne(limit: Int) -> Bool {
        guard self.count.add(1, ordering: .relaxed).newValue <= limit else {
            self.count.subtract(1, ordering: .relaxed)
            return false
        }
        return true
    }

    func giveBackOne() {
        self.count.subtract(1, ordering: .relaxed)
    }

    var current: Int { self.count.load(ordering: .relaxed) }
}
