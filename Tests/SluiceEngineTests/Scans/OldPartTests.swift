import Logging
import NIOCore
import NIOEmbedded
import SluiceBase
import SluiceEngine
import SluiceRelay
import Testing

struct OldPartTests {
    private func feed(
        _ name: String,
        _ log: SimulatedLog,
        _ access: SimulatedAccess,
        _ home: SimulatedHome
    ) throws -> (ScanFeed, FeedCounts) {
        let counts = FeedCounts()
        let feed = ScanFeed(
            try #require(ScanID("scan")),
            log: access,
            follower: home,
            eventLoop: log.loop,
            terms: ScanFeed.Terms(node: name, appendTimeout: .seconds(10)) { WallTime(milliseconds: 1) },
            counts: counts,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
        feed.start()
        return (feed, counts)
    }

    @Test
    func whoKeepsAQuietScanRepeatsItsBeginningOnceBeforeThatGoes() throws {
        let log = SimulatedLog(seed: 1, faults: SimulatedLog.Faults())
        var written: ScanFeed?
        let writer = SimulatedHome(node: "a-", eventLoop: log.loop) { written?.append($0, $1) }
        let reader = SimulatedHome(node: "b-", eventLoop: log.loop) { _, promise in promise.succeed(.unavailable) }
        let (access, other) = (SimulatedAccess(log), SimulatedAccess(log))
        let (first, firstCounts) = try self.feed("a-", log, access, writer)
        written = first
        let (second, counts) = try self.feed("b-", log, other, reader)
        for text in ["one", "two"] {
            writer.post(SimulatedHome.Request(text: text, hasKey: false) { _ in })
            log.loop.advanceTime(by: .seconds(1))
        }
        log.loop.advanceTime(by: .seconds(60))
        #expect(counts.carries == 0 && log.records.count == 2)
        other.oldBefore = try #require(log.records.last).sequence + 1
        first.repeatOld()
        second.repeatOld()
        for _ in 0..<120 { log.loop.advanceTime(by: .milliseconds(10)) }
        #expect(counts.carries == 1 && firstCounts.carries == 0 && log.records.count == 3)

        log.evict(before: try #require(log.records.last).sequence)
        let late = SimulatedHome(node: "c-", eventLoop: log.loop) { _, promise in promise.succeed(.unavailable) }
        let (third, _) = try self.feed("c-", log, SimulatedAccess(log), late)
        log.loop.advanceTime(by: .seconds(1))
        #expect(late.entries.map { String(buffer: $0.message.body) } == ["one", "two"] && late.isOpen)
        for feed in [first, second, third] { feed.end() }
    }
}
