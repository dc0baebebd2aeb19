import Logging
import NIOCore
import SluiceBase
import SluiceRelay

/// An engine's part on one event loop: two connections, and the scans that live there.
///
/// Loop-confined. Appends and reads go one way, copies come another: the server ends a connection that does not take
/// what is sent to it, and then only copies are missing, which are read.
final class LoopEngine: LogAccess {
    /// What is published and not answered at most, in bytes; beyond it, drafts wait for their time.
    private static let maximumPublishedBytes = 64 * 1024 * 1024
    private static let probeInterval = TimeAmount.seconds(1)
    /// After so long without a word of any leader another server is tried, and after twice as long once more.
    private static let shortestPatience = TimeAmount.seconds(4)
    private static let longestPatience = TimeAmount.seconds(64)
    /// How long servers take to tell each other who subscribes; where it is longer, quiet checks find what is missing.
    private static let interestTime = TimeAmount.milliseconds(150)
    /// Connections that leave a server do so within this time, so that not all of all gateways come at once.
    private static let leavingNanoseconds: Int64 = 50_000_000
    /// How many scans of a shard are looked at again at once, and how often.
    private static let checkCount = 64
    private static let checkInterval = TimeAmount.milliseconds(20)

    let eventLoop: any EventLoop
    let connection: NATSConnection
    let live: NATSConnection
    let stream: JetStream
    let counts = FeedCounts()
    private let configuration: EngineConfiguration
    private let terms: ScanFeed.Terms
    private let logger: Logger
    private var feeds: [ScanID: ScanFeed] = [:]
    private var readers: [ScanID: HistoryReader] = [:]
    /// By shard: who waits for others of it to be answered.
    private var toCheck: [[ScanID]]
    private var isChecking = false
    /// By shard: how often its leader is being asked for a newest record.
    private var headCounts: [Int]
    private var budget = PublishBudget(maximumBytes: LoopEngine.maximumPublishedBytes)
    private(set) var leaders: LeaderWatch
    /// How often a shard was heard to get a leader.
    private(set) var electionCount = 0
    private var changedServerAt: NIODeadline
    private var patience = LoopEngine.shortestPatience
    /// Which servers are of less use.
    private var verdict = ServerBoard.Verdict()
    private let startedAt: NIODeadline
    /// Whether this node is to repeat what stands from a record of a scan on.
    var isOld: (ScanID, UInt64) -> Bool = { _, _ in false }
    /// Whether the streams are there and may be used.
    var isReady = false
    private(set) var isClosed = false

    init(
        _ configuration: EngineConfiguration,
        instance: String,
        eventLoop: any EventLoop,
        index: Int,
        wallClock: @escaping @Sendable () -> WallTime,
        logger: Logger
    ) {
        self.configuration = configuration
        self.eventLoop = eventLoop
        self.logger = logger
        self.connection = NATSConnection(configuration.connection, eventLoop: eventLoop, logger: logger)
        self.live = NATSConnection(configuration.connection, eventLoop: eventLoop, logger: logger)
        self.stream = JetStream(self.connection, subjects: configuration.subjects)
        self.terms = ScanFeed.Terms(
            node: "\(instance)-\(String(index, radix: 36))-",
            appendTimeout: configuration.appendTimeout,
            wallClock: wallClock
        )
        self.leaders = LeaderWatch(shardCount: configuration.subjects.shardCount)
        self.toCheck = Array(repeating: [], count: configuration.subjects.shardCount)
        self.headCounts = Array(repeating: 0, count: configuration.subjects.shardCount)
        self.startedAt = eventLoop.now
        self.changedServerAt = eventLoop.now
    }

    func start() {
        self.stream.leaderAnswered = { [unowned self] in self.leaders.answered($0, now: self.eventLoop.now) }
        self.connection.changed = { [unowned self] isConnected in
            if isConnected, self.isReady { self.askQuiet() }
        }
        self.live.changed = { [unowned self] isConnected in
            if isConnected { self.checkTwice() }
        }
        for shard in 0..<self.leaders.shardCount {
            let stream = self.configuration.subjects.stream(shard)
            _ = self.live.subscribe("$JS.EVENT.ADVISORY.STREAM.LEADER_ELECTED.\(stream)") { [unowned self] _ in
                self.electionCount += 1
                self.checkAll { $0 == shard }
            }
        }
        self.connection.start()
        self.live.start()
        self.probeLater()
    }

    func close() {
        self.isClosed = true
        for feed in self.feeds.values { feed.end() }
        self.feeds = [:]
        self.connection.close()
        self.live.close()
    }

    // MARK: Scans

    var feedCount: Int { self.feeds.count }

    func follow(_ id: ScanID, _ follower: any ScanFollower) {
        self.feeds[id]?.end()
        var logger = self.logger
        logger[metadataKey: "scan"] = "\(id.text)"
        let feed = ScanFeed(
            id,
            log: self,
            follower: follower,
            eventLoop: self.eventLoop,
            terms: self.terms,
            counts: self.counts,
            logger: logger
        )
        self.feeds[id] = feed
        feed.start()
    }

