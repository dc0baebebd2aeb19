import NIOCore
import NIOEmbedded
import SluiceAdmission
import Synchronization
import Testing

@testable import SluiceRelay
@testable import SluiceServer

@Suite("Statistics for all callers")
struct StatsBoardTests {
    /// Scans that count how often they are summed up.
    private final class Scans: Sendable {
        let sums = Mutex(0)
        /// How many answers were made.
        let makings = Mutex(0)
        let scans: Mutex<[ScanSummary]>

        init(_ count: Int) {
            self.scans = Mutex((0..<count).map { TestSummary.make("s-\($0)") })
        }

        var board: StatsBoard {
            StatsBoard(
                source: StatsBoard.Source(
                    count: { self.scans.withLock { $0.count } },
                    summaries: { eventLoop in
                        self.sums.withLock { $0 += 1 }
                        return eventLoop.makeSucceededFuture([self.scans.withLock { $0 }])
                    }
                ),
                worker: { work in
                    self.makings.withLock { $0 += 1 }
                    work()
                }
            )
        }
    }

    private static func identity(_ subject: String, scans: [String]? = ["*"]) -> Identity {
        Identity(kind: .token, subject: subject, scans: scans?.map { ScanPattern($0) })
    }

    /// The answers of several callers at the same moment.
    private static func ask(
        _ board: StatsBoard,
        _ identities: [Identity],
        _ query: StatsQuery = StatsQuery(),
        on loop: EmbeddedEventLoop
    ) throws -> [ByteBuffer] {
        let answers = identities.map { board.answer($0, query, on: loop) }
        // Less than an answer holds.
        loop.advanceTime(by: .milliseconds(500))
        return try answers.map { try #require(try $0.wait()) }
    }

    @Test("Of many scans all are summed up once a second, and each set of rights gets one answer")
    func many() throws {
        let scans = Scans(1000)
        let board = scans.board
        let loop = EmbeddedEventLoop()
        let alice = Self.identity("alice", scans: ["s-1*"])
        let first = try Self.ask(board, [alice, alice, Self.identity("bob", scans: ["s-1*"])], on: loop)
        #expect(scans.sums.withLock { $0 } == 1)
        #expect(scans.makings.withLock { $0 } == 2)
        scans.scans.withLock { $0.append(TestSummary.make("s-1-new")) }
        #expect(try Self.ask(board, [alice], on: loop) == [first[0]])
        #expect(scans.sums.withLock { $0 } == 1)
        #expect(scans.makings.withLock { $0 } == 2)
        let later = try Self.ask(board, [alice], on: loop)
        #expect(scans.sums.withLock { $0 } == 2)
        #expect(TestBody(later[0])?.number("total_scans") == 112)
    }

    @Test("All who may read everything share an answer, whoever they are")
    func shared() throws {
        let scans = Scans(1000)
        let board = scans.board
        let readers = (0..<20).map { Self.identity("user-\($0)", scans: ["x", "*"]) }
        let admin = Identity(kind: .token, subject: "root", isAdmin: true)
        let answers = try Self.ask(board, readers + [admin], on: EmbeddedEventLoop())
        #expect(Set(answers).count == 1)
        #expect(scans.makings.withLock { $0 } == 1)
    }

    @Test("Of few scans every answer is made anew: what was acknowledged is in it")
    func few() throws {
        let scans = Scans(3)
        let board = scans.board
        let loop = EmbeddedEventLoop()
        for count in 3...6 {
            let answers = try Self.ask(board, [Self.identity("alice")], on: loop)
            #expect(TestBody(answers[0])?.number("total_scans") == Double(count))
            scans.scans.withLock { $0.append(TestSummary.make("new-\(count)")) }
        }
    }

    @Test("Nobody gets the answer of somebody else's rights, however alike the names are")
    func rights() throws {
        let scans = Scans(1000)
        scans.scans.withLock { $0.append(TestSummary.make("hers", owner: "ze\u{301}")) }
        let board = scans.board
        let loop = EmbeddedEventLoop()
        let callers = [
            Self.identity("ze\u{301}", scans: nil), Self.identity("z\u{E9}", scans: nil),
            Self.identity("ze\u{301}", scans: ["s-1*"]), Identity(kind: .ingestKey, subject: "ze\u{301}"),
            Identity(kind: .token, subject: "ze\u{301}", isAdmin: true),
        ]
        let counts = try Self.ask(board, callers, on: loop).map { TestBody($0)?.number("total_scans") }
        #expect(counts == [1, 0, 112, 0, 1001])
    }

    @Test("What is kept has a bound, and goes when its time is over")
    func bounds() throws {
        let scans = Scans(1000)
        let board = scans.board
        let loop = EmbeddedEventLoop()
        var query = StatsQuery()
        for limit in 1...(StatsBoard.maximumAnswers + 100) {
            query.limit = limit
            _ = board.answer(Self.identity("alice"), query, on: loop)
        }
        loop.advanceTime(by: .milliseconds(900))
        #expect(board.keptAnswers.count <= StatsBoard.maximumAnswers)
        #expect(board.keptAnswers.bytes <= StatsBoard.maximumBytes)
        loop.advanceTime(by: .seconds(5))
        #expect(board.keptAnswers.count == 0)
    }
}
