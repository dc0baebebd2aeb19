import Logging
import NIOCore
import SluiceBase
import SluiceWire

@testable import SluiceRelay

/// One random schedule of several relays over one log: producers and subscribers on any of them, relays that are cut
/// off, deletions, owners, and requests that are repeated elsewhere.
final class EngineSchedule {
    /// A request and what its producer knows of it.
    private final class Post {
        let scanID: ScanID
        let messages: [Message]
        let key: String?
        let owner: String?
        var receipt: IngestReceipt?
        var isRefused = false

        init(scanID: ScanID, messages: [Message], key: String?, owner: String?) {
            self.scanID = scanID
            self.messages = messages
            self.key = key
            self.owner = owner
        }
    }

    private struct Node {
        let relay: Relay
        let engine: ScheduleEngine
        let loops: [ScheduleLoop]
    }

    private static let scanIDs = ["alpha", "beta"].compactMap { ScanID($0) }

    let world: ScheduleWorld
    let log: ScheduleLog
    private let configuration: RelayConfiguration
    private var nodes: [Node] = []
    private var clients: [(client: ScheduleClient, node: Int)] = []
    private var lives: [ScanID: [ScheduleScan]] = [:]
    private var posts: [Post] = []
    private var messageCount = 0

    init(seed: UInt64) throws {
        let loopCount = 1 + Int(seed % 2)
        let world = ScheduleWorld(seed: seed, loopCount: 3 * loopCount)
        var configuration = RelayConfiguration()
        configuration.maximumBatchCount = world.pick([2, 50])
        configuration.history.messageCount = world.pick([5, 1000])
        // How frames are spaced is other schedules' affair.
        configuration.maximumFramesPerSecond = 0
        configuration.cleanupDelay = .seconds(5)
        configuration.stallAfter = .seconds(6)
        self.world = world
        self.log = ScheduleLog(world: world)
        self.configuration = configuration
        for node in 0..<3 {
            let engine = ScheduleEngine(world: world, log: self.log)
            let loops = Array(world.loops[(node * loopCount)..<((node + 1) * loopCount)])
            let start = world.now
            let relay = Relay(
                eventLoops: loops,
                configuration: configuration,
                memory: CompressionMemory(limit: 0),
                engine: engine,
                wallClock: { [loop = loops[0]] in Self.wallTime(loop.now - start) },
                logger: Logger(label: "schedule") { _ in SwiftLogNoOpLogHandler() }
            )
            self.nodes.append(Node(relay: relay, engine: engine, loops: loops))
            engine.onApply = { [unowned self] in self.applied($0, $1) }
        }
        self.log.engines = self.nodes.map(\.engine)
        self.log.onRecord = { [unowned self] in self.stored($0, $1) }
        world.run()
        for _ in 0..<world.number(1...5) {
            let node = world.number(0...2)
            let connection = try ScheduleConnection(
                world: world,
                relay: self.nodes[node].relay,
                loop: world.pick(self.nodes[node].loops),
                form: .webSocket(.plain),
                maximumBufferedBytes: world.pick([3000, 1024 * 1024])
            )
            let client = ScheduleClient(world: world, relay: self.nodes[node].relay, connection: connection)
            self.clients.append((client, node))
        }
    }

    private static func wallTime(_ elapsed: TimeAmount) -> WallTime {
        WallTime(milliseconds: TestMessage.time.milliseconds + elapsed.nanoseconds / 1_000_000)
    }

    private let start = NIODeadline.uptimeNanoseconds(1_000_000_000_000)

    private var wallTime: WallTime { Self.wallTime(self.world.now - self.start) }

    /// Runs the schedule to its end, when everything has drained. Returns what went wrong.
    func run() throws -> [String] {
        for _ in 0..<self.world.number(30...150) {
            self.step()
        }
        self.drain()
        self.check()
        for (client, _) in self.clients {
            try client.connection.close()
        }
        self.world.shutDown()
        return self.world.failures
    }

    /// How often a draft was overtaken, failed, or was void, and how often a carry was read.
    var counts: [Int] {
        [
            self.nodes.reduce(0) { $0 + $1.engine.overtakenCount }, self.nodes.reduce(0) { $0 + $1.engine.failedCount },
            self.log.voidCount, self.nodes.reduce(0) { $0 + $1.engine.imageCount },
            self.posts.count { $0.receipt != nil }, self.posts.count { $0.receipt?.isReplayed ?? false },
        ]
    }

