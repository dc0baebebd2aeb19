import SluiceBase
import Testing

@testable import SluiceClient

@Suite struct OutboxTests {
    private let start = ContinuousClock.now

    private func outbox(_ change: (inout Outbox.Limits) -> Void = { _ in }) -> Outbox {
        var limits = Outbox.Limits()
        change(&limits)
        return Outbox(limits: limits, now: self.start - .seconds(1))
    }

    private func at(_ milliseconds: Int) -> ContinuousClock.Instant { self.start + .milliseconds(milliseconds) }

    private func message(_ name: String) -> ProgressMessage { ProgressMessage("found") { $0.member("n", name) } }

    private func progress(_ phase: String, _ percent: Int) -> ProgressMessage {
        ProgressMessage("scanProgress", phase: phase) { $0.member("percent", percent) }
    }

    /// The messages of the batch that is due, each by its most telling field; nothing if none is due.
    private func sent(_ outbox: inout Outbox, at milliseconds: Int) -> [String]? {
        guard case .send(let batch, _) = outbox.nextAction(now: self.at(milliseconds)) else { return nil }
        return batch.messages.map { message in
            let node = try? JSONReader.read(message.bytes)
            return node?["n"]?.string ?? node?["percent"]?.scalarText ?? node?["count"]?.scalarText ?? message.type
        }
    }

    @Test("the first message goes at once, what comes meanwhile goes together, in order")
    func batching() {
        var outbox = self.outbox()
        outbox.push(self.message("a"))
        #expect(self.sent(&outbox, at: 0) == ["a"])
        outbox.push(self.message("b"))
        outbox.push(self.progress("p", 1))
        outbox.push(self.message("c"))
        #expect(self.sent(&outbox, at: 10) == ["a"], "a batch stays the same until it is answered")
        outbox.delivered(now: self.start)
        #expect(self.sent(&outbox, at: 20) == nil, "requests keep their distance")
        #expect(self.sent(&outbox, at: 70) == ["b", "1", "c"])
    }

    @Test("a critical message does not wait for the distance between requests")
    func critical() {
        var outbox = self.outbox()
        outbox.push(self.message("a"))
        #expect(self.sent(&outbox, at: 0) == ["a"])
        outbox.delivered(now: self.start)
        outbox.push(self.message("b"))
        outbox.push(ProgressMessage("phaseStarted", phase: "x"))
        #expect(self.sent(&outbox, at: 1) == ["b", "phaseStarted"])
    }

    @Test("a full batch does not wait for it either")
    func fullBatch() {
        var outbox = self.outbox { $0.batchCount = 2 }
        outbox.push(self.message("a"))
        #expect(self.sent(&outbox, at: 0) == ["a"])
        outbox.delivered(now: self.start)
        outbox.push(self.message("b"))
        #expect(self.sent(&outbox, at: 1) == nil)
        outbox.push(self.message("c"))
        #expect(self.sent(&outbox, at: 2) == ["b", "c"])
    }

    @Test("a scanner waits while much is to be sent and the gateway takes it, and not when it is away")
    func congestion() {
        var outbox = self.outbox { ($0.maximumCount, $0.batchCount) = (10, 5) }
        for number in 1...5 { outbox.push(self.message("\(number)")) }
        #expect(outbox.isCongested(now: self.at(0)) == false)
        outbox.push(self.message("6"))
        #expect(outbox.isCongested(now: self.at(0)) == true)
        #expect(outbox.isCongested(now: self.at(4000)) == false, "it has not answered for five seconds")
        #expect(self.sent(&outbox, at: 4000)?.count == 5)
        outbox.delivered(now: self.at(4000))
        for number in 7...12 { outbox.push(self.message("\(number)")) }
        #expect(outbox.isCongested(now: self.at(4001)) == true)
        outbox.failed(now: self.at(4002), retryAfter: .seconds(1), jitter: 0)
        #expect(outbox.isCongested(now: self.at(4003)) == true, "it is there, and asks to come later")
        outbox.failed(now: self.at(4003), retryAfter: nil, jitter: 0)
        #expect(outbox.isCongested(now: self.at(4004)) == false)
        outbox.delivered(now: self.at(4005))
        outbox.finish(deadline: self.at(9000))
        #expect(outbox.isCongested(now: self.at(4006)) == false, "the scanner has ended, or is to be ended")
    }

    @Test("newer progress of a phase replaces what waits, and keeps the newer one's place")
    func conflation() {
        var outbox = self.outbox()
        outbox.push(self.progress("p", 1))
        outbox.push(self.message("a"))
        outbox.push(self.progress("q", 5))
        outbox.push(self.progress("p", 2))
        #expect(self.sent(&outbox, at: 0) == ["a", "5", "2"])
    }

