import Logging
import NIOCore
import SluiceBase
import SluiceWire
import Testing

@testable import SluiceRelay

@Suite("Subscribers that wait for a scan")
struct WaiterTests {
    private static let count = 2000

    private let world = ScheduleWorld(seed: 1, loopCount: 1)
    private let relay: Relay
    private let scanID: ScanID
    private let loop: ScheduleLoop

    init() throws {
        self.loop = self.world.loops[0]
        self.relay = Relay(
            eventLoops: self.world.loops,
            configuration: RelayConfiguration(),
            memory: CompressionMemory(limit: 0),
            logger: Logger(label: "waiters") { _ in SwiftLogNoOpLogHandler() }
        )
        self.scanID = try #require(ScanID("one"))
        self.world.run()
    }

    private func wait(_ seconds: Int64, scan: @escaping () -> ScheduleScan? = { nil }) throws -> [ScheduleClient] {
        try (0..<Self.count)
            .map { _ in
                let form = WireForm.webSocket(.plain)
                let connection = try ScheduleConnection(
                    world: self.world,
                    relay: self.relay,
                    loop: self.loop,
                    form: form
                )
                let client = ScheduleClient(world: self.world, relay: self.relay, connection: connection)
                var request = SubscriptionRequest(scanID: self.scanID, form: form)
                request.wait = .seconds(seconds)
                let session = ScheduleSession(
                    request: request,
                    configuration: RelayConfiguration(),
                    world: self.world,
                    findScan: { _ in scan() }
                )
                client.subscribe(request, as: session)
                return client
            }
    }

    @Test("However many wait, and whenever they leave, one timer is set for all of them")
    func leaving() throws {
        let clients = try self.wait(30)
        self.world.run()
        #expect(self.loop.timerCount == 1)
        for client in clients.dropLast() {
            client.leave()
        }
        #expect(self.loop.timerCount == 1)
        self.world.advance(by: .seconds(31))
        #expect(clients.last?.session?.isEnded == true)
        self.world.advance(by: .seconds(31))
        #expect(self.loop.timerCount == 0)
        self.world.shutDown()
        #expect(self.world.failures.isEmpty)
    }

    @Test("They are admitted some in each turn of the loop, and each gets the first message all the same")
    func admitted() throws {
        var scan: ScheduleScan?
        let clients = try self.wait(30) { scan }
        // All but the first are gone, and the last.
        for client in clients[1000..<1100] {
            client.leave()
        }
        let message = TestMessage.ordinary()
        self.world.on(self.loop) {
            let request = IngestRequest(scanID: self.scanID, messages: [message], at: TestMessage.time)
            _ = self.relay.ingest(request, on: self.loop)
            self.relay.state(of: self.scanID, on: self.loop).assumeIsolated()
                .whenSuccess { state in
                    scan = ScheduleScan(scanID: self.scanID, epoch: state?.epoch ?? "")
                    scan?.append(message, now: self.world.now)
                }
        }
        self.world.run()
        #expect(clients.count { $0.session?.scan != nil } == 256)
        self.world.advanceThroughTimers(upTo: self.world.now + .seconds(1))
        #expect(clients.count { $0.session?.last == 1 } == Self.count - 100)
        self.world.shutDown()
        #expect(self.world.failures.isEmpty)
    }
}
