import NIOCore
import NIOEmbedded
import SluiceBase
import Synchronization
import TestSupport
import Testing

@testable import SluiceRelay
@testable import SluiceServer

@Suite("Findings counted for those who ask")
struct FacetBoardTests {
    /// A log that grows, read by pages.
    private final class Log: Sendable {
        struct State {
            var epoch = "e"
            var entries: [LogEntry] = []
            var readBytes = 0
            var readings = 0
            /// Whether there is no such scan.
            var isGone = false
            var failure: RelayRefusal?
            /// Pages that are held back until they are let go.
            var held: [EventLoopPromise<Void>]?
        }

        let state = Mutex(State())
        let loop = EmbeddedEventLoop()

        var board: FacetBoard {
            FacetBoard { _, request, loop in self.read(request, on: loop) }
        }

        private func read(_ request: HistoryRequest, on loop: any EventLoop) -> EventLoopFuture<HistoryPage?> {
            typealias Answer = (Result<HistoryPage?, any Error>, EventLoopFuture<Void>?)
            let (result, gate) = self.state.withLock { state -> Answer in
                state.readings += 1
                var gate: EventLoopFuture<Void>?
                if state.held != nil {
                    let promise = loop.makePromise(of: Void.self)
                    state.held?.append(promise)
                    gate = promise.futureResult
                }
                if let failure = state.failure {
                    return (.failure(failure), gate)
                }
                return (.success(state.isGone ? nil : Self.page(&state, request)), gate)
            }
            return (gate ?? loop.makeSucceededVoidFuture()).flatMap { loop.makeCompletedFuture(result) }
        }

        private static func page(_ state: inout State, _ request: HistoryRequest) -> HistoryPage {
            let asked = state.entries.drop { $0.seq <= request.after }
            var taken: [LogEntry] = []
            var bytes = 0
            for entry in asked where taken.count < request.maximumCount {
                guard taken.isEmpty || bytes + entry.message.byteCount <= request.maximumBytes else {
                    break
                }
                taken.append(entry)
                bytes += entry.message.byteCount
            }
            state.readBytes += bytes
            let next = taken.count < asked.count ? taken.last?.seq : nil
            return HistoryPage(epoch: state.epoch, entries: taken, next: next)
        }