    private func step() {
        switch self.world.number(0...99) {
        case 0..<40:
            self.post()
        case 40..<52:
            self.subscribe(self.world.pick(self.clients))
        case 52..<55:
            self.world.pick(self.clients).client.leave()
        case 55..<60:
            let room = self.world.chance(50) ? nil : self.world.number(0...3000)
            self.world.pick(self.clients).client.connection.setRoom(room)
        case 60..<68:
            self.world.run(self.world.number(1...5))
        case 68..<90:
            self.world.advance(by: .milliseconds(Int64(self.world.number(1...60))))
        case 90..<93:
            self.world.advanceThroughTimers(upTo: self.world.now + .seconds(Int64(self.world.number(1...20))))
        case 93..<95:
            self.world.pick(self.nodes).engine.setCut(self.world.chance(50))
        case 95..<97:
            self.put()
        case 97..<98:
            // Long enough for scans to be closed, and opened anew.
            self.world.advanceThroughTimers(upTo: self.world.now + .seconds(70))
        default:
            self.delete()
        }
    }

    private func post() {
        let count = self.world.chance(10) ? self.world.number(10...20) : self.world.number(0...4)
        let owner = self.world.chance(10) ? self.world.pick(["u", "v"]) : nil
        let post = Post(
            scanID: self.world.pick(Self.scanIDs),
            messages: (0..<count).map { _ in self.makeMessage() },
            key: self.world.chance(50) ? "k\(self.posts.count)" : nil,
            owner: owner
        )
        self.posts.append(post)
        self.send(post)
        if post.key != nil, self.world.chance(10) {
            // Twice at once, on two nodes perhaps.
            self.send(post)
        }
    }

    private func send(_ post: Post) {
        let node = self.world.pick(self.nodes)
        let loop = self.world.pick(node.loops)
        let key = post.key.map { IngestRequest.Idempotency(key: $0, digest: [1]) }
        let request = IngestRequest(
            scanID: post.scanID,
            messages: post.messages,
            at: self.wallTime,
            owner: post.owner,
            idempotency: key
        )
        self.world.on(loop) {
            node.relay.ingest(request, on: loop).assumeIsolated()
                .whenComplete { self.answered(post, $0, on: loop) }
        }
    }

    private func answered(_ post: Post, _ result: Result<IngestReceipt, any Error>, on loop: ScheduleLoop) {
        switch result {
        case .success(let receipt):
            if let known = post.receipt, known.seqs != receipt.seqs, !self.hasEnded(post.scanID) {
                self.world.fail("\(post.key ?? "?") answered \(receipt.seqs as Any) after \(known.seqs as Any)")
            }
            post.receipt = receipt
        case .failure(RelayRefusal.storageUnavailable):
            if post.key != nil {
                loop.assumeIsolated().scheduleTask(in: .milliseconds(Int64(self.world.number(1...500)))) {
                    self.send(post)
                }
            }
        case .failure(RelayRefusal.ownerConflict):
            post.isRefused = true
            if !(self.lives[post.scanID] ?? []).contains(where: { $0.owner != nil && $0.owner != post.owner }) {
                self.world.fail("there was no other owner than \(post.owner ?? "none")")
            }
        case .failure(let error):
            self.world.fail("a post failed: \(error)")
        }
    }

    private func hasEnded(_ id: ScanID) -> Bool { (self.lives[id] ?? []).contains { $0.hasEnded } }

    private func put() {
        let node = self.world.pick(self.nodes)
        let loop = self.world.pick(node.loops)
        let owner = self.world.pick(["u", "v"])
        let id = self.world.pick(Self.scanIDs)
        self.world.on(loop) {
            node.relay.put(id, owner: owner, name: nil, at: self.wallTime, on: loop).assumeIsolated()
                .whenSuccess { registration in
                    if registration.owner != owner {
                        self.world.fail("\(owner) was registered as \(registration.owner ?? "none")")
                    }
                }
        }
    }

    private func delete() {
        let node = self.world.pick(self.nodes)
        let loop = self.world.pick(node.loops)
        self.world.on(loop) { _ = node.relay.delete(self.world.pick(Self.scanIDs), on: loop) }
    }

    private func makeMessage() -> Message {
        self.messageCount += 1
        let members =
            "\"n\":\(self.messageCount),\"pad\":\"\(String(repeating: "x", count: self.world.number(0...60)))\""
        switch self.world.number(0...99) {
        case 0..<60: return TestMessage.ordinary("a", members)
        case 60..<85: return TestMessage.state("\(self.world.number(1...3))", members, type: "p")
        case 85..<97: return TestMessage.make("c", .critical, members)
        default: return TestMessage.make("done", .critical, members, isTerminal: true)
        }
    }

    private func subscribe(_ one: (client: ScheduleClient, node: Int)) {
        let last = one.client.session?.position
        one.client.leave()
        var request = SubscriptionRequest(scanID: self.world.pick(Self.scanIDs), form: .webSocket(.plain))
        if let last, self.world.chance(60) {
            request.since = last.seq
            request.epoch = self.world.chance(80) ? last.epoch : nil
        } else if self.world.chance(50) {
            request.since = Seq(clamping: self.world.number(0...30))
        }
        request.wait = self.world.chance(30) ? .seconds(2) : nil
        let session = ScheduleSession(
            request: request,
            configuration: self.configuration,
            world: self.world,
            findScan: { [unowned self] epoch in self.lives.values.joined().first { $0.epoch == epoch } }
        )
        one.client.subscribe(request, as: session)
    }

