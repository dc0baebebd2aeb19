import Logging
import NIOCore
import Testing

@testable import SluiceRelay

@Suite("A flood")
struct FloodTests {
    private static let messageCount = 20_000
    /// One in so many messages is critical.
    private static let criticalInterval = 100

    @Test("Of 20,000 messages each of 200 critical ones arrives at a normal, a stalled and a resuming subscriber, once")
    func criticalMessagesOfAFlood() throws {
        let world = ScheduleWorld(seed: 1, loopCount: 2)
        let configuration = RelayConfiguration()
        let relay = Relay(
            eventLoops: world.loops,
            configuration: configuration,
            memory: CompressionMemory(limit: .max),
            logger: Logger(label: "flood") { _ in SwiftLogNoOpLogHandler() }
        )
        world.run()
        let scanID = try #require(ScanID("flood"))
        var scan: ScheduleScan?
        func connect(_ loop: Int) throws -> ScheduleClient {
            try ScheduleClient(world: world, relay: relay, loop: world.loops[loop], form: .webSocket(.plain))
        }
        func subscribe(_ client: ScheduleClient, after position: Position? = nil) {
            var request = SubscriptionRequest(scanID: scanID, form: client.form)
            request.wait = .seconds(1)
            request.since = position?.seq
            request.epoch = position?.epoch
            client.subscribe(
                request,
                as: ScheduleSession(request: request, configuration: configuration, world: world) { _ in scan }
            )
        }
        func post(_ number: Int) {
            let isCritical = number % Self.criticalInterval == 0
            let message = isCritical ? TestMessage.critical() : TestMessage.ordinary("a", "\"n\":\(number)")
            let loop = world.loops[0]
            world.on(loop) {
                _ = relay.ingest(IngestRequest(scanID: scanID, messages: [message]), on: loop)
            }
            world.run()
            if scan == nil {
                world.on(loop) { relay.state(of: scanID, on: loop) }.whenSuccess { state in
                    scan = ScheduleScan(scanID: scanID, epoch: state?.epoch ?? "")
                }
                world.run()
            }
            scan?.append(message, now: world.now)
        }

        let clients = [try connect(0), try connect(1), try connect(1)]
        let normal = clients[0], stalled = clients[1], resuming = clients[2]
        post(1)
        for client in clients {
            subscribe(client)
        }
        world.run()
        for number in 2...Self.messageCount {
            switch number {
            case 5000: stalled.setRoom(0)
            case 6000: resuming.leave()
            case 9000: subscribe(resuming, after: resuming.session?.position)
            case 15_000: stalled.setRoom(nil)
            default: break
            }
            post(number)
            if number % 2 == 0 {
                world.advance(by: .milliseconds(1))
            }
        }
        world.advanceThroughTimers(upTo: world.now + .seconds(30))
        for client in clients {
            // Every gap was checked as it came: what is critical is in none, and all else is announced.
            #expect(client.session?.last == Seq(Self.messageCount))
            client.session?.settled(isStalled: false)
        }
        #expect(stalled.session?.lagCount ?? 0 > 0)
        #expect(normal.session?.isEnded == false)
        for client in clients {
            try client.close()
        }
        world.shutDown()
        #expect(world.failures.isEmpty)
    }
}
