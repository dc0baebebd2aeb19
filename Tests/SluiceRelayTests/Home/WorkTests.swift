import NIOCore
import Testing

@testable import SluiceRelay

/// The growth of the work for a message, counted and not timed.
@Suite("Work of a home")
struct WorkTests {
    @Test("A message is shown to the groups that want it, and wakes no other")
    func wanted() throws {
        let schedule = try ScheduleOfOneScan(loopCount: 1)
        var clients = try (0..<200).map { number in try schedule.subscriber { $0.filter = TypeFilter(["t\(number)"]) } }
        clients.append(try schedule.subscriber())
        schedule.letTurnsPass()
        let before = (shown: schedule.count(\.shownMessages), polled: schedule.count(\.polledGroups))
        for _ in 0..<100 {
            schedule.post(TestMessage.ordinary("t7"))
        }
        schedule.world.advance(by: .seconds(1))
        #expect(schedule.count(\.shownMessages) - before.shown == 200)
        #expect(schedule.count(\.polledGroups) - before.polled <= 20)
        // Groups that wanted nothing of it are nevertheless where the log is.
        schedule.post(TestMessage.critical())
        #expect(schedule.count(\.shownMessages) - before.shown == 401)
        #expect(try schedule.end(clients).isEmpty)
        #expect(clients.allSatisfy { $0.session?.last == 101 })
    }

    @Test("Subscribers that ask for 500 different rates share a few groups")
    func rates() throws {
        let schedule = try ScheduleOfOneScan(loopCount: 1)
        let clients = try (0..<500)
            .map { number in try schedule.subscriber { $0.framesPerSecond = 0.1 + Double(number) / 50 } }
        schedule.letTurnsPass()
        let before = schedule.count(\.shownMessages)
        for _ in 0..<10 {
            schedule.post(TestMessage.ordinary())
        }
        #expect(schedule.count(\.shownMessages) - before <= 10 * 20)
        #expect(try schedule.end(clients).isEmpty)
    }

    @Test("Of a request of 4,000 messages beside 60 groups no turn of the loop does more than a part")
    func slices() throws {
        let schedule = try ScheduleOfOneScan(loopCount: 1)
        let clients = try (0..<60)
            .map { number in
                try schedule.subscriber {
                    $0.filter = TypeFilter(["a", "t\(number)"])
                    $0.framesPerSecond = 0.1
                }
            }
        let before = schedule.count(\.shownMessages)
        var receipts: [IngestReceipt] = []
        schedule.post((0..<4000).map { TestMessage.ordinary("a", "\"n\":\($0)") }) { receipts.append($0) }
        // The turns of the same loop that another request comes in.
        schedule.post([TestMessage.ordinary("a", "\"n\":-1")]) { receipts.append($0) }
        #expect(receipts.isEmpty)
        var shown = schedule.count(\.shownMessages)
        var turnCount = 0
        while receipts.count < 2, turnCount < 1000 {
            schedule.world.advance(by: .microseconds(50))
            let now = schedule.count(\.shownMessages)
            #expect(now - shown <= TurnBudget.limit + 60)
            shown = now
            turnCount += 1
        }
        #expect(shown - before == 4001 * 60)
        #expect(receipts.map(\.seqs) == [1...4000, 4001...4001])
        #expect(turnCount > 10)
        for client in clients {
            client.leave()
        }
        #expect(try schedule.end(clients).isEmpty)
    }

    @Test("A subscriber without a limit gets all of a long request, in order, and misses nothing")
    func longRequest() throws {
        var configuration = RelayConfiguration()
        configuration.maximumFramesPerSecond = 0
        let schedule = try ScheduleOfOneScan(loopCount: 2, configuration)
        let clients = try [0, 1].map { try schedule.subscriber(loop: $0) }
        var receipt: IngestReceipt?
        schedule.post((0..<20_000).map { TestMessage.ordinary("a", "\"n\":\($0)") }) { receipt = $0 }
        #expect(receipt == nil)
        schedule.letTurnsPass()
        #expect(receipt?.seqs == 1...20_000)
        schedule.world.advance(by: .seconds(1))
        #expect(try schedule.end(clients).isEmpty)
        #expect(clients.allSatisfy { $0.session?.last == 20_000 && $0.session?.lagCount == 0 })
    }

    @Test("What changes a scan waits for the request that is half taken, in order")
    func order() throws {
        let schedule = try ScheduleOfOneScan(loopCount: 1)
        let client = try schedule.subscriber { $0.filter = TypeFilter(["nothing"]) }
        var answers: [String] = []
        let loop = schedule.world.loops[0]
        schedule.post((0..<5000).map { TestMessage.ordinary("a", "\"n\":\($0)") }) {
            answers.append("\($0.seqs?.count ?? 0)")
        }
        schedule.world.on(loop) {
            schedule.relay.put(schedule.scanID, owner: "u", name: nil, at: TestMessage.time, on: loop).assumeIsolated()
                .whenSuccess { answers.append("owner \($0.owner ?? "")") }
        }
        schedule.post((0..<3000).map { TestMessage.ordinary("b", "\"n\":\($0)") }) {
            answers.append("\($0.seqs?.count ?? 0)")
        }
        schedule.world.on(loop) {
            schedule.relay.delete(schedule.scanID, on: loop).assumeIsolated().whenSuccess {
                answers.append("deleted \($0)")
            }
        }
        schedule.world.run()
        #expect(answers.isEmpty)
        schedule.letTurnsPass()
        #expect(answers == ["5000", "owner u", "3000", "deleted true"])
        #expect(try schedule.end([client]).isEmpty)
        #expect(client.session?.isEnded == true)
    }

    @Test("A producer that posts once it has its answer waits behind what came before, and no number is given twice")
    func postsAfterAnswers() throws {
        let schedule = try ScheduleOfOneScan(loopCount: 1)
        let loop = schedule.world.loops[0]
        var seqs: [ClosedRange<Seq>?] = []
        let ingest = { (count: Int, then: @escaping () -> Void) in
            let messages = (0..<count).map { TestMessage.ordinary("a", "\"n\":\($0)") }
            let request = IngestRequest(scanID: schedule.scanID, messages: messages, at: TestMessage.time)
            schedule.relay.ingest(request, on: loop).assumeIsolated()
                .whenSuccess { receipt in
                    seqs.append(receipt.seqs)
                    then()
                }
        }
        schedule.world.on(loop) {
            ingest(5000) { ingest(4000) {} }
            ingest(3000) {}
            ingest(2) {}
        }
        schedule.letTurnsPass()
        #expect(seqs == [1...5000, 5001...8000, 8001...8002, 8003...12_002])
        #expect(try schedule.end([]).isEmpty)
    }
}
