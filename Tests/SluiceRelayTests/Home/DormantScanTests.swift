import Logging
import NIOCore
import SluiceBase
import SluiceWire
import Testing

@testable import SluiceRelay

@Suite("Scans that an earlier process left")
struct DormantScanTests {
    private let world = ScheduleWorld(seed: 1, loopCount: 1)

    private func scan(_ name: String, life: Int64, completed sinceCompleted: TimeAmount) throws -> StoredScan {
        StoredScan(
            life: life,
            header: StoredHeader(
                id: try #require(ScanID(name)),
                epoch: name,
                owner: nil,
                name: nil,
                isCompleted: true,
                isRemoved: false
            ),
            head: 3,
            ages: StoredAges(sinceCreated: .hours(1), sinceHeard: sinceCompleted, sinceCompleted: sinceCompleted)
        )
    }

    @Test("One that nobody asks for goes when its time is over, by the times that the operator wants by then")
    func time() throws {
        var configuration = RelayConfiguration()
        configuration.cleanupDelay = .minutes(5)
        let relay = Relay(
            eventLoops: self.world.loops,
            configuration: configuration,
            memory: CompressionMemory(limit: 0),
            store: ScheduleStore(world: self.world),
            stored: [
                try self.scan("overdue", life: 1, completed: .minutes(10)),
                try self.scan("soon", life: 2, completed: .minutes(3)),
                try self.scan("late", life: 3, completed: .minutes(1)),
            ],
            logger: Logger(label: "dormant") { _ in SwiftLogNoOpLogHandler() }
        )
        let start = self.world.now
        var counts: [Int] = []
        // A client that comes back right after the restart still finds a scan that ended meanwhile.
        for seconds in [0, 1, 119, 120, 121] as [Int64] {
            self.world.advanceThroughTimers(upTo: start + .seconds(seconds))
            counts.append(relay.scans)
        }
        #expect(counts == [3, 2, 2, 1, 1])
        #expect(self.world.loops[0].timerCount == 1)
        configuration.cleanupDelay = .seconds(150)
        relay.reconfigure(configuration)
        self.world.advanceThroughTimers(upTo: start + .seconds(122))
        #expect(relay.scans == 0)
        withExtendedLifetime(relay) { self.world.shutDown() }
    }
}
