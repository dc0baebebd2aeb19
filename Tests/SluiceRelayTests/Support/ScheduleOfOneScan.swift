import Logging
import NIOCore
import SluiceBase
import Testing

@testable import SluiceRelay

/// A relay with one scan, moved by hand, for what a test tells step by step.
final class ScheduleOfOneScan {
    let world: ScheduleWorld
    let relay: Relay
    let memory = CompressionMemory(limit: .max)
    private let configuration: RelayConfiguration
    let scanID: ScanID
    private let scan: ScheduleScan

    init(loopCount: Int, _ configuration: RelayConfiguration = RelayConfiguration()) throws {
        self.configuration = configuration
        let world = ScheduleWorld(seed: 1, loopCount: loopCount)
        let relay = Relay(
            eventLoops: world.loops,
            configuration: self.configuration,
            memory: self.memory,
            logger: Logger(label: "schedule") { _ in SwiftLogNoOpLogHandler() }
        )
        let scanID = try #require(ScanID("one"))
        let loop = world.loops[0]
        var epoch: String?
        world.run()
        world.on(loop) {
            _ = relay.put(scanID, owner: nil, name: nil, at: TestMessage.time, on: loop)
            relay.state(of: scanID, on: loop).assumeIsolated().whenSuccess { epoch = $0?.epoch }
        }
        world.run()
        self.world = world
        self.relay = relay
        self.scanID = scanID
        self.scan = ScheduleScan(scanID: scanID, epoch: try #require(epoch))
    }

    /// A client, and its subscription to the scan.
    func subscriber(
        loop: Int = 0,
        form: WireForm = .webSocket(.plain),
        maximumBufferedBytes: Int = 1024 * 1024,
        _ change: (inout SubscriptionRequest) -> Void = { _ in }
    ) throws -> ScheduleClient {
        let connection = try ScheduleConnection(
            world: world,
            relay: relay,
            loop: self.world.loops[loop],
            form: form,
            maximumBufferedBytes: maximumBufferedBytes
        )
        let client = ScheduleClient(world: world, relay: relay, connection: connection)
        self.subscribe(client, change)
        return client
    }

    func subscribe(_ client: ScheduleClient, _ change: (inout SubscriptionRequest) -> Void) {
        var request = SubscriptionRequest(scanID: self.scanID, form: client.connection.form)
        change(&request)
        let scan = self.scan
        client.subscribe(
            request,
            as: ScheduleSession(request: request, configuration: configuration, world: world, findScan: { _ in scan })
        )
        self.world.run()
    }

    func post(_ message: Message) {
        self.post([message])
    }

    /// Posts messages in one request, and does what is to be done in this turn of the loops.
    func post(_ messages: [Message], then: @escaping (IngestReceipt) -> Void = { _ in }) {
        for message in messages {
            self.scan.append(message, now: self.world.now)
        }
        let loop = self.world.loops[0]
        self.world.on(loop) {
            let request = IngestRequest(scanID: self.scanID, messages: messages, at: TestMessage.time)
            self.relay.ingest(request, on: loop).assumeIsolated().whenSuccess(then)
        }
        self.world.run()
    }

    /// How many frames were made so far, for however many subscribers each.
    var framesMade: Int { self.count(\.framesMade) }

    /// What the homes did so far, in all.
    func count(_ kind: KeyPath<HomeCounts, Int>) -> Int {
        var count = 0
        let loop = self.world.loops[0]
        self.world.on(loop) {
            self.relay.homeCounts(on: loop).assumeIsolated()
                .whenSuccess { count = $0.map { $0[keyPath: kind] }.reduce(0, +) }
        }
        self.world.run()
        return count
    }

    /// Lets time pass until the loops have done what was left for later turns.
    func letTurnsPass() {
        self.world.advanceThroughTimers(upTo: self.world.now + .milliseconds(90))
    }

    /// Lets everything drain. Returns what went wrong for whom.
    func end(_ clients: [ScheduleClient]) throws -> [String] {
        self.world.advanceThroughTimers(upTo: self.world.now + .seconds(30))
        for client in clients {
            client.session?.settled(isStalled: false)
            try client.connection.close()
        }
        self.world.shutDown()
        return self.world.failures
    }
}
