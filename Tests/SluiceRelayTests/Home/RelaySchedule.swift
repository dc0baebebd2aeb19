import Logging
import NIOCore
import SluiceBase
import SluiceWire

@testable import SluiceRelay

/// One random schedule of a whole relay: producers, subscribers of every kind, full sockets, and time.
final class RelaySchedule {
    /// Steps that change the scans.
    enum Source {
        /// Requests, which the relay's author judges.
        case requests
        /// Records that were made elsewhere.
        case records
    }

    private static let scanIDs = ["alpha", "beta"].compactMap { ScanID($0) }

    private let world: ScheduleWorld
    private let relay: Relay
    private let configuration: RelayConfiguration
    private let isStored: Bool
    private var connections: [ScheduleConnection] = []
    private var clients: [ScheduleClient] = []
    private var scans: [ScheduleScan] = []
    private var current: [ScanID: ScheduleScan] = [:]
    private var homes: [ScanID: ScheduleLoop] = [:]
    /// Where records come from that were made elsewhere; none where requests change the scans.
    private var sources: [ScanID: ScheduleRecords] = [:]
    private var postedCount = 0

    /// A schedule that is the same for the same seed.
    ///
    /// - Parameters:
    ///   - seed: The source of chance.
    ///   - sharesSockets: Whether some sockets follow both scans.
    ///   - isStored: Whether scans are stored, memory holds little of them, and crowds come back with one cursor.
    ///   - source: Steps that change the scans.
    init(seed: UInt64, sharesSockets: Bool = true, isStored: Bool = false, source: Source = .requests) throws {
        let world = ScheduleWorld(seed: seed, loopCount: 1 + Int(seed % 3))
        self.world = world
        self.isStored = isStored
        self.configuration = Self.makeConfiguration(world, isStored: isStored)
        self.relay = Relay(
            eventLoops: world.loops,
            configuration: self.configuration,
            memory: CompressionMemory(limit: world.chance(80) ? .max : 400_000),
            store: isStored ? ScheduleStore(world: world, failingPercent: world.pick([0, 0, 5])) : nil,
            logger: Logger(label: "schedule") { _ in SwiftLogNoOpLogHandler() }
        )
        world.run()
        for scanID in Self.scanIDs {
            let home = self.findHome(of: scanID)
            self.homes[scanID] = home
            if case .records = source, let home {
                self.sources[scanID] = ScheduleRecords(scanID: scanID, relay: self.relay, loop: home, world: world)
                self.sources[scanID]?.onRecord = { [unowned self] in self.applied($0, to: scanID, after: $1) }
            }
        }
        for _ in 0..<(isStored ? world.number(4...12) : world.number(1...5)) {
            try self.connect(mayShare: sharesSockets)
        }
    }

    /// A connection, of one subscription or of one for each scan.
    private func connect(mayShare: Bool) throws {
        let loop = self.world.pick(self.world.loops)
        let form = self.isStored && self.world.chance(70) ? Self.crowdForm : Self.makeForm(self.world)
        let connection = try ScheduleConnection(
            world: world,
            relay: relay,
            loop: loop,
            form: form,
            maximumBufferedBytes: self.world.pick([500, 3000, 1024 * 1024, 1024 * 1024])
        )
        self.connections.append(connection)
        let isShared = mayShare && form.canHaveManyScans && self.world.chance(40)
        let scans: [ScanID?] = isShared ? Self.scanIDs : [nil]
        for scanID in scans {
            self.clients.append(ScheduleClient(world: world, relay: relay, connection: connection, onlyScan: scanID))
        }
    }

    /// Runs the schedule to its end, when everything has drained. Returns the failures.
    func run() throws -> [String] {
        for _ in 0..<self.world.number(20...120) {
            self.step()
        }
        self.drain()
        for connection in self.connections {
            try connection.close()
        }
        self.world.shutDown()
        return self.world.failures
    }

    private func step() {
        if self.isStored, self.world.chance(10) {
            self.subscribeCrowd()
            return
        }
        switch self.world.number(0...99) {
        case 0..<30:
            self.post(count: self.world.number(1...(self.world.chance(15) ? 40 : 5)))
        case 30..<42:
            self.subscribe(self.world.pick(self.clients))
        case 42..<45:
            self.world.pick(self.clients).leave()
        case 45..<52:
            self.world.pick(self.connections).setRoom(self.world.chance(50) ? 0 : self.world.number(1...3000))
        case 52..<58:
            self.world.pick(self.connections).setRoom(self.world.chance(60) ? nil : self.world.number(1...3000))
        case 58..<65:
            self.change(self.world.pick(self.clients))
        case 65..<75:
            self.world.run(self.world.number(1...5))
        case 75..<97:
            self.world.advance(by: .milliseconds(Int64(self.world.number(1...120))))
        case 97..<98:
            self.world.advance(by: .milliseconds(Int64(self.world.number(500...6000))))
        case 98..<99:
            self.keepAlive()
        default:
            self.deleteOrFlush()
        }
    }