    func unfollow(_ id: ScanID) {
        self.feeds.removeValue(forKey: id)?.end()
    }

    func turn(of id: ScanID) -> NIODeadline { self.feeds[id]?.turn ?? .distantPast }

    func append(_ draft: RecordDraft, to id: ScanID, _ promise: EventLoopPromise<AppendOutcome>) {
        guard let feed = self.feeds[id] else {
            EngineAppend(promise: promise).settleLater(.unavailable)
            return
        }
        feed.append(draft, promise)
    }

    func last(of id: ScanID, then: @escaping (Result<RecordHeader?, any Error>) -> Void) {
        self.head(of: id) { result in
            switch result {
            case .failure: then(.failure(RelayRefusal.storageUnavailable))
            case .success(nil): then(.success(nil))
            case .success(let message?):
                guard let head = try? RecordHead(message.headers, at: message.sequence) else {
                    then(.failure(RelayRefusal.storageUnavailable))
                    return
                }
                then(.success(head.header(of: id, at: message.sequence)))
            }
        }
    }

    func read(_ request: StoredPageRequest, of id: ScanID, epoch: String, _ promise: EventLoopPromise<StoredPage>) {
        let last = self.readers[id]
        let marks = self.feeds[id]?.marks ?? last?.marks(of: epoch) ?? LogMarks()
        let reader = HistoryReader(
            id,
            epoch: epoch,
            request: request,
            log: self,
            eventLoop: self.eventLoop,
            marks: marks,
            cut: last?.cut(of: epoch)
        )
        // Who pages through a scan goes on where the last page ended.
        if self.readers.count >= Self.checkCount { self.readers = [:] }
        self.readers[id] = reader
        reader.run { promise.completeWith($0) }
    }

    func erase(_ id: ScanID, before place: UInt64, _ promise: EventLoopPromise<Void>) {
        let subjects = self.configuration.subjects
        let stream = subjects.stream(subjects.shard(of: id))
        self.readers[id] = nil
        self.stream.purge(subjects.log(id), in: stream, before: place) { result in
            promise.completeWith(result.mapError { _ in RelayRefusal.storageUnavailable })
        }
    }

    // MARK: LogAccess

    var maximumBodyBytes: Int {
        (self.connection.info?.maximumPayload ?? 1024 * 1024) - RecordLimits.overhead
    }

    func subscribe(_ id: ScanID, _ receive: @escaping (LogMessage) -> Void) -> Int {
        self.live.subscribe(self.configuration.subjects.live(id)) { message in
            guard let sequence = message.headers["Nats-Sequence"].flatMap(UInt64.init) else { return }
            receive(
                LogMessage(
                    sequence: sequence,
                    previous: message.headers["Nats-Last-Sequence"].flatMap(UInt64.init),
                    headers: message.headers,
                    body: message.payload
                )
            )
        }
    }

    func unsubscribe(_ subscription: Int) {
        self.live.unsubscribe(subscription)
    }

    func publish(
        _ headers: MessageHeaders,
        _ body: ByteBuffer,
        to id: ScanID,
        expected: UInt64,
        then: @escaping (AppendMachine.Answer) -> Void
    ) {
        let bytes = body.readableBytes
        guard self.isReady, self.budget.take(bytes) else {
            self.eventLoop.assumeIsolated().execute { then(.failed) }
            return
        }
        let subjects = self.configuration.subjects
        self.stream.publish(
            headers,
            body,
            to: subjects.log(id),
            shard: subjects.shard(of: id),
            expected: expected
        ) { [weak self] answer in
            self?.budget.giveBack(bytes)
            then(answer)
        }
    }

    func head(of id: ScanID, then: @escaping (Result<LogMessage?, LogUnavailable>) -> Void) {
        self.askLeader(of: id, then) { self.stream.last(of: $0, in: $1, shard: $2, then: $3) }
    }

    func newest(of id: ScanID, then: @escaping (Result<UInt64, LogUnavailable>) -> Void) {
        self.askLeader(of: id, then) { self.stream.newest(of: $0, in: $1, shard: $2, then: $3) }
    }

    /// Asks the leader of a scan's stream, and counts the question while it is open.
    private func askLeader<Answer>(
        of id: ScanID,
        _ then: @escaping (Result<Answer, LogUnavailable>) -> Void,
        _ ask: (
            _ subject: String, _ stream: String, _ shard: Int, @escaping (Result<Answer, LogUnavailable>) -> Void
        ) -> Void
    ) {
        guard self.isReady else {
            self.eventLoop.assumeIsolated().execute { then(.failure(LogUnavailable())) }
            return
        }
        let subjects = self.configuration.subjects
        let shard = subjects.shard(of: id)
        self.headCounts[shard] += 1
        ask(subjects.log(id), subjects.stream(shard), shard) { [weak self] result in
            self?.headCounts[shard] -= 1
            then(result)
        }
    }

    func look(_ id: ScanID, at sequence: UInt64, then: @escaping (Result<LogMessage?, LogUnavailable>) -> Void) {
        let subjects = self.configuration.subjects
        let stream = subjects.stream(subjects.shard(of: id))
        self.stream.next(of: subjects.log(id), in: stream, from: sequence, then: then)
    }