    /// The model is told of a record as soon as it counts.
    private func stored(_ id: ScanID, _ records: [LogRecord]) {
        for record in records {
            let known = self.lives[id]?.last { $0.epoch == record.epoch }
            guard let life = known ?? self.open(record, of: id) else {
                continue
            }
            if record.first != life.head.next {
                self.world.fail("\(id) goes on at \(record.first) after \(life.head)")
            }
            if let owner = life.owner, owner != record.owner {
                self.world.fail("\(owner) lost \(id) to \(record.owner ?? "none")")
            }
            life.owner = record.owner
            for message in record.messages {
                life.append(message, now: self.world.now)
            }
            life.hasEnded = life.hasEnded || record.end != nil
        }
    }

    private func open(_ record: LogRecord, of id: ScanID) -> ScheduleScan? {
        if let current = self.lives[id]?.last, !current.hasEnded {
            self.world.fail("\(id) begins anew while it stands")
        }
        let life = ScheduleScan(scanID: id, epoch: record.epoch)
        self.lives[id, default: []].append(life)
        return life
    }

    /// What a deletion brings is not to be told by age.
    private func applied(_ id: ScanID, _ records: [LogRecord]) {
        guard records.contains(where: { $0.end != nil }) else {
            return
        }
        for (client, _) in self.clients {
            client.session?.budgetPauses()
        }
    }

    private func drain() {
        for node in self.nodes {
            node.engine.setCut(false)
        }
        for (client, _) in self.clients {
            client.connection.setRoom(nil)
        }
        self.world.advanceThroughTimers(upTo: self.world.now + .seconds(30))
        for id in Self.scanIDs {
            let post = Post(scanID: id, messages: [TestMessage.ordinary("a", "\"n\":0")], key: "last", owner: nil)
            self.posts.append(post)
            self.send(post)
        }
        self.world.advanceThroughTimers(upTo: self.world.now + .seconds(30))
    }

    private func check() {
        for post in self.posts {
            self.check(post)
        }
        for node in self.nodes {
            for id in Self.scanIDs {
                self.check(id, on: node)
            }
        }
        for (client, node) in self.clients {
            guard let session = client.session, let scan = session.scan, let loop = self.nodes[node].loops.first else {
                continue
            }
            self.world.on(loop) {
                self.nodes[node].relay.state(of: scan.scanID, on: loop).assumeIsolated().whenSuccess { state in
                    if let state, state.epoch == scan.epoch {
                        session.settled(isStalled: state.summary.isStalled)
                    }
                }
            }
            self.world.advance(by: .milliseconds(100))
        }
    }

    /// What was acknowledged is there, under the numbers that were said, and nothing is there twice.
    private func check(_ post: Post) {
        guard let first = post.messages.first else {
            return
        }
        let lives = self.lives[post.scanID] ?? []
        let places = lives.map { life in life.messages.indices.filter { life.messages[$0].body == first.body } }
        if places.contains(where: { $0.count > 1 }), first.body != TestMessage.ordinary("a", "\"n\":0").body {
            self.world.fail("\(post.scanID) has \(post.key ?? "a post") twice")
        }
        guard let receipt = post.receipt else {
            if post.key != nil, !post.isRefused {
                self.world.fail("\(post.scanID): \(post.key ?? "?") was never answered")
            }
            return
        }
        let count = post.messages.count
        let isThere = lives.contains { life in
            guard let seqs = receipt.seqs, seqs.upperBound <= life.head, seqs.count == count else {
                return false
            }
            return zip(seqs, post.messages).allSatisfy { life.message($0).body == $1.body }
                && (post.owner == nil || life.owner == post.owner)
        }
        if receipt.acceptedCount != count || !isThere {
            self.world.fail("\(post.scanID) lost \(count) messages, acknowledged as \(receipt.seqs as Any)")
        }
    }

    /// Every node says the same of a scan.
    private func check(_ id: ScanID, on node: Node) {
        let loop = node.loops[0]
        let life = self.lives[id]?.last
        self.world.on(loop) {
            node.relay.state(of: id, on: loop).assumeIsolated().whenComplete { result in
                let state = try? result.get()
                let stands = life.map { !$0.hasEnded } ?? false
                if (state != nil) != stands {
                    self.world.fail("\(id) stands: \(stands), but a node says it differently")
                }
                guard let state, let life else {
                    return
                }
                if state.epoch != life.epoch || state.seq != life.head || state.summary.owner != life.owner
                    || state.summary.messageCount != life.messages.count
                {
                    self.world.fail("\(id) at \(state.epoch) \(state.seq) instead of \(life.epoch) \(life.head)")
                }
            }
        }
        self.world.advanceThroughTimers(upTo: self.world.now + .milliseconds(300))
    }
}
