package import Logging
package import NIOCore
package import SluiceBase
package import SluiceRelay
internal import Synchronization

/// The scans' logs in NATS JetStream: implements ``ScanEngine`` on every event loop of the gateway.
///
/// Each loop has its own connections, so nothing hops between loops; the only lock is for what the loops report to each
/// other.
package final class NATSEngine: SharedEngine {
    /// What one loop reports to all others.
    struct Report {
        var status = EngineStatus()
        var isCutOff = false
        /// The scans that its drafts began and ended.
        var changes = ScanChanges()
    }

    /// All scans, as they were some time ago.
    struct Listing {
        var heads: [RecordHeader]
        var at: NIODeadline
        /// How long it took.
        var time: TimeAmount
    }

    struct Shared {
        var reports: [Report]
        var nodes = NodeTable()
        var failure: String? = "not connected yet"
        var listed: Listing?
        var tally = ScanTally()
        /// Who waits for the list that is being made.
        var listWaiters: [ListWaiter] = []
        var isReady = false
        /// By shard: records before it will soon be gone.
        var oldBefore: [UInt64] = []
        var load: @Sendable () -> EngineLoad = { EngineLoad() }

        /// Takes what each node has begun and ended; of this one the last word.
        mutating func tellTally(own instance: String, now: NIODeadline) {
            var changes = Dictionary(self.nodes.nodes.map { ($0.instance, $0.changes) }) { one, _ in one }
            changes[instance] = self.ownChanges
            self.tally.tell(changes, now: now)
        }

        var ownChanges: ScanChanges { self.reports.reduce(ScanChanges()) { $0 + $1.changes } }
    }

    struct ListWaiter {
        var promise: EventLoopPromise<[RecordHeader]>
        /// Whether a list without some shards is none.
        var isWhole: Bool
    }

    struct Home: Sendable {
        let eventLoop: any EventLoop
        let engine: NIOLoopBoundBox<LoopEngine>
    }

    private static let reportInterval = TimeAmount.milliseconds(250)
    private static let leavingTime = TimeAmount.milliseconds(20)
    private static let setupInterval = TimeAmount.seconds(1)

    package let appendTimeout: TimeAmount
    package let maximumRequestCount = RecordForm.maximumCount
    /// Names this process in records and beats, unlike any other.
    package let instance: String
    let configuration: EngineConfiguration
    let homes: [Home]
    /// Made on the first loop when it is used first.
    private let link: NIOLoopBoundBox<PeerLink?>
    /// On the first loop; nil before the start, and where there is one server only.
    private let watch: NIOLoopBoundBox<ServerWatch?>
    let shared: Mutex<Shared>
    let logger: Logger
    let wallClock: @Sendable () -> WallTime
    private let startedAt: WallTime
    private let refused: @Sendable (String) -> Void
    private let cutOff = Atomic<Bool>(false)
    /// Whether it is shut down: nothing more is begun then.
    private let isClosed = Atomic<Bool>(false)
    /// The servers' `max_payload`; before the first one is known it is NATS' default.
    private let maximumBytes = Atomic<Int>(1024 * 1024)

    /// - Parameters:
    ///   - configuration: How it is reached.
    ///   - eventLoops: The loops on which scans live.
    ///   - logger: Where it tells of its connections.
    ///   - wallClock: The time of day.
    ///   - refused: Told why this gateway may not use what it found; it is to end then. Called on a loop.
    package init(
        _ configuration: EngineConfiguration,
        eventLoops: [any EventLoop],
        logger: Logger,
        wallClock: @escaping @Sendable () -> WallTime = { .now() },
        refused: @escaping @Sendable (String) -> Void
    ) {
        self.configuration = configuration
        self.appendTimeout = configuration.appendTimeout
        let instance = String(UInt64.random(in: 1 << 40..<1 << 52), radix: 36)
        self.instance = instance
        self.logger = logger
        self.wallClock = wallClock
        self.startedAt = wallClock()
        self.refused = refused
        var reports: [Report] = []
        self.homes = eventLoops.enumerated()
            .map { index, eventLoop in
                reports.append(Report())
                return Home(
                    eventLoop: eventLoop,
                    engine: NIOLoopBoundBox.makeBoxSendingValue(
                        LoopEngine(
                            configuration,
                            instance: instance,
                            eventLoop: eventLoop,
                            index: index,
                            wallClock: wallClock,
                            logger: logger
                        ),
                        eventLoop: eventLoop
                    )
                )
            }
        self.link = NIOLoopBoundBox.makeEmptyBox(eventLoop: eventLoops[0])
        self.watch = NIOLoopBoundBox.makeEmptyBox(eventLoop: eventLoops[0])
        self.shared = Mutex(Shared(reports: reports))
    }

    /// On the first loop, in the order of the calls of one thread.
    func onLink(_ body: @escaping @Sendable (PeerLink) -> Void) {
        self.homes[0].eventLoop.execute { body(self.peerLink()) }
    }

    private func peerLink() -> PeerLink {
        if let link = self.link.value {
            return link
        }
        let engine = self.homes[0].engine.value
        let terms = PeerLink.Terms(
            subjects: self.configuration.subjects,
            instance: self.instance,
            appendTimeout: self.configuration.appendTimeout,
            cutOffAfter: self.configuration.cutOffAfter
        )
        let link = PeerLink(
            engine.connection,
            live: engine.live,
            stream: engine.stream,
            terms: terms,
            wallClock: self.wallClock
        ) { [unowned self] in self.nodes }
        self.link.value = link
        return link
    }

    /// Connects, and goes on doing so until it is shut down.
    package func start() {
        for (index, home) in self.homes.enumerated() {
            home.eventLoop.execute {
                home.engine.value.isOld = { self.isOld($0, base: $1) && self.keeps($0) }
                home.engine.value.start()
                self.reportLater(index)
            }
        }
        self.homes[0].eventLoop
            .execute {
                self.watchServers()
                self.setUp()
                self.beatLater()
                self.hearBeats()
                self.lookForOldLater()
            }
    }

    /// Where a server is of less use than others, all loops leave it.
    private func watchServers() {
        guard self.configuration.connection.servers.count > 1 else { return }
        let watch = ServerWatch(
            self.configuration.connection,
            subject: self.configuration.subjects.echo(self.instance),
            eventLoop: self.homes[0].eventLoop
        ) { [unowned self] verdict in
            for home in self.homes {
                home.eventLoop.execute { home.engine.value.prefer(verdict) }
            }
        }
        self.watch.value = watch
        watch.start()
    }

    /// Everything ends, and the other nodes are told; what is being written is settled as unavailable.
    package func shutdown() -> EventLoopFuture<Void> {
        self.isClosed.store(true, ordering: .relaxed)
        let first = self.homes[0].eventLoop
        let told = first.flatSubmit {
            self.beat(isLast: true)
            self.peerLink().close()
            self.watch.value?.close()
            // Written at the end of the turn, before the connection ends.
            return first.scheduleTask(in: Self.leavingTime) {}.futureResult
        }
        return told.flatMap {
            let futures = self.homes.map { home in
                home.eventLoop.submit { home.engine.value.close() }
            }
            return EventLoopFuture.andAllComplete(futures, on: first)
        }
    }

    /// Does something on a loop in a while, unless all has ended by then.
    func later(on eventLoop: any EventLoop, _ delay: TimeAmount, _ body: @escaping () -> Void) {
        guard !self.isClosed.load(ordering: .relaxed) else { return }
        eventLoop.assumeIsolated()
            .scheduleTask(in: delay) {
                if !self.isClosed.load(ordering: .relaxed) { body() }
            }
    }

    /// Asks how many connections and scans there are, for the beats.
    package func setLoad(_ load: @escaping @Sendable () -> EngineLoad) {
        self.shared.withLock { $0.load = load }
    }

    /// The processes that share the log.
    package var nodes: [EngineNode] { self.shared.withLock { $0.nodes.nodes } }

    private func home(_ eventLoop: any EventLoop) -> LoopEngine {
        guard let home = self.homes.first(where: { $0.eventLoop === eventLoop }) else {
            preconditionFailure("scans live on the loops that the engine was made for")
        }
        return home.engine.value
    }

    // MARK: Status

    package var isCutOff: Bool { self.cutOff.load(ordering: .relaxed) }

    package var status: EngineStatus {
        self.shared.withLock { shared in
            var status = EngineStatus()
            status.failure = shared.failure
            status.nodes = max(1, shared.nodes.count)
            shared.tellTally(own: self.instance, now: .now())
            status.scans = shared.tally.count
            status.shards = Array(repeating: !shared.reports.isEmpty, count: self.configuration.subjects.shardCount)
            for report in shared.reports {
                status.add(report.status)
            }
            if shared.isReady {
                let failure = shared.failure ?? "no stream's leader answers"
                status.failure = status.shards.contains(true) ? nil : failure
            }
            return status
        }
    }

    private func reportLater(_ index: Int) {
        let home = self.homes[index]
        self.later(on: home.eventLoop, Self.reportInterval) {
            self.report(index)
            self.reportLater(index)
        }
    }

    private func report(_ index: Int) {
        let engine = self.homes[index].engine.value
        let now = engine.eventLoop.now
        var report = Report()
        report.status.voidRecords = engine.counts.voidRecords
        report.status.overtakenDrafts = engine.counts.overtakenDrafts
        report.status.repeatedDrafts = engine.counts.repeatedDrafts
        report.status.failedDrafts = engine.counts.failedDrafts
        report.status.appendTimes = engine.counts.appendTimes
        report.status.openScans = engine.feedCount
        report.status.reconnects =
            max(0, engine.connection.connectCount - 1) + max(0, engine.live.connectCount - 1)
        // All loops hear of each.
        report.status.elections = index == 0 ? engine.electionCount : 0
        report.status.shards = (0..<engine.leaders.shardCount).map { engine.isUp($0, now: now) }
        report.status.failure = engine.connection.failure
        report.isCutOff = engine.isCutOff(now: now)
        report.changes = engine.counts.changes
        let finished = report
        let (isCutOff, isListDue) = self.shared.withLock { shared in
            shared.reports[index] = finished
            if shared.isReady {
                shared.failure = shared.reports.compactMap(\.status.failure).first
            }
            shared.nodes.forget(now: now)
            shared.tellTally(own: self.instance, now: now)
            let isListDue = shared.isReady && shared.tally.isDue(now: now)
            return (shared.reports.contains { $0.isCutOff }, isListDue)
        }
        self.cutOff.store(isCutOff, ordering: .relaxed)
        if isListDue {
            self.listAnew()
        }
    }

    // MARK: Streams

    /// Creates the streams once a server is connected; runs on the first loop.
    private func setUp() {
        let engine = self.homes[0].engine.value
        guard let info = engine.connection.info else {
            let failure = engine.connection.failure ?? "not connected"
            self.shared.withLock { $0.failure = failure }
            self.setUpLater()
            return
        }
        let judgement = StreamSetup.judge(info, maximumMessageBytes: self.configuration.maximumMessageBytes)
        guard judgement == .ready else {
            self.ended(judgement)
            return
        }
        let setup = StreamSetup(
            engine.stream,
            subjects: self.configuration.subjects,
            retention: self.configuration.retention
        )
        setup.run { outcome in self.ended(outcome) }
    }

    private func ended(_ outcome: StreamSetup.Outcome) {
        switch outcome {
        case .ready:
            self.homes[0].engine.value.connection.info
                .map { self.maximumBytes.store($0.maximumPayload, ordering: .relaxed) }
            let now = self.homes[0].eventLoop.now
            self.takeName(from: now + Self.nameTime, until: now + Self.nameTimeout)
        case .unavailable(let why):
            self.shared.withLock { $0.failure = why }
            self.logger.warning("engine not ready", metadata: ["reason": "\(why)"])
            self.setUpLater()
        case .refused(let why):
            self.shared.withLock { $0.failure = why }
            self.logger.error("engine refused", metadata: ["reason": "\(why)"])
            self.refused(why)
        }
    }

    /// How long others are listened to before a name counts as free, and how long one that is not is waited for.
    private static let nameTime = TimeAmount.milliseconds(1200)
    private static let nameTimeout = TimeAmount.seconds(5)

    /// No two nodes have one name; that of a node which has just ended is free two seconds later.
    private func takeName(from earliest: NIODeadline, until deadline: NIODeadline) {
        let engine = self.homes[0].engine.value
        let now = engine.eventLoop.now
        let node = self.ownNode(load: EngineLoad())
        let isTaken = self.shared.withLock { $0.nodes.isTaken(nameOf: node) }
        if !isTaken, now >= earliest, engine.live.isConnected {
            // Nobody is served by a token that was revoked before the gateway came.
            self.shared.withLock { $0.failure = "revocations are being read" }
            self.peerLink().facts.look { self.becomeReady() }
        } else if isTaken, now >= deadline {
            self.ended(.refused("another gateway is called \(node.name): node.name is to be another one for each"))
        } else {
            self.shared.withLock { $0.failure = isTaken ? "another gateway is called \(node.name)" : "joining" }
            self.later(on: engine.eventLoop, .milliseconds(100)) { self.takeName(from: earliest, until: deadline) }
        }
    }

    private func becomeReady() {
        self.shared.withLock {
            $0.isReady = true
            $0.failure = nil
        }
        self.logger.info("engine ready", metadata: ["shards": "\(self.configuration.subjects.shardCount)"])
        for home in self.homes {
            home.eventLoop.execute { home.engine.value.isReady = true }
        }
        // So that it is known how many scans there are.
        self.listAnew()
    }

    private func setUpLater() {
        self.later(on: self.homes[0].eventLoop, Self.setupInterval) { self.setUp() }
    }

    // MARK: Nodes

    private func hearBeats() {
        let engine = self.homes[0].engine.value
        _ = engine.live.subscribe(self.configuration.subjects.beats) { message in
            guard let json = JetStream.json(message.payload), let node = EngineNode(json) else { return }
            let now = engine.eventLoop.now
            let isLast = json["last"]?.value == .bool(true)
            self.shared.withLock { isLast ? $0.nodes.left(node.instance) : $0.nodes.beat(node, now: now) }
            self.peerLink().look()
        }
    }

    private func ownNode(load: EngineLoad) -> EngineNode {
        EngineNode(
            name: self.configuration.nodeName,
            instance: self.instance,
            version: self.configuration.version,
            load: load,
            since: self.startedAt.milliseconds
        )
    }

    private func beatLater() {
        self.beat()
        self.later(on: self.homes[0].eventLoop, NodeTable.beatInterval) { self.beatLater() }
    }

    private func beat(isLast: Bool = false) {
        let engine = self.homes[0].engine.value
        var node = self.ownNode(load: self.shared.withLock { $0.load }())
        node.link = self.peerLink().link
        // It knows itself, whether it is connected or not.
        let now = engine.eventLoop.now
        self.shared.withLock { shared in
            node.changes = shared.ownChanges
            shared.nodes.beat(node, now: now)
        }
        engine.connection.publish(self.configuration.subjects.beats, node.json(isLast: isLast))
    }

    package func keeps(_ id: ScanID) -> Bool {
        self.shared.withLock { $0.nodes.keeper(of: id.text) } == self.instance
    }

    // MARK: Scans

    package var maximumRecordBytes: Int {
        self.maximumBytes.load(ordering: .relaxed) - RecordLimits.overhead
    }

    package func byteCount(of record: LogRecord) -> Int { RecordForm.byteCount(of: record) }

    package func follow(_ id: ScanID, _ follower: any ScanFollower, on eventLoop: any EventLoop) {
        self.home(eventLoop).follow(id, follower)
    }

    package func unfollow(_ id: ScanID, on eventLoop: any EventLoop) {
        self.home(eventLoop).unfollow(id)
    }

    package func turn(of id: ScanID, on eventLoop: any EventLoop) -> NIODeadline {
        self.home(eventLoop).turn(of: id)
    }

    package func append(_ draft: RecordDraft, to id: ScanID, promise: EventLoopPromise<AppendOutcome>) {
        self.home(promise.futureResult.eventLoop).append(draft, to: id, promise)
    }

    package func last(of id: ScanID, promise: EventLoopPromise<RecordHeader?>) {
        self.onLoop(of: promise) { $0.last(of: id) { promise.completeWith($0) } }
    }

    package func read(
        _ request: StoredPageRequest,
        of id: ScanID,
        epoch: String,
        promise: EventLoopPromise<StoredPage>
    ) {
        self.onLoop(of: promise) { $0.read(request, of: id, epoch: epoch, promise) }
    }

    package func erase(_ id: ScanID, before place: UInt64, promise: EventLoopPromise<Void>) {
        self.onLoop(of: promise) { $0.erase(id, before: place, promise) }
    }

    /// On the loop of a promise, or on the first where no scans live on that one.
    private func onLoop<Value>(of promise: EventLoopPromise<Value>, _ body: @escaping @Sendable (LoopEngine) -> Void) {
        let eventLoop = promise.futureResult.eventLoop
        let home = self.homes.first { $0.eventLoop === eventLoop } ?? self.homes[0]
        if home.eventLoop.inEventLoop {
            body(home.engine.value)
        } else {
            home.eventLoop.execute { body(home.engine.value) }
        }
    }
}
