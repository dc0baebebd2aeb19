import Logging
import NIOCore
import SluiceBase
import SluiceWire
import Testing

@testable import SluiceRelay

/// A relay with one scan, moved by hand, for tests that go step by step.
final class ScheduleOfOneScan {
    let world: ScheduleWorld
    let relay: Relay
    let memory = CompressionMemory(limit: .max)
    /// Where the scan is stored; nil for memory only.
    let store: ScheduleStore?
    private let configuration: RelayConfiguration
    let scanID: ScanID
    private let scan: ScheduleScan

    init(
        loopCount: Int,
        _ configuration: RelayConfiguration = RelayConfiguration(),
        isStored: Bool = false,
        packer: Relay.Worker? = nil
    ) throws {
        self.configuration = configuration
        let world = ScheduleWorld(seed: 1, loopCount: loopCount)
        self.store = isStored ? ScheduleStore(world: world) : nil
        let relay = Relay(
            eventLoops: world.loops,
            configuration: self.configuration,
            memory: self.memory,
            store: self.store,
            packer: packer,
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

    /// Begins a subscription, and runs the due work unless the test does.
    func subscribe(_ client: ScheduleClient, runs: Bool = true, _ change: (inout SubscriptionRequest) -> Void) {
        var request = SubscriptionRequest(scanID: self.scanID, form: client.connection.form)
        change(&request)
        let scan = self.scan
        client.subscribe(
            request,
            as: ScheduleSession(request: request, configuration: configuration, world: world, findScan: { _ in scan })
        )
        if runs {
            self.world.run()
        }
    }

    func post(_ message: Message) {
        self.post([message])
    }

    /// Posts messages in one request, and runs the due work of this turn of the loops.
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

    /// Deletes the scan, and its stored part.
    func delete() {
        let loop = self.world.loops[0]
        self.world.on(loop) { _ = self.relay.delete(self.scanID, on: loop) }
    }

    /// How many frames were made so far, for however many subscribers each.
    var framesMade: Int { self.count(\.framesMade) }

    /// The counts of all homes so far.
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

    /// Lets time pass until the loops have done the work left for later turns.
    func letTurnsPass() {
        self.world.advanceThroughTimers(upTo: self.world.now + .milliseconds(90))
    }

    /// Lets everything drain. Returns the failures of each client.
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