    @Test("when full, progress goes first, then the oldest ordinary, counted; critical ones stay")
    func overflow() {
        var outbox = self.outbox { $0.maximumCount = 4 }
        outbox.push(ProgressMessage("scanStarted"))
        outbox.push(self.progress("p", 1))
        for name in ["a", "b", "c", "d", "e"] { outbox.push(self.message(name)) }
        #expect(outbox.droppedCount == 2)
        #expect(self.sent(&outbox, at: 0) == ["scanStarted", "2", "c", "d", "e"])
        outbox.delivered(now: self.start)
        outbox.push(self.message("f"))
        #expect(self.sent(&outbox, at: 100) == ["f"], "a loss is announced once")
    }

    @Test("bytes are bounded as well as messages")
    func byteLimit() {
        var outbox = self.outbox { $0.maximumBytes = 100 }
        for name in 0..<100 { outbox.push(self.message("\(name)")) }
        let sent = self.sent(&outbox, at: 0)
        #expect(sent?.last == "99")
        #expect((sent?.count ?? 0) <= 5)
    }

    @Test("the end of the scan has room even among nothing but critical ones")
    func ownEnd() {
        var outbox = self.outbox { $0.maximumCount = 3 }
        outbox.push(ProgressMessage("scanStarted"), isOwn: true)
        for _ in 0..<10 { outbox.push(ProgressMessage("phaseStarted")) }
        outbox.push(ProgressMessage("error"), isOwn: true)
        #expect(
            self.sent(&outbox, at: 0)?.filter { $0 != "8" } == ["scanStarted", "phaseStarted", "phaseStarted", "error"]
        )
    }

    @Test("a batch is bounded by count and by bytes")
    func batchLimits() {
        var outbox = self.outbox { $0.batchCount = 2 }
        for name in ["a", "b", "c"] { outbox.push(self.message(name)) }
        #expect(self.sent(&outbox, at: 0) == ["a", "b"])
        var narrow = self.outbox { $0.batchBytes = 60 }
        for name in ["a", "b", "c"] { narrow.push(self.message(name)) }
        #expect(self.sent(&narrow, at: 0) == ["a", "b"])
    }

    @Test("a failed batch comes again as it was, later each time, and no sooner than the gateway asks")
    func retry() {
        var outbox = self.outbox()
        outbox.push(self.message("a"))
        guard case .send(let first, _) = outbox.nextAction(now: self.at(0)) else {
            Issue.record("nothing sent")
            return
        }
        outbox.failed(now: self.at(0), retryAfter: nil, jitter: 1)
        outbox.push(self.message("b"))
        #expect(outbox.nextAction(now: self.at(100)) == .wait(until: self.at(250)))
        #expect(outbox.nextAction(now: self.at(250)) == .send(first, timeout: .seconds(15)))
        outbox.failed(now: self.at(250), retryAfter: nil, jitter: 0)
        #expect(outbox.nextAction(now: self.at(300)) == .wait(until: self.at(500)))
        #expect(outbox.nextAction(now: self.at(500)) == .send(first, timeout: .seconds(15)))
        outbox.failed(now: self.at(500), retryAfter: .seconds(3), jitter: 0)
        #expect(outbox.nextAction(now: self.at(600)) == .wait(until: self.at(3500)))
    }

    @Test("a message at fault is left out, the others go under a new number")
    func faultyMessage() {
        var outbox = self.outbox()
        for name in ["a", "b", "c"] { outbox.push(self.message(name)) }
        guard case .send(let first, _) = outbox.nextAction(now: self.at(0)) else {
            Issue.record("nothing sent")
            return
        }
        #expect(outbox.refused(index: 1, isTooLarge: false) == 1)
        guard case .send(let second, _) = outbox.nextAction(now: self.at(1)) else {
            Issue.record("nothing sent")
            return
        }
        #expect(second.messages == [first.messages[0], first.messages[2]])
        #expect(second.number != first.number)
    }

    @Test("a refused batch is given up, and the next one goes on")
    func refusedBatch() {
        var outbox = self.outbox()
        for name in ["a", "b"] { outbox.push(self.message(name)) }
        #expect(self.sent(&outbox, at: 0) == ["a", "b"])
        #expect(outbox.refused(index: nil, isTooLarge: false) == 2)
        outbox.push(self.message("c"))
        #expect(self.sent(&outbox, at: 100) == ["c"])
    }

    @Test("what is too much at once goes in halves, in order")
    func halves() {
        var outbox = self.outbox()
        for name in ["a", "b", "c"] { outbox.push(self.message(name)) }
        #expect(self.sent(&outbox, at: 0) == ["a", "b", "c"])
        #expect(outbox.refused(index: nil, isTooLarge: true) == 0)
        #expect(self.sent(&outbox, at: 1) == ["a", "b"])
        outbox.delivered(now: self.start)
        #expect(self.sent(&outbox, at: 2) == ["c"])
        outbox.delivered(now: self.start)
        for name in ["d", "e", "f"] { outbox.push(self.message(name)) }
        #expect(self.sent(&outbox, at: 100) == ["d", "e"])
    }

    @Test("a quiet scanner is kept alive by an empty array, which is never repeated")
    func keepAlive() {
        var outbox = self.outbox()
        outbox.push(self.message("a"))
        #expect(self.sent(&outbox, at: 0) == ["a"])
        outbox.delivered(now: self.start)
        #expect(outbox.nextAction(now: self.at(1)) == .wait(until: self.at(20_000)))
        guard case .send(let batch, _) = outbox.nextAction(now: self.at(20_000)) else {
            Issue.record("nothing sent")
            return
        }
        #expect(batch.body == Array("[]".utf8))
        outbox.failed(now: self.at(20_000), retryAfter: nil, jitter: 1)
        #expect(outbox.nextAction(now: self.at(20_300)) == .wait(until: self.at(40_000)))
    }

    @Test("at the end it is over when all is delivered, or when the time is")
    func finish() {
        var outbox = self.outbox()
        outbox.push(self.message("a"))
        outbox.push(ProgressMessage("scanCompleted"))
        outbox.finish(deadline: self.at(10_000))
        #expect(self.sent(&outbox, at: 0) == ["a", "scanCompleted"])
        var late = outbox
        outbox.delivered(now: self.start)
        #expect(outbox.nextAction(now: self.at(1)) == .finish(undeliveredCount: 0))
        late.failed(now: self.at(0), retryAfter: .seconds(100), jitter: 0)
        #expect(late.nextAction(now: self.at(1)) == .wait(until: self.at(9000)))
        #expect(late.nextAction(now: self.at(10_000)) == .finish(undeliveredCount: 2))
    }

    @Test("a batch that has its numbers is repeated under its key, and counted as taken before the key is forgotten")
    func numbered() {
        var outbox = self.outbox()
        for name in ["a", "b"] { outbox.push(self.message(name)) }
        guard case .send(let first, _) = outbox.nextAction(now: self.at(0)) else {
            Issue.record("nothing sent")
            return
        }
        outbox.failed(now: self.at(1000), retryAfter: .seconds(5), jitter: 0, numberedCount: 2)
        #expect(outbox.nextAction(now: self.at(6000)) == .send(first, timeout: .seconds(15)))
        // Without an answer: it has its numbers all the same.
        outbox.failed(now: self.at(479_999), retryAfter: nil, jitter: 0)
        #expect(outbox.numberedCount == 0)
        #expect(outbox.nextAction(now: self.at(600_000)) == .send(first, timeout: .seconds(15)))
        outbox.failed(now: self.at(600_000), retryAfter: nil, jitter: 0)
        #expect(outbox.numberedCount == 2)
        outbox.push(self.message("c"))
        #expect(self.sent(&outbox, at: 700_000) == ["c"])
        // The next batch has a time of its own.
        outbox.failed(now: self.at(700_001), retryAfter: nil, jitter: 0, numberedCount: 1)
        #expect(self.sent(&outbox, at: 800_000) == ["c"])
        outbox.delivered(now: self.at(800_000))
        #expect(outbox.numberedCount == 2)
    }

    @Test("of a batch that has its numbers in part the rest goes under a new key")
    func numberedInPart() {
        var outbox = self.outbox()
        for name in ["a", "b", "c"] { outbox.push(self.message(name)) }
        guard case .send(let first, _) = outbox.nextAction(now: self.at(0)) else {
            Issue.record("nothing sent")
            return
        }
        outbox.failed(now: self.at(0), retryAfter: .zero, jitter: 0, numberedCount: 2)
        guard case .send(let second, _) = outbox.nextAction(now: self.at(100)) else {
            Issue.record("nothing sent")
            return
        }
        #expect(second.messages == [first.messages[2]])
        #expect(second.number != first.number)
        #expect(outbox.numberedCount == 2)
    }

    @Test("at the end what has its numbers is not undelivered, though perhaps not stored")
    func numberedAtTheEnd() {
        var outbox = self.outbox { $0.batchCount = 2 }
        for name in ["a", "b", "c"] { outbox.push(self.message(name)) }
        _ = outbox.nextAction(now: self.at(0))
        outbox.failed(now: self.at(0), retryAfter: nil, jitter: 0, numberedCount: 2)
        outbox.finish(deadline: self.at(1000))
        #expect(outbox.nextAction(now: self.at(1000)) == .finish(undeliveredCount: 1))
        #expect(outbox.numberedCount == 2)
    }
}
