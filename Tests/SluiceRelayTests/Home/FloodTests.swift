import Logging
import NIOCore
import Testing

@testable import SluiceRelay

@Suite("A flood")
struct FloodTests {
    private static let messageCount = 20_000
    /// One in so many messages is critical.
    private static let criticalInterval = 100

    private let world = ScheduleWorld(seed: 1, loopCount: 2)
    private let configuration = RelayConfiguration()
    private let relay: Relay
    private let scanID: ScanID
    private let scan: ScheduleScan

    init() throws {
        let relay = Relay(
            eventLoops: self.world.loops,
            configuration: self.configuration,
            memory: CompressionMemory(limit: .max),
            logger: Logger(label: "flood") { _ in SwiftLogNoOpLogHandler() }
        )
        let scanID = try #require(ScanID("flood"))
        self.relay = relay
        self.scanID = scanID
        let world = self.world
        let loop = world.loops[0]
        var epoch: String?
        world.run()
        world.on(loop) {
            _ = relay.put(scanID, owner: nil, name: nil, on: loop)
            relay.state(of: scanID, on: loop).assumeIsolated().whenSuccess { epoch = $0?.epoch }
        }
        world.run()
        self.scan = ScheduleScan(scanID: scanID, epoch: try #require(epoch))
    }

    @Test("Of 20,000 messages each of 200 critical ones arrives at a normal, a stalled and a resuming subscriber, once")
    func criticalMessagesOfAFlood() throws {
        let clients = try [0, 1, 1].map { loop in
            try ScheduleClient(world: world, relay: relay, loop: world.loops[loop], form: .webSocket(.plain))
        }
        for client in clients {
            self.subscribe(client)
        }
        self.world.run()
        for number in 1...Self.messageCount {
            switch number {
            case 5000: clients[1].setRoom(0)
            case 6000: clients[2].leave()
            case 9000: self.subscribe(clients[2], after: clients[2].session?.position)
            case 15_000: clients[1].setRoom(nil)
            default: break
            }
            self.post(number)
            if number % 2 == 0 {
                self.world.advance(by: .milliseconds(1))
            }
        }
        self.world.advanceThroughTimers(upTo: self.world.now + .seconds(30))
        for client in clients {
            // Every gap was judged as it came: nothing critical is in any, and all else is announced.
            #expect(client.session?.last == Seq(Self.messageCount))
            client.session?.settled(isStalled: false)
            try client.close()
        }
        // Each critical message takes along what waits, so that only who was away has lost something.
        #expect(clients.map { ($0.session?.lagCount ?? 0) > 0 } == [false, true, true])
        self.world.shutDown()
        #expect(self.world.failures.isEmpty)
    }

    private func subscribe(_ client: ScheduleClient, after position: Position? = nil) {
        var request = SubscriptionRequest(scanID: self.scanID, form: client.form)
        request.since = position?.seq
        request.epoch = position?.epoch
        let scan = self.scan
        client.subscribe(
            request,
            as: ScheduleSession(request: request, configuration: configuration, world: world, findScan: { _ in scan })
        )
    }

    private func post(_ number: Int) {
        let isCritical = number % Self.criticalInterval == 0
        let message = isCritical ? TestMessage.critical() : TestMessage.ordinary("a", "\"n\":\(number)")
        self.scan.append(message, now: self.world.now)
        let loop = self.world.loops[0]
        self.world.on(loop) {
            _ = self.relay.ingest(IngestRequest(scanID: self.scanID, messages: [message]), on: loop)
        }
        self.world.run()
    }
}