    func read(
        _ id: ScanID,
        from sequence: UInt64,
        maximumBytes: Int,
        each: @escaping (LogMessage) -> Void,
        then: @escaping (Result<Bool, LogUnavailable>) -> Void
    ) {
        let subjects = self.configuration.subjects
        let stream = subjects.stream(subjects.shard(of: id))
        self.stream.read(
            subjects.log(id),
            in: stream,
            from: sequence,
            maximumBytes: maximumBytes,
            each: each,
            then: then
        )
    }

    func isOld(_ id: ScanID, base: UInt64) -> Bool { self.isOld(id, base) }

    func nudge(_ id: ScanID, _ sequence: UInt64) {
        let headers = MessageHeaders(["Nats-Sequence": String(sequence)])
        self.connection.publish(self.configuration.subjects.live(id), headers: headers, ByteBuffer())
    }

    // MARK: Leaders

    /// Whether no leader has been heard for so long that nothing may be promised.
    func isCutOff(now: NIODeadline) -> Bool {
        now - self.lastAnswer >= self.configuration.cutOffAfter
    }

    private var lastAnswer: NIODeadline { self.leaders.lastAnswer ?? self.startedAt }

    /// Whether a shard's leader was heard, and owes no answer for long.
    func isUp(_ shard: Int, now: NIODeadline) -> Bool { self.isReady && self.leaders.isUp(shard, now: now) }

    private func probeLater() {
        self.eventLoop.assumeIsolated()
            .scheduleTask(in: Self.probeInterval) { [weak self] in
                guard let self, !self.isClosed else { return }
                self.probe()
                self.probeLater()
            }
    }

    /// Asks leaders that were not heard for about a second for a record that does not exist.
    private func probe() {
        // One that might not be left just now may be a second later.
        self.preferNow()
        let now = self.eventLoop.now
        guard self.isReady else { return }
        self.askQuiet()
        guard self.connection.isConnected else { return }
        if self.lastAnswer > self.changedServerAt {
            self.patience = Self.shortestPatience
        }
        guard now - max(self.lastAnswer, self.changedServerAt) >= self.patience else { return }
        self.changedServerAt = now
        if self.patience > Self.shortestPatience {
            // Where not all servers are listed, those that seem better may be on the smaller side of a cut.
            self.verdict = ServerBoard.Verdict()
            self.preferNow()
        }
        self.patience = min(self.patience + self.patience, Self.longestPatience)
        self.connection.changeServer("no stream's leader answers")
        self.live.changeServer("no stream's leader answers")
    }

    private func askQuiet() {
        let quiet = self.leaders.ask(now: self.eventLoop.now)
        guard self.connection.isConnected else { return }
        let subjects = self.configuration.subjects
        for shard in quiet {
            let subject = "\(subjects.logs(shard).dropLast())%"
            self.stream.last(of: subject, in: subjects.stream(shard), shard: shard) { _ in }
        }
    }

    /// Leaves servers that are of less use, and goes to others.
    func prefer(_ verdict: ServerBoard.Verdict) {
        self.verdict = verdict
        for connection in [self.connection, self.live] {
            self.eventLoop.assumeIsolated()
                .scheduleTask(in: .nanoseconds(.random(in: 0..<Self.leavingNanoseconds))) { [weak self] in
                    guard let self, !self.isClosed else { return }
                    connection.prefer(self.verdict)
                }
        }
    }

    private func preferNow() {
        self.connection.prefer(self.verdict)
        self.live.prefer(self.verdict)
    }

    /// What is old may have changed.
    func repeatOld() {
        for feed in self.feeds.values { feed.repeatOld() }
    }

    /// Copies may have been lost: until now, and until other servers have heard of the subscriptions.
    private func checkTwice() {
        self.checkAll { _ in true }
        self.eventLoop.assumeIsolated()
            .scheduleTask(in: Self.interestTime) { [weak self] in self?.checkAll { _ in true } }
    }

    private func checkAll(_ isMeant: (_ shard: Int) -> Bool) {
        let waiting = Set(self.toCheck.joined())
        for id in self.feeds.keys where !waiting.contains(id) {
            let shard = self.configuration.subjects.shard(of: id)
            if isMeant(shard) { self.toCheck[shard].append(id) }
        }
        self.checkSome()
    }

    private func checkSome() {
        guard !self.isChecking, !self.isClosed else { return }
        // As many as were answered; a shard without a leader holds up no other.
        for shard in self.toCheck.indices {
            let ids = self.toCheck[shard].prefix(max(0, Self.checkCount - self.headCounts[shard]))
            self.toCheck[shard].removeFirst(ids.count)
            for id in ids { self.feeds[id]?.check() }
        }
        guard self.toCheck.contains(where: { !$0.isEmpty }) else { return }
        self.isChecking = true
        self.eventLoop.assumeIsolated()
            .scheduleTask(in: Self.checkInterval) { [weak self] in
                self?.isChecking = false
                self?.checkSome()
            }
    }
}
