import SluiceBase
import Testing

@testable import SluiceClient

@Suite struct PostQueueTests {
    private let start = ContinuousClock.now

    private func queue(_ change: (inout PostQueue.Limits) -> Void = { _ in }) -> PostQueue {
        var limits = PostQueue.Limits()
        change(&limits)
        return PostQueue(limits: limits, now: self.start - .seconds(1))
    }

    private func at(_ milliseconds: Int) -> ContinuousClock.Instant { self.start + .milliseconds(milliseconds) }

    private func message(_ name: String) -> ProgressMessage { ProgressMessage("found") { $0.member("n", name) } }

    private func progress(_ phase: String, _ percent: Int) -> ProgressMessage {
        ProgressMessage("scanProgress", phase: phase) { $0.member("percent", percent) }
    }

    /// The messages of the batch that is due, each by its most telling field; nothing if none is due.
    private func sent(_ queue: inout PostQueue, at milliseconds: Int) -> [String]? {
        guard case .send(let batch, _) = queue.nextAction(now: self.at(milliseconds)) else { return nil }
        return batch.messages.map { message in
            let node = try? JSONReader.read(message.bytes)
            return node?["n"]?.string ?? node?["percent"]?.scalarText ?? node?["count"]?.scalarText ?? message.type
        }
    }

    @Test("the first message goes at once, what comes meanwhile goes together, in order")
    func batching() {
        var queue = self.queue()
        queue.push(self.message("a"))
        #expect(self.sent(&queue, at: 0) == ["a"])
        queue.push(self.message("b"))
        queue.push(self.progress("p", 1))
        queue.push(self.message("c"))
        #expect(self.sent(&queue, at: 10) == ["a"], "a batch stays the same until it is answered")
        queue.delivered(now: self.start)
        #expect(self.sent(&queue, at: 20) == nil, "requests keep their distance")
        #expect(self.sent(&queue, at: 70) == ["b", "1", "c"])
    }

    @Test("a critical message does not wait for the distance between requests")
    func critical() {
        var queue = self.queue()
        queue.push(self.message("a"))
        #expect(self.sent(&queue, at: 0) == ["a"])
        queue.delivered(now: self.start)
        queue.push(self.message("b"))
        queue.push(ProgressMessage("phaseStarted", phase: "x"))
        #expect(self.sent(&queue, at: 1) == ["b", "phaseStarted"])
    }

    @Test("a full batch does not wait for it either")
    func fullBatch() {
        var queue = self.queue { $0.batchCount = 2 }
        queue.push(self.message("a"))
        #expect(self.sent(&queue, at: 0) == ["a"])
        queue.delivered(now: self.start)
        queue.push(self.message("b"))
        #expect(self.sent(&queue, at: 1) == nil)
        queue.push(self.message("c"))
        #expect(self.sent(&queue, at: 2) == ["b", "c"])
    }

    @Test("a scanner waits while much is to be sent and the gateway takes it, and not when it is away")
    func congestion() {
        var queue = self.queue { ($0.maximumCount, $0.batchCount) = (10, 5) }
        for number in 1...5 { queue.push(self.message("\(number)")) }
        #expect(queue.isCongested(now: self.at(0)) == false)
        queue.push(self.message("6"))
        #expect(queue.isCongested(now: self.at(0)) == true)
        #expect(queue.isCongested(now: self.at(4000)) == false, "it has not answered for five seconds")
        #expect(self.sent(&queue, at: 4000)?.count == 5)
        queue.delivered(now: self.at(4000))
        for number in 7...12 { queue.push(self.message("\(number)")) }
        #expect(queue.isCongested(now: self.at(4001)) == true)
        queue.failed(now: self.at(4002), retryAfter: .seconds(1), jitter: 0)
        #expect(queue.isCongested(now: self.at(4003)) == true, "it is there, and asks to come later")
        queue.failed(now: self.at(4003), retryAfter: nil, jitter: 0)
        #expect(queue.isCongested(now: self.at(4004)) == false)
        queue.delivered(now: self.at(4005))
        queue.finish(deadline: self.at(9000))
        #expect(queue.isCongested(now: self.at(4006)) == false, "the scanner has ended, or is to be ended")
    }

    @Test("newer progress of a phase replaces what waits, and keeps the newer one's place")
    func conflation() {
        var queue = self.queue()
        queue.push(self.progress("p", 1))
        queue.push(self.message("a"))
        queue.push(self.progress("q", 5))
        queue.push(self.progress("p", 2))
        #expect(self.sent(&queue, at: 0) == ["a", "5", "2"])
    }

