import Logging
import NIOCore
import SluiceBase
import SluiceWire
import Synchronization
import Testing

@testable import SluiceRelay

@Suite("What observers hear of scans")
struct ScanEventTests {
    private final class Ear: ScanObserver {
        let events = Mutex<[ScanEvent]>([])
        let sent = Mutex<[String]>([])

        func deliveries(of event: ScanEvent) -> [HookDelivery] {
            let id = self.events.withLock { events in
                events.append(event)
                return "\(events.count)"
            }
            return [HookDelivery(id: id, url: "u", at: WallTime(milliseconds: 0), body: [])]
        }

        func send(_ deliveries: [HookDelivery]) {
            self.sent.withLock { $0 += deliveries.map(\.id) }
        }

        func drop(_ deliveries: [HookDelivery]) {
            Issue.record("nothing is lost where nothing has to be stored")
        }
    }

    @Test("Each turn of a scan's life once: opened, silent, back, ended, and ended otherwise")
    func life() throws {
        let world = ScheduleWorld(seed: 1, loopCount: 1)
        let ear = Ear()
        var configuration = RelayConfiguration()
        configuration.stallAfter = .seconds(10)
        let relay = Relay(
            eventLoops: world.loops,
            configuration: configuration,
            memory: CompressionMemory(limit: 0),
            observer: ear,
            logger: Logger(label: "events") { _ in SwiftLogNoOpLogHandler() }
        )
        let id = try #require(ScanID("one"))
        world.run()
        let records = ScheduleRecords(scanID: id, relay: relay, loop: world.loops[0], world: world)
        func post(_ messages: Message...) {
            records.handIn { record in
                record.messages = messages
                record.at = TestMessage.time
                record.owner = "u"
                record.isHeard = true
            }
            world.run()
        }
        post(TestMessage.ordinary("a"), TestMessage.ordinary("b"))
        for _ in 0..<25 {
            world.advance(by: .seconds(1))
        }
        post(TestMessage.ordinary("c"))
        let end = TestMessage.critical("scanCompleted", isTerminal: true)
        post(end, end)
        post(TestMessage.ordinary("d"), TestMessage.critical("error", isTerminal: true), end)

        let events = ear.events.withLock { $0 }
        #expect(
            events.map(\.kind) == [.started, .stalled, .resumed, .completed, .failed, .completed]
        )
        #expect(events.map(\.seq) == [0, 2, 2, 4, 7, 8])
        #expect(events[1].silentFor == 10 && events.allSatisfy { $0.owner == "u" && $0.scanID == id })
        #expect(Set(events.map(\.epoch)).count == 1)
        // Without a store all of it holds at once.
        #expect(ear.sent.withLock { $0 } == ["1", "2", "3", "4", "5", "6"])
        withExtendedLifetime(relay) { world.shutDown() }
    }
}
