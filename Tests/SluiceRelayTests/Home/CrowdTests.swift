import NIOCore
import SluiceWire
import Synchronization
import Testing

@testable import SluiceRelay

/// The cost of many readers of the same pages: reads of the store, encodings, and where pages are packed.
@Suite("Crowds that catch up")
struct CrowdTests {
    private static let gzip = WireForm.webSocket(.gzip(minimumBytes: 100, level: 6))

    private static func few() -> RelayConfiguration {
        var configuration = RelayConfiguration()
        configuration.history.messageCount = 100
        return configuration
    }

    /// Posts 500 messages in as many requests.
    private static func fill(_ schedule: ScheduleOfOneScan) {
        for number in 0..<500 {
            schedule.post(TestMessage.ordinary("t", "\"n\":\(number)"))
        }
    }

    @Test("A crowd that comes back with one cursor shares the pages of memory, and misses nothing")
    func memory() throws {
        let schedule = try ScheduleOfOneScan(loopCount: 1)
        Self.fill(schedule)
        let before = schedule.count(\.encodedPages)
        let clients = try (0..<100).map { _ in try schedule.subscriber { $0.since = 0 } }
        schedule.letTurnsPass()
        schedule.world.advance(by: .seconds(1))
        #expect(schedule.count(\.encodedPages) - before == 10)
        #expect(try schedule.end(clients).isEmpty)
        #expect(clients.allSatisfy { $0.session?.last == 500 })
    }

    @Test("Of a stored scan a crowd of 500 reads each page once", arguments: [WireForm.webSocket(.plain), Self.gzip])
    func stored(form: WireForm) throws {
        let packedCount = Mutex(0)
        let waiting = Mutex<[@Sendable () -> Void]>([])
        let schedule = try ScheduleOfOneScan(loopCount: 1, Self.few(), isStored: true) { work in
            packedCount.withLock { $0 += 1 }
            waiting.withLock { $0.append(work) }
        }
        Self.fill(schedule)
        let clients = try (0..<500).map { _ in try schedule.subscriber(form: form) { $0.since = 0 } }
        for _ in 0..<40 {
            schedule.letTurnsPass()
            let works = waiting.withLock { waiting in
                defer { waiting = [] }
                return waiting
            }
            for work in works {
                work()
            }
        }
        schedule.world.advance(by: .seconds(1))
        let store = try #require(schedule.store)
        // Eight pages of fifty out of the store and two out of memory; all may ask for one within several turns.
        #expect(store.readCount == 8 && schedule.count(\.storedPages) == 8)
        #expect(schedule.count(\.encodedPages) == 10)
        // Pages are packed elsewhere, even with one loop.
        #expect(packedCount.withLock { $0 } == (form.isGzip ? 10 : 0))
        #expect(try schedule.end(clients).isEmpty)
        #expect(clients.allSatisfy { $0.session?.last == 500 && $0.session?.lagCount == 0 })
    }

    @Test("Readers on other terms read on their own, and all of them get what they want")
    func terms() throws {
        let schedule = try ScheduleOfOneScan(loopCount: 2, Self.few(), isStored: true)
        Self.fill(schedule)
        let clients = try (0..<60)
            .map { number in
                try schedule.subscriber(loop: number % 2, form: number % 3 == 0 ? Self.gzip : .webSocket(.plain)) {
                    $0.since = Seq(clamping: UInt64(number % 2))
                    $0.filter = number % 5 == 0 ? TypeFilter(["nothing"]) : .everything
                }
            }
        schedule.letTurnsPass()
        schedule.world.advance(by: .seconds(1))
        // Two forms and two cursors, each with a filter and without: eight terms of at most ten pages.
        #expect(schedule.count(\.storedPages) <= 8 * 8)
        #expect(schedule.count(\.encodedPages) <= 8 * 10)
        #expect(try schedule.end(clients).isEmpty)
        for (number, client) in clients.enumerated() where number % 5 != 0 {
            #expect(client.session?.last == 500)
        }
    }

    @Test("A deletion ends who waits for a page of the store, and the next life has nothing of the page")
    func deletion() throws {
        let schedule = try ScheduleOfOneScan(loopCount: 1, Self.few(), isStored: true)
        Self.fill(schedule)
        let loop = schedule.world.loops[0]
        let clients = try (0..<20).map { _ in try schedule.subscriber { _ in } }
        for client in clients {
            client.leave()
        }
        // They have asked, and the store has not answered.
        var requests: [ScheduleClient] = []
        for client in clients {
            requests.append(client)
            schedule.subscribe(client, runs: false) { $0.since = 0 }
        }
        while !loop.isIdle {
            loop.runOne()
        }
        let store = try #require(schedule.store)
        #expect(store.readCount == 1)
        schedule.delete()
        schedule.world.run()
        #expect(requests.allSatisfy { $0.session?.isEnded == true && $0.session?.last == 0 })
        #expect(schedule.world.failures.isEmpty)
        let before = schedule.count(\.encodedPages)
        schedule.world.advance(by: .seconds(1))
        #expect(schedule.count(\.encodedPages) == before)
        #expect(try schedule.end([]).isEmpty)
    }

    @Test("Newcomers who joined at one place are sent what they lack out of one encoding")
    func newcomers() throws {
        let schedule = try ScheduleOfOneScan(loopCount: 1)
        let first = try schedule.subscriber(form: Self.gzip)
        let pad = String(repeating: "x", count: 200)
        for number in 0..<20 {
            schedule.post(TestMessage.ordinary("t", "\"n\":\(number),\"pad\":\"\(pad)\""))
        }
        let newcomers = try (0..<100).map { _ in try schedule.subscriber(form: Self.gzip) }
        for number in 20..<40 {
            schedule.post(TestMessage.ordinary("t", "\"n\":\(number),\"pad\":\"\(pad)\""))
        }
        schedule.world.advanceThroughTimers(upTo: schedule.world.now + .seconds(2))
        #expect(schedule.count(\.encodedPages) <= 2)
        #expect(try schedule.end([first] + newcomers).isEmpty)
        #expect(newcomers.allSatisfy { $0.session?.last == 40 })
    }
}