    @Test("when full, progress goes first, then the oldest ordinary, counted; critical ones stay")
    func overflow() {
        var queue = self.queue { $0.maximumCount = 4 }
        queue.push(ProgressMessage("scanStarted"))
        queue.push(self.progress("p", 1))
        for name in ["a", "b", "c", "d", "e"] { queue.push(self.message(name)) }
        #expect(queue.droppedCount == 2)
        #expect(self.sent(&queue, at: 0) == ["scanStarted", "2", "c", "d", "e"])
        queue.delivered(now: self.start)
        queue.push(self.message("f"))
        #expect(self.sent(&queue, at: 100) == ["f"], "a loss is announced once")
    }

    @Test("bytes are bounded as well as messages")
    func byteLimit() {
        var queue = self.queue { $0.maximumBytes = 100 }
        for name in 0..<100 { queue.push(self.message("\(name)")) }
        let sent = self.sent(&queue, at: 0)
        #expect(sent?.last == "99")
        #expect((sent?.count ?? 0) <= 5)
    }

    @Test("the end of the scan has room even among nothing but critical ones")
    func ownEnd() {
        var queue = self.queue { $0.maximumCount = 3 }
        queue.push(ProgressMessage("scanStarted"), isOwn: true)
        for _ in 0..<10 { queue.push(ProgressMessage("phaseStarted")) }
        queue.push(ProgressMessage("error"), isOwn: true)
        #expect(
            self.sent(&queue, at: 0)?.filter { $0 != "8" } == ["scanStarted", "phaseStarted", "phaseStarted", "error"]
        )
    }

    @Test("a batch is bounded by count and by bytes")
    func batchLimits() {
        var queue = self.queue { $0.batchCount = 2 }
        for name in ["a", "b", "c"] { queue.push(self.message(name)) }
        #expect(self.sent(&queue, at: 0) == ["a", "b"])
        var narrow = self.queue { $0.batchBytes = 60 }
        for name in ["a", "b", "c"] { narrow.push(self.message(name)) }
        #expect(self.sent(&narrow, at: 0) == ["a", "b"])
    }

    @Test("a failed batch comes again as it was, later each time, and no sooner than the gateway asks")
    func retry() {
        var queue = self.queue()
        queue.push(self.message("a"))
        guard case .send(let first, _) = queue.nextAction(now: self.at(0)) else {
            Issue.record("nothing sent")
            return
        }
        queue.failed(now: self.at(0), retryAfter: nil, jitter: 1)
        queue.push(self.message("b"))
        #expect(queue.nextAction(now: self.at(100)) == .wait(until: self.at(250)))
        #expect(queue.nextAction(now: self.at(250)) == .send(first, timeout: .seconds(15)))
        queue.failed(now: self.at(250), retryAfter: nil, jitter: 0)
        #expect(queue.nextAction(now: self.at(300)) == .wait(until: self.at(500)))
        #expect(queue.nextAction(now: self.at(500)) == .send(first, timeout: .seconds(15)))
        queue.failed(now: self.at(500), retryAfter: .seconds(3), jitter: 0)
        #expect(queue.nextAction(now: self.at(600)) == .wait(until: self.at(3500)))
    }

    @Test("a message at fault is left out, the others go under a new number")
    func faultyMessage() {
        var queue = self.queue()
        for name in ["a", "b", "c"] { queue.push(self.message(name)) }
        guard case .send(let first, _) = queue.nextAction(now: self.at(0)) else {
            Issue.record("nothing sent")
            return
        }
        #expect(queue.refused(index: 1, isTooLarge: false) == 1)
        guard case .send(let second, _) = queue.nextAction(now: self.at(1)) else {
            Issue.record("nothing sent")
            return
        }
        #expect(second.messages == [first.messages[0], first.messages[2]])
        #expect(second.number != first.number)
    }

    @Test("a refused batch is given up, and the next one goes on")
    func refusedBatch() {
        var queue = self.queue()
        for name in ["a", "b"] { queue.push(self.message(name)) }
        #expect(self.sent(&queue, at: 0) == ["a", "b"])
        #expect(queue.refused(index: nil, isTooLarge: false) == 2)
        queue.push(self.message("c"))
        #expect(self.sent(&queue, at: 100) == ["c"])
    }

    @Test("what is too much at once goes in halves, in order")
    func halves() {
        var queue = self.queue()
        for name in ["a", "b", "c"] { queue.push(self.message(name)) }
        #expect(self.sent(&queue, at: 0) == ["a", "b", "c"])
        #expect(queue.refused(index: nil, isTooLarge: true) == 0)
        #expect(self.sent(&queue, at: 1) == ["a", "b"])
        queue.delivered(now: self.start)
        #expect(self.sent(&queue, at: 2) == ["c"])
        queue.delivered(now: self.start)
        for name in ["d", "e", "f"] { queue.push(self.message(name)) }
        #expect(self.sent(&queue, at: 100) == ["d", "e"])
    }

    @Test("a quiet scanner is kept alive by an empty array, which is never repeated")
    func keepAlive() {
        var queue = self.queue()
        queue.push(self.message("a"))
        #expect(self.sent(&queue, at: 0) == ["a"])
        queue.delivered(now: self.start)
        #expect(queue.nextAction(now: self.at(1)) == .wait(until: self.at(20_000)))
        guard case .send(let batch, _) = queue.nextAction(now: self.at(20_000)) else {
            Issue.record("nothing sent")
            return
        }
        #expect(batch.body == Array("[]".utf8))
        queue.failed(now: self.at(20_000), retryAfter: nil, jitter: 1)
        #expect(queue.nextAction(now: self.at(20_300)) == .wait(until: self.at(40_000)))
    }

    @Test("at the end it is over when all is delivered, or when the time is")
    func finish() {
        var queue = self.queue()
        queue.push(self.message("a"))
        queue.push(ProgressMessage("scanCompleted"))
        queue.finish(deadline: self.at(10_000))
        #expect(self.sent(&queue, at: 0) == ["a", "scanCompleted"])
        var late = queue
        queue.delivered(now: self.start)
        #expect(queue.nextAction(now: self.at(1)) == .finish(undeliveredCount: 0))
        late.failed(now: self.at(0), retryAfter: .seconds(100), jitter: 0)
        #expect(late.nextAction(now: self.at(1)) == .wait(until: self.at(9000)))
        #expect(late.nextAction(now: self.at(10_000)) == .finish(undeliveredCount: 2))
    }

    @Test("a batch that has its numbers is repeated under its key, and counted as taken before the key is forgotten")
    func numbered() {
        var queue = self.queue()
        for name in ["a", "b"] { queue.push(self.message(name)) }
        guard case .send(let first, _) = queue.nextAction(now: self.at(0)) else {
            Issue.record("nothing sent")
            return
        }
        queue.failed(now: self.at(1000), retryAfter: .seconds(5), jitter: 0, numberedCount: 2)
        #expect(queue.nextAction(now: self.at(6000)) == .send(first, timeout: .seconds(15)))
        // Without an answer: it has its numbers nevertheless.
        queue.failed(now: self.at(479_999), retryAfter: nil, jitter: 0)
        #expect(queue.numberedCount == 0)
        #expect(queue.nextAction(now: self.at(600_000)) == .send(first, timeout: .seconds(15)))
        queue.failed(now: self.at(600_000), retryAfter: nil, jitter: 0)
        #expect(queue.numberedCount == 2)
        queue.push(self.message("c"))
        #expect(self.sent(&queue, at: 700_000) == ["c"])
        // The next batch has a time of its own.
        queue.failed(now: self.at(700_001), retryAfter: nil, jitter: 0, numberedCount: 1)
        #expect(self.sent(&queue, at: 800_000) == ["c"])
        queue.delivered(now: self.at(800_000))
        #expect(queue.numberedCount == 2)
    }

    @Test("of a batch that has its numbers in part the rest goes under a new key")
    func numberedInPart() {
        var queue = self.queue()
        for name in ["a", "b", "c"] { queue.push(self.message(name)) }
        guard case .send(let first, _) = queue.nextAction(now: self.at(0)) else {
            Issue.record("nothing sent")
            return
        }
        queue.failed(now: self.at(0), retryAfter: .zero, jitter: 0, numberedCount: 2)
        guard case .send(let second, _) = queue.nextAction(now: self.at(100)) else {
            Issue.record("nothing sent")
            return
        }
        #expect(second.messages == [first.messages[2]])
        #expect(second.number != first.number)
        #expect(queue.numberedCount == 2)
    }

    @Test("at the end what has its numbers is not undelivered, though perhaps not stored")
    func numberedAtTheEnd() {
        var queue = self.queue { $0.batchCount = 2 }
        for name in ["a", "b", "c"] { queue.push(self.message(name)) }
        _ = queue.nextAction(now: self.at(0))
        queue.failed(now: self.at(0), retryAfter: nil, jitter: 0, numberedCount: 2)
        queue.finish(deadline: self.at(1000))
        #expect(queue.nextAction(now: self.at(1000)) == .finish(undeliveredCount: 1))
        #expect(queue.numberedCount == 2)
    }
}
