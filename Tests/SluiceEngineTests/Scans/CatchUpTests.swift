import Logging
import NIOCore
import NIOEmbedded
import SluiceBase
import SluiceEngine
import SluiceRelay
import Testing

/// A node that comes back to a scan that others wrote to meanwhile.
struct CatchUpTests {
    private func node(
        _ name: String,
        _ log: SimulatedLog,
        _ access: SimulatedAccess,
        leastCarryBytes: Int
    ) throws -> (SimulatedHome, ScanFeed, FeedCounts) {
        let counts = FeedCounts()
        var written: ScanFeed?
        let home = SimulatedHome(node: name, eventLoop: log.loop) { written?.append($0, $1) }
        var terms = ScanFeed.Terms(node: name, appendTimeout: .seconds(10)) { WallTime(milliseconds: 1) }
        terms.leastCarryBytes = leastCarryBytes
        let feed = ScanFeed(
            try #require(ScanID("scan")),
            log: access,
            follower: home,
            eventLoop: log.loop,
            terms: terms,
            counts: counts,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
        written = feed
        feed.start()
        return (home, feed, counts)
    }

    private func post(_ texts: [String], to home: SimulatedHome, _ log: SimulatedLog) {
        for text in texts {
            home.post(SimulatedHome.Request(text: text, hasKey: false) { _ in })
            log.loop.advanceTime(by: .milliseconds(10))
        }
    }

    @Test(arguments: [false, true])
    func aNodeThatCatchesUpMakesNoCarryForEachRecordThatItReads(isWrittenTo: Bool) throws {
        let log = SimulatedLog(seed: 3, faults: SimulatedLog.Faults())
        let access = SimulatedAccess(log)
        let (writer, first, _) = try self.node("a-", log, SimulatedAccess(log), leastCarryBytes: 1 << 30)
        let (late, second, counts) = try self.node("b-", log, access, leastCarryBytes: 900)
        log.loop.advanceTime(by: .seconds(1))
        self.post(["mine"], to: late, log)
        log.loop.advanceTime(by: .seconds(1))
        access.isCutOff = true
        self.post((0..<150).map { "while away \($0)" }, to: writer, log)
        #expect(late.entries.count == 1)
        #expect(late.imageCount == 0)
        access.isCutOff = false
        second.check()
        if isWrittenTo {
            // Copies come in between, and it has something to write itself.
            log.faults.slowPages = 1000
            self.post((0..<100).map { "and now \($0)" }, to: writer, log)
            late.post(SimulatedHome.Request(text: "mine, too", hasKey: false) { _ in })
        }
        log.loop.advanceTime(by: .seconds(60))
        #expect(late.entries.count == (isWrittenTo ? 252 : 151))
        #expect(late.entries.count == writer.entries.count)
        #expect(counts.carries == 1)
        // Before, one for each record: 150 and more.
        #expect((1...5).contains(late.imageCount), "\(late.imageCount)")
        #expect(counts.overtakenDrafts <= 5, "\(counts.overtakenDrafts)")
        for feed in [first, second] { feed.end() }
    }

    @Test
    func whoHasAScanOpenAsksForNoRecordToFindThatThereIsNone() throws {
        let log = SimulatedLog(seed: 3, faults: SimulatedLog.Faults())
        let (home, feed, _) = try self.node("a-", log, SimulatedAccess(log), leastCarryBytes: 1 << 30)
        log.loop.advanceTime(by: .seconds(1))
        self.post(["one"], to: home, log)
        log.loop.advanceTime(by: .milliseconds(100))
        #expect(home.entries.count == 1)
        let (given, asked) = (log.givenBytes, log.requestCount)
        for _ in 0..<300 { log.loop.advanceTime(by: .seconds(1)) }
        feed.check()
        log.loop.advanceTime(by: .seconds(1))
        #expect(log.requestCount - asked > 10 && log.givenBytes == given)
        feed.end()
    }
}