        func post(_ texts: [String]) throws {
            let parser = MessageParser(
                rules: MessageRules(RelayConfiguration()),
                scanID: try #require(ScanID("a")),
                maximumMessageBytes: 1 << 20
            )
            let messages = try texts.map { try #require(try parser.parseLine(ByteBuffer(string: $0))) }
            self.state.withLock { state in
                for message in messages {
                    let seq = Seq(clamping: state.entries.count + 1)
                    state.entries.append(LogEntry(seq: seq, at: WallTime(milliseconds: 0), message: message))
                }
            }
        }

        /// Another life of the scan.
        func beginAnew() {
            self.state.withLock { state in
                state.entries = []
                state.epoch += "'"
            }
        }

        func ask(
            _ board: FacetBoard,
            _ scan: String = "a",
            _ limits: FacetBoard.Limits = .init()
        ) throws -> FacetTally? {
            let answer = board.tally(of: try #require(ScanID(scan)), limits, on: self.loop)
            // Each slice is a turn of the loop.
            for _ in 0..<100 {
                self.loop.advanceTime(by: .milliseconds(1))
            }
            return try answer.wait()
        }
    }

    private static func finding(_ number: Int, host: Int? = nil, padding: Int = 0) -> String {
        let text = String(repeating: "x", count: padding)
        let place = #""ip":"10.0.0.\#(host ?? number)","port":\#(number % 3)"#
        return #"{"type":"x","severity":"high",\#(place),"tags":["t"],"x":"\#(text)"}"#
    }

    @Test("Everything is counted once, and later requests read what came since")
    func growing() throws {
        let log = Log()
        let board = log.board
        try log.post([#"{"type":"scanStarted"}"#] + (0..<10).map { Self.finding($0, host: $0 % 2) })
        let first = try #require(try log.ask(board))
        #expect((first.messageCount, first.findingCount, first.isComplete, first.through) == (11, 10, true, 11))
        #expect(first.hosts.counts == ["10.0.0.0": 5, "10.0.0.1": 5])
        #expect(first.ports.counts == ["0": 4, "1": 3, "2": 3])
        #expect((first.tags.counts, first.ranks) == (["t": 10], [0, 10, 0, 0, 0, 0]))
        #expect(first.ports.top(2).map(\.value) == ["0", "1"])
        let read = log.state.withLock { $0.readBytes }
        try log.post([Self.finding(1)])
        let second = try #require(try log.ask(board))
        #expect((second.messageCount, second.hosts.counts["10.0.0.1"]) == (12, 6))
        #expect(log.state.withLock { $0.readBytes } - read < 200)
    }

    @Test("One request reads a part of a long log, in slices, and the next ones the rest")
    func long() throws {
        let log = Log()
        let board = log.board
        try log.post((0..<300).map { Self.finding($0, host: 1, padding: 10_000) })
        var answers: [FacetTally] = []
        repeat {
            let before = log.state.withLock { ($0.readBytes, $0.readings) }
            answers.append(try #require(try log.ask(board)))
            let after = log.state.withLock { ($0.readBytes, $0.readings) }
            #expect(after.0 - before.0 <= FacetBoard.maximumBytes + FacetBoard.sliceBytes)
            #expect(after.1 - before.1 <= FacetBoard.maximumBytes / (FacetBoard.sliceBytes / 2))
        } while answers.last?.isComplete == false && answers.count < 10
        #expect(answers.count == 3)
        #expect(answers.last?.hosts.counts == ["10.0.0.1": 300])
        #expect(answers.map(\.isComplete) == [false, false, true])
    }

    @Test("Requests that come while one counts get its answer, and cause no reading")
    func together() throws {
        let log = Log()
        let board = log.board
        try log.post([Self.finding(1)])
        log.state.withLock { $0.held = [] }
        let id = try #require(ScanID("a"))
        let answers = (0..<5).map { _ in board.tally(of: id, .init(), on: log.loop) }
        #expect(log.state.withLock { $0.readings } == 1)
        let held = log.state.withLock { state in
            defer { state.held = nil }
            return state.held ?? []
        }
        held.forEach { $0.succeed() }
        #expect(try answers.map { try $0.wait()?.findingCount } == [1, 1, 1, 1, 1])
        #expect(log.state.withLock { $0.readings } == 1)
    }

    @Test("Another life of the scan is counted from its start")
    func otherLife() throws {
        let log = Log()
        let board = log.board
        try log.post((0..<5).map { Self.finding($0) })
        _ = try log.ask(board)
        log.beginAnew()
        try log.post((0..<8).map { Self.finding($0, host: 9) })
        let tally = try #require(try log.ask(board))
        #expect((tally.epoch, tally.findingCount, tally.hosts.counts) == ("e'", 8, ["10.0.0.9": 8]))
    }

    @Test("Values beyond the limit are counted together")
    func values() throws {
        let log = Log()
        var limits = FacetBoard.Limits()
        limits.values = 3
        try log.post((0..<10).map { Self.finding($0, host: $0 % 5) })
        let tally = try #require(try log.ask(log.board, "a", limits))
        #expect(tally.hosts.counts == ["10.0.0.0": 2, "10.0.0.1": 2, "10.0.0.2": 2])
        #expect((tally.hosts.othersCount, tally.findingCount) == (4, 10))
    }

    @Test("The tallies of all scans have a limit in bytes: the least recently asked for go first")
    func bytes() throws {
        let log = Log()
        let board = log.board
        try log.post((0..<20).map { Self.finding($0) })
        let one = try #require(try log.ask(board, "a")).byteCount
        var limits = FacetBoard.Limits()
        // Room for two, and for the slack that is made with them.
        limits.bytes = one * 5 / 2
        for scan in ["b", "a", "c"] {
            _ = try log.ask(board, scan, limits)
            #expect(board.counts.bytes <= limits.bytes)
        }
        #expect(board.counts.forgotten == 1)
        let readings = log.state.withLock { $0.readBytes }
        _ = try log.ask(board, "a", limits)
        #expect(log.state.withLock { $0.readBytes } == readings, "a was kept")
        _ = try log.ask(board, "b", limits)
        #expect(log.state.withLock { $0.readBytes } > readings, "b was forgotten")
        // A single one that is too large is answered, and not kept.
        limits.bytes = 1
        #expect(try log.ask(board, "a", limits)?.findingCount == 20)
        #expect(board.counts.bytes == 0)
    }

    @Test("What cannot be read is no loss of what was counted, and a scan that is gone is forgotten")
    func failures() throws {
        let log = Log()
        let board = log.board
        try log.post((0..<4).map { Self.finding($0) })
        _ = try log.ask(board)
        log.state.withLock { $0.failure = .storageUnavailable }
        #expect(throws: RelayRefusal.storageUnavailable) { try log.ask(board) }
        let read = log.state.withLock { state in
            state.failure = nil
            return state.readBytes
        }
        #expect(try log.ask(board)?.findingCount == 4)
        #expect(log.state.withLock { $0.readBytes } == read)
        log.state.withLock { $0.isGone = true }
        #expect(try log.ask(board) == nil)
        #expect(board.counts.bytes == 0)
    }

    @Test("A scan that is removed leaves nothing, also when it is removed while it is counted")
    func removal() throws {
        let log = Log()
        let board = log.board
        let id = try #require(ScanID("a"))
        try log.post([Self.finding(1)])
        _ = try log.ask(board)
        board.forget(id)
        #expect(board.counts.bytes == 0)
        log.state.withLock { $0.held = [] }
        let answer = board.tally(of: id, .init(), on: log.loop)
        board.forget(id)
        log.state.withLock { $0.held ?? [] }.forEach { $0.succeed() }
        #expect(try answer.wait()?.findingCount == 1)
        #expect(board.counts.bytes == 0)
    }
}