    private func post(count: Int) {
        let scanID = self.world.pick(Self.scanIDs)
        guard let home = self.homes[scanID] else {
            return
        }
        let messages = (0..<count).map { _ in self.makeMessage() }
        if let source = self.sources[scanID] {
            source.handIn { record in
                record.messages = messages
                record.at = TestMessage.time
                record.isHeard = true
            }
            return
        }
        self.world.on(home) {
            let receipt = self.relay.ingest(
                IngestRequest(scanID: scanID, messages: messages, at: TestMessage.time),
                on: home
            )
            receipt.assumeIsolated().whenSuccess { receipt in
                self.posted(messages, to: scanID, on: home, receipt)
            }
        }
    }

    private func posted(_ messages: [Message], to scanID: ScanID, on home: ScheduleLoop, _ receipt: IngestReceipt) {
        guard let seqs = receipt.seqs else {
            return self.world.fail("no seqs")
        }
        if seqs.lowerBound == 1 {
            self.relay.state(of: scanID, on: home).assumeIsolated().whenSuccess { state in
                let scan = ScheduleScan(scanID: scanID, epoch: state?.epoch ?? "")
                self.scans.append(scan)
                self.current[scanID] = scan
            }
        }
        guard let scan = self.current[scanID], scan.head.next == seqs.lowerBound else {
            return self.world.fail("seqs \(seqs)")
        }
        for message in messages {
            scan.append(message, now: self.world.now)
        }
    }

    /// The model gets a record before it is applied.
    private func applied(_ record: LogRecord, to scanID: ScanID, after standing: ScanStanding) {
        if standing.isNew {
            let scan = ScheduleScan(scanID: scanID, epoch: record.epoch)
            self.scans.append(scan)
            self.current[scanID] = scan
        }
        for message in record.messages {
            self.current[scanID]?.append(message, now: self.world.now)
        }
    }

    private func keepAlive() {
        let scanID = self.world.pick(Self.scanIDs)
        if let source = self.sources[scanID] {
            source.handIn { $0.isHeard = true }
        } else if let home = self.homes[scanID] {
            self.world.on(home) {
                _ = self.relay.ingest(IngestRequest(scanID: scanID, messages: [], at: TestMessage.time), on: home)
            }
        }
    }

    private func deleteOrFlush() {
        // Frames of a deletion or a flush are outside the budget.
        self.budgetsPause()
        let loop = self.world.pick(self.world.loops)
        self.world.on(loop) {
            guard self.world.chance(50) else {
                self.flush(on: loop)
                return
            }
            let scanID = self.world.pick(Self.scanIDs)
            if let source = self.sources[scanID] {
                source.handIn { $0.end = .deleted }
            } else {
                _ = self.relay.delete(scanID, on: loop)
            }
        }
    }

    /// A flush takes several turns of the loops.
    private func flush(on loop: ScheduleLoop) {
        self.world.flushCount += 1
        self.relay.flush(on: loop).assumeIsolated()
            .whenSuccess {
                self.world.flushCount -= 1
                self.budgetsPause()
            }
    }

    private func budgetsPause() {
        for client in self.clients {
            client.session?.budgetPauses()
        }
    }

    private func makeMessage() -> Message {
        self.postedCount += 1
        let length = self.world.chance(10) ? self.world.number(100...600) : self.world.number(0...40)
        let members = "\"n\":\(self.postedCount),\"pad\":\"\(String(repeating: "host ", count: length / 5))\""
        switch self.world.number(0...99) {
        case 0..<35:
            return TestMessage.ordinary("a", members)
        case 35..<60:
            return TestMessage.ordinary("b", members)
        case 60..<90:
            return TestMessage.state("\(self.world.number(1...3))", members, type: "p")
        case 90..<99:
            return TestMessage.make("c", .critical, members)
        default:
            return TestMessage.make("done", .critical, members, isTerminal: true)
        }
    }

    /// Several come back with one cursor, as after a restart of a proxy.
    private func subscribeCrowd() {
        let scanID = self.world.pick(Self.scanIDs)
        let since = Seq(clamping: self.world.number(0...10))
        let filter = self.makeFilter()
        for client in self.clients where client.onlyScan == nil && self.world.chance(80) {
            client.leave()
            var request = SubscriptionRequest(scanID: scanID, form: client.connection.form)
            request.since = since
            request.filter = filter
            if case .eventStream = request.form.kind {
                request.isBatched = false
            }
            self.begin(request, for: client)
        }
    }

