import Logging
import NIOCore
import NIOEmbedded
import SluiceBase
import SluiceWire
import Testing

@testable import SluiceRelay

@Suite("Summaries of the scans that a shared log lists")
struct SummaryTests {
    private let loop = EmbeddedEventLoop()

    private func home(among count: Int) -> HomeLoop {
        let context = HomeContext(
            configuration: RelayConfiguration(),
            loops: Loops(Array(repeating: self.loop, count: count)),
            memory: CompressionMemory(limit: 1 << 20),
            idempotency: IdempotencyBook(maximumCount: 1),
            store: nil,
            engine: nil,
            waitingBytes: WaitingBytes(),
            wallClock: { WallTime(milliseconds: 1_800_000_000_000) },
            packer: { $0() },
            home: 0
        )
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        return HomeLoop(eventLoop: self.loop, context: context, scanCount: ScanCount(), logger: logger)
    }

    private func header(_ number: Int) throws -> RecordHeader {
        let time = WallTime(milliseconds: 1_799_999_990_000)
        return RecordHeader(
            id: try #require(ScanID("scan-\(number)")),
            standing: ScanStanding(epoch: "e", place: 1, head: 1, messageCount: 1),
            times: ScanTimes(created: time, heard: time),
            fold: ScanFold()
        )
    }

    @Test("A home looks at some in each turn, and finds its own, each once")
    func slices() throws {
        let count = 4 * HomeLoop.summariesPerTurn
        let listed = try (0..<count).map { try self.header($0) }
        let home = self.home(among: 2)
        let promise = self.loop.makePromise(of: [[ScanSummary]].self)
        var chunks: [[ScanSummary]]?
        promise.futureResult.assumeIsolated().whenSuccess { chunks = $0 }
        home.gatherSummaries(listed: listed, promise: promise)
        for turn in 0..<4 {
            #expect(chunks?.count == nil, "after \(turn) turns")
            self.loop.advanceTime(by: .microseconds(50))
        }
        let found = try #require(chunks)
        #expect(found.count == 4 && found.allSatisfy { $0.count <= HomeLoop.summariesPerTurn })
        let meant = listed.filter { home.context.loops.home(of: $0.id) == 0 }.map(\.id.text)
        #expect(found.flatMap { $0 }.map(\.id.text) == meant && (400...600).contains(meant.count))
        #expect(found.first?.first.map { $0.elapsed == .seconds(10) && !$0.isCompleted } ?? false)
    }
}
