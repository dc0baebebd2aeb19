package import Logging
package import NIOCore
package import SluiceBase
package import SluiceRelay
internal import Synchronization

/// The scans' logs in NATS JetStream: what ``ScanEngine`` asks for, on every event loop of the gateway.
///
/// Each loop has connections of its own, so nothing hops from one to another and nothing has a lock but what all loops
/// tell of themselves.
package final class NATSEngine: SharedEngine {
    /// What one loop tells all others.
    struct Report {
        var status = EngineStatus()
        var isCutOff = false
    }

    struct Shared {
        var reports: [Report]
        var nodes = NodeTable()
        var failure: String? = "not connected yet"
        var listed: (heads: [RecordHeader], at: NIODeadline)?
        var isReady = false
        var load: @Sendable () -> EngineLoad = { EngineLoad() }
    }

    private struct Home: Sendable {
        let eventLoop: any EventLoop
        let engine: NIOLoopBoundBox<LoopEngine>
    }

    private static let reportInterval = TimeAmount.milliseconds(250)
    private static let setupInterval = TimeAmount.seconds(1)
    /// How old a list of scans may be.
    private static let listLifetime = TimeAmount.seconds(2)

    package let appendTimeout: TimeAmount
    package let maximumRequestCount = RecordForm.maximumCount
    /// Names this process in records and beats, unlike any other.
    package let instance: String
    let configuration: EngineConfiguration
    private let homes: [Home]
    private let shared: Mutex<Shared>
    private let logger: Logger
    private let wallClock: @Sendable () -> WallTime
    private let startedAt: WallTime
    private let refused: @Sendable (String) -> Void
    private let cutOff = Atomic<Bool>(false)
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
        self.shared = Mutex(Shared(reports: reports))
    }

    /// Connects, and goes on doing so until it is shut down.
    package func start() {
        for (index, home) in self.homes.enumerated() {
            home.eventLoop.execute {
                home.engine.value.start()
                self.reportLater(index)
            }
        }
        self.homes[0].eventLoop
            .execute {
                self.setUp()
                self.beatLater()
                self.hearBeats()
            }
    }

    /// Everything ends; what is being written is settled as unavailable.
    package func shutdown() -> EventLoopFuture<Void> {
        let futures = self.homes.map { home in
            home.eventLoop.submit { home.engine.value.close() }
        }
        return EventLoopFuture.andAllComplete(futures, on: self.homes[0].eventLoop)
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

    // MARK: How it is

    package var isCutOff: Bool { self.cutOff.load(ordering: .relaxed) }

    package var status: EngineStatus {
        self.shared.withLock { shared in
            var status = EngineStatus()
            status.failure = shared.failure
            status.nodes = max(1, shared.nodes.count)
            status.scans = shared.listed?.heads.count { $0.end == nil } ?? 0
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
        home.eventLoop.assumeIsolated()
            .scheduleTask(in: Self.reportInterval) {
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
        report.status.shards = engine.answeredAt.indices.map { engine.isUp($0, now: now) }
        report.status.failure = engine.connection.failure
        report.isCutOff = engine.isCutOff(now: now)
        let finished = report
        let isCutOff = self.shared.withLock { shared in
            shared.reports[index] = finished
            if shared.isReady {
                shared.failure = shared.reports.compactMap(\.status.failure).first
            }
            shared.nodes.forget(now: now)
            return shared.reports.contains { $0.isCutOff }
        }
        self.cutOff.store(isCutOff, ordering: .relaxed)
    }

    // MARK: The streams

    /// Makes the streams once a server is there; on the first loop.
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
            self.shared.withLock {
                $0.isReady = true
                $0.failure = nil
            }
            self.logger.info("engine ready", metadata: ["shards": "\(self.configuration.subjects.shardCount)"])
            for home in self.homes {
                home.eventLoop.execute { home.engine.value.isReady = true }
            }
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

    private func setUpLater() {
        self.homes[0].eventLoop.assumeIsolated().scheduleTask(in: Self.setupInterval) { self.setUp() }
    }

    // MARK: Nodes

    private var beatSubject: String { "\(self.configuration.subjects.name).node.beat" }

    private func hearBeats() {
        let engine = self.homes[0].engine.value
        _ = engine.live.subscribe(self.beatSubject) { message in
            guard let json = JetStream.json(message.payload), let node = EngineNode(json) else { return }
            let now = engine.eventLoop.now
            self.shared.withLock { $0.nodes.beat(node, now: now) }
        }
    }

    private func beatLater() {
        let engine = self.homes[0].engine.value
        let load = self.shared.withLock { $0.load }()
        let node = EngineNode(
            name: self.configuration.nodeName,
            instance: self.instance,
            version: self.configuration.version,
            load: load,
            since: self.startedAt.milliseconds
        )
        // It knows itself, whether it is connected or not.
        let now = engine.eventLoop.now
        self.shared.withLock { $0.nodes.beat(node, now: now) }
        engine.connection.publish(self.beatSubject, node.json)
        engine.eventLoop.assumeIsolated().scheduleTask(in: NodeTable.beatInterval) { self.beatLater() }
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

    package func list(promise: EventLoopPromise<[RecordHeader]>) {
        let first = self.homes[0]
        first.eventLoop.execute {
            let now = first.eventLoop.now
            if let listed = self.shared.withLock({ $0.listed }), now - listed.at < Self.listLifetime {
                promise.succeed(listed.heads)
                return
            }
            self.list(from: 0, []) { heads in
                guard let heads else {
                    promise.fail(RelayRefusal.storageUnavailable)
                    return
                }
                self.shared.withLock { $0.listed = (heads, now) }
                promise.succeed(heads)
            }
        }
    }

    private func list(from shard: Int, _ earlier: [RecordHeader], then: @escaping ([RecordHeader]?) -> Void) {
        guard shard < self.configuration.subjects.shardCount else {
            then(earlier)
            return
        }
        self.homes[0].engine.value.stream
            .heads(ofShard: shard) { result in
                guard case .success(let heads) = result else {
                    then(nil)
                    return
                }
                let headers = heads.compactMap { head in
                    Subjects.scan(ofSubject: head.subject)
                        .flatMap { id in (try? RecordHead(head.headers))?.header(of: id, at: head.sequence) }
                }
                self.list(from: shard + 1, earlier + headers, then: then)
            }
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