    private func subscribe(_ client: ScheduleClient) {
        let last = client.session?.position
        client.leave()
        let form = client.connection.form
        var request = SubscriptionRequest(scanID: client.onlyScan ?? self.world.pick(Self.scanIDs), form: form)
        if let last, self.world.chance(60) {
            request.since = last.seq
            request.epoch = self.world.chance(80) ? last.epoch : nil
        } else if self.world.chance(40) {
            request.since = Seq(clamping: self.world.number(0...30))
        }
        request.filter = self.makeFilter()
        request.framesPerSecond = self.world.chance(50) ? nil : self.makeRate()
        request.isBatched = self.world.chance(70) ? nil : self.world.chance(50)
        request.wait = self.world.chance(30) ? .seconds(2) : nil
        if case .eventStream = form.kind {
            // An event stream has one message an event, however they are written.
            request.isBatched = false
        }
        if request.isBatched == false {
            // One message a frame at a low rate takes longer than a schedule lasts.
            request.framesPerSecond = nil
        }
        self.begin(request, for: client)
    }

    private func begin(_ request: SubscriptionRequest, for client: ScheduleClient) {
        let session = ScheduleSession(
            request: request,
            configuration: self.configuration,
            world: self.world,
            findScan: { [unowned self] epoch in self.scans.last { $0.epoch == epoch } }
        )
        client.subscribe(request, as: session)
    }

    private func change(_ client: ScheduleClient) {
        let changesFilter = self.world.chance(50)
        let changesRate = client.session?.request.isBatched != false && self.world.chance(60)
        guard changesFilter || changesRate else {
            return
        }
        client.change(
            filter: changesFilter ? self.makeFilter() : nil,
            framesPerSecond: changesRate ? self.makeRate() : nil
        )
    }

    private func makeFilter() -> TypeFilter {
        self.world.pick([.everything, .everything, TypeFilter(["a"]), TypeFilter(["a", "p"]), TypeFilter(["b", "x"])])
    }

    private func makeRate() -> Double {
        self.world.pick([0.5, 1, 2, 2.5, 5, 100])
    }

    /// The sockets drain, the scanners post one last thing, and time passes until nothing waits.
    private func drain() {
        for connection in self.connections {
            connection.setRoom(nil)
        }
        for _ in 0..<4 {
            self.post(count: 1)
        }
        self.world.advanceThroughTimers(upTo: self.world.now + .seconds(40))
        for client in self.clients {
            guard let session = client.session, let scan = session.scan, let home = self.homes[scan.scanID] else {
                continue
            }
            self.world.on(home) {
                self.relay.state(of: scan.scanID, on: home).assumeIsolated().whenSuccess { state in
                    if let state, state.epoch == scan.epoch {
                        session.settled(isStalled: state.summary.isStalled)
                    }
                }
            }
        }
    }

    /// A scan's home is where a question about it is answered at once.
    private func findHome(of scanID: ScanID) -> ScheduleLoop? {
        self.world.loops.first { loop in
            self.world.on(loop) { _ = self.relay.owner(of: scanID, on: loop) }
            defer { self.world.run() }
            return self.world.loops.allSatisfy(\.isIdle)
        }
    }

    private static let crowdForm = WireForm.webSocket(.gzip(minimumBytes: 200, level: 6))

    private static func makeForm(_ world: ScheduleWorld) -> WireForm {
        switch world.number(0...9) {
        case 0..<3:
            .webSocket(.plain)
        case 3..<4:
            .webSocket(.gzip(minimumBytes: 200, level: 6))
        case 4..<8:
            .webSocket(
                .deflate(
                    DeflateTerms(
                        level: 6,
                        windowBits: world.pick([9, 15]),
                        isWithoutContext: world.chance(25),
                        minimumBytes: world.pick([0, 100])
                    )
                )
            )
        default:
            .eventStream(isChunked: world.chance(50))
        }
    }

    private static func makeConfiguration(_ world: ScheduleWorld, isStored: Bool) -> RelayConfiguration {
        var configuration = RelayConfiguration()
        configuration.maximumBatchCount = world.pick([2, 5, 50])
        configuration.maximumFramesPerSecond = world.pick([0, 3, 10, 10])
        configuration.maximumPendingCount = world.pick([6, 20, 1000])
        configuration.history.messageCount = world.pick([6, 20, 1000])
        configuration.history.bytes = world.chance(80) ? configuration.history.bytes : 1500
        configuration.history.criticalBytes = world.chance(85) ? configuration.history.criticalBytes : 300
        configuration.maximumPendingBytes = world.chance(80) ? configuration.maximumPendingBytes : 1200
        configuration.cleanupDelay = .seconds(3)
        configuration.stallAfter = .seconds(5)
        configuration.adaptive.window = .seconds(3)
        if isStored {
            configuration.history.messageCount = 6
        }
        return configuration
    }
}

extension WireForm {
    /// Whether a socket of this form may follow several scans: each scan has its own deflate stream, a client only one
    /// window for the whole socket, so no stream may refer to its earlier frames.
    fileprivate var canHaveManyScans: Bool {
        switch self.kind {
        case .webSocket(.deflate(let terms)):
            terms.isWithoutContext
        case .webSocket(.plain), .webSocket(.gzip):
            true
        case .eventStream:
            false
        }
    }
}
