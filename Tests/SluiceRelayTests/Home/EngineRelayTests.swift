import NIOCore
import SluiceBase
import Testing

@testable import SluiceRelay

@Suite("Relays over one log")
struct EngineRelayTests {
    @Test("What is posted on one node is shown on the other, and answered once it is in the log")
    func otherNode() throws {
        let pair = try EnginePair()
        let answer = pair.post([TestMessage.ordinary(), TestMessage.critical()], on: 0)
        pair.world.run()
        #expect(answer.result == nil)
        pair.pass(.seconds(3))
        #expect(answer.value?.seqs == 1...2)
        let state = pair.state(on: 1)
        #expect(state?.seq == 2 && state?.epoch == pair.state(on: 0)?.epoch)
        let subscriber = try pair.subscribe(on: 1) { $0.since = 0 }
        pair.pass(.seconds(1))
        #expect(subscriber.texts.first?.contains("\"recovered\":true") ?? false)
        #expect(subscriber.texts.joined().contains("\"seq\":1,") && subscriber.texts.joined().contains("\"seq\":2,"))
        #expect(try pair.end().isEmpty)
    }

    @Test("A key that was used on one node is known on the other")
    func keys() throws {
        let pair = try EnginePair()
        let first = pair.post([TestMessage.ordinary()], on: 0, key: "k")
        let twin = pair.post([TestMessage.ordinary()], on: 1, key: "k")
        pair.pass(.seconds(5))
        #expect(first.value?.seqs == 1...1 && twin.value?.seqs == 1...1)
        #expect([first.value?.isReplayed, twin.value?.isReplayed].count { $0 == true } == 1)
        let late = pair.post([TestMessage.ordinary()], on: 1, key: "k")
        pair.pass(.seconds(1))
        #expect(late.value?.isReplayed == true)
        // After ten minutes it is another request, also for a node that has just opened the scan.
        pair.pass(.minutes(11))
        #expect(pair.engines.map(\.followedCount) == [0, 0])
        let next = pair.post([TestMessage.ordinary()], on: 1, key: "k")
        pair.pass(.seconds(5))
        #expect(next.value?.seqs == 2...2)
        #expect(try pair.end().isEmpty)
    }

    @Test("A node that is cut off answers what waits in time, and closes its subscribers over ten seconds")
    func cutOff() throws {
        let pair = try EnginePair()
        _ = pair.post([TestMessage.ordinary()], on: 0)
        pair.pass(.seconds(3))
        let subscribers = try (0..<20).map { _ in try pair.subscribe(on: 1) }
        let other = try pair.subscribe(on: 0)
        pair.pass(.seconds(1))
        pair.engines[1].setCut(true)
        let early = pair.post([TestMessage.ordinary()], on: 1)
        pair.pass(.seconds(9))
        #expect(early.result == nil && pair.relays[1].isAvailable)
        pair.pass(.seconds(2))
        #expect(early.refusal == .storageUnavailable)
        #expect(subscribers.allSatisfy { $0.end == nil })
        pair.pass(.seconds(5))
        #expect(!pair.relays[1].isAvailable && pair.relays[0].isAvailable)
        let refused = pair.post([TestMessage.ordinary()], on: 1)
        pair.pass(.milliseconds(500))
        #expect(refused.refusal == .storageUnavailable)
        pair.pass(.seconds(3))
        #expect((5...15).contains(subscribers.count { $0.end == .storageUnavailable }))
        pair.pass(.seconds(6))
        #expect(subscribers.allSatisfy { $0.end == .storageUnavailable } && other.end == nil)
        pair.engines[1].setCut(false)
        pair.pass(.seconds(3))
        let late = pair.post([TestMessage.ordinary()], on: 1)
        pair.pass(.seconds(5))
        #expect(late.value != nil && pair.relays[1].isAvailable)
        #expect(try pair.end().isEmpty)
    }

    @Test("Of what waits for the log 64 MiB are taken, and the rest is refused at once")
    func waitingBytes() throws {
        let pair = try EnginePair()
        pair.engines[0].setCut(true)
        let large = TestMessage.ordinary("a", "\"pad\":\"\(String(repeating: "x", count: 1024 * 1024))\"")
        let answers = (0..<66).map { _ in pair.post([large], on: 0) }
        pair.pass(.seconds(1))
        #expect(answers.count { $0.refusal == .storageUnavailable } == 3 && answers.count { $0.result == nil } == 63)
        pair.pass(.seconds(11))
        #expect(answers.allSatisfy { $0.refusal == .storageUnavailable })
        let small = pair.post([TestMessage.ordinary()], on: 0)
        pair.engines[0].setCut(false)
        pair.pass(.seconds(5))
        #expect(small.value?.seqs == 1...1)
        #expect(try pair.end().isEmpty)
    }

    @Test("A scan is followed for a minute after its last subscriber, and goes on where it was")
    func unused() throws {
        let pair = try EnginePair()
        _ = pair.post([TestMessage.ordinary()], on: 0)
        let subscriber = try pair.subscribe(on: 1) { $0.wait = .seconds(60) }
        pair.pass(.minutes(3))
        let text = subscriber.texts.joined()
        #expect(text.contains("\"seq\":1,") && text.contains("scanStalled"), "\(subscriber.texts)")
        #expect(pair.engines.map(\.followedCount) == [0, 1])
        pair.unsubscribe(subscriber, on: 1)
        pair.pass(.seconds(58))
        #expect(pair.engines[1].followedCount == 1)
        pair.pass(.seconds(3))
        #expect(pair.engines[1].followedCount == 0 && pair.relays.map(\.scans) == [0, 0])
        let answer = pair.post([TestMessage.ordinary()], on: 1)
        pair.pass(.seconds(5))
        #expect(answer.value?.seqs == 2...2)
        #expect(try pair.end().isEmpty)
    }

    @Test("A scan that nobody has open ends when its time is over, for all nodes, and its history stays")
    func sweep() throws {
        var configuration = RelayConfiguration()
        configuration.cleanupDelay = .minutes(2)
        let pair = try EnginePair(configuration)
        _ = pair.post([TestMessage.ordinary(), TestMessage.critical(isTerminal: true)], on: 0)
        pair.pass(.seconds(100))
        #expect(pair.engines.map(\.followedCount) == [0, 0])
        pair.pass(.seconds(60))
        #expect(pair.log.last(of: pair.scanID)?.header.end == .completed)
        #expect(pair.state(on: 1) == nil)
        let loop = pair.world.loops[1]
        let page = EnginePair.Answer<HistoryPage?>()
        pair.world.on(loop) {
            let request = HistoryRequest(maximumCount: 10, maximumBytes: 10_000)
            pair.relays[1].history(of: pair.scanID, request, on: loop).assumeIsolated()
                .whenComplete {
                    page.result = $0
                }
        }
        pair.pass(.seconds(1))
        #expect(page.value??.entries.map(\.seq) == [1, 2])
        // A post opens the next life behind that end.
        let answer = pair.post([TestMessage.ordinary()], on: 0)
        pair.pass(.seconds(5))
        #expect(answer.value?.seqs == 1...1)
        #expect(try pair.end().isEmpty)
    }

    @Test("Answers older than ten minutes are not written down anew: they would push out those of other scans")
    func oldAnswers() throws {
        let pair = try EnginePair()
        for number in 0..<5 { _ = pair.post([TestMessage.ordinary()], on: 0, key: "old-\(number)") }
        pair.pass(.minutes(11))
        _ = pair.post([TestMessage.ordinary()], on: 0, key: "young")
        pair.pass(.seconds(5))
        #expect(pair.state(on: 1)?.seq == 6)
        #expect(pair.relays[1].idempotency.count == 1)
        #expect(try pair.end().isEmpty)
    }

    @Test("A scan whose log is damaged closes its subscribers, refuses, and can be deleted")
    func damaged() throws {
        let pair = try EnginePair()
        _ = pair.post([TestMessage.ordinary()], on: 0)
        pair.pass(.seconds(3))
        let subscribers = [try pair.subscribe(on: 0), try pair.subscribe(on: 1)]
        let waiting = try pair.subscribe(on: 1) { $0.wait = .seconds(60) }
        pair.pass(.seconds(1))
        pair.engines[0].setCut(true)
        let early = pair.post([TestMessage.ordinary()], on: 0)
        pair.pass(.seconds(1))
        pair.log.damage(pair.scanID)
        pair.engines[0].setCut(false)
        pair.pass(.seconds(1))
        #expect((subscribers + [waiting]).allSatisfy { $0.end == .storageUnavailable })
        #expect(early.refusal == .storageDamaged)
        #expect(pair.engines.map(\.followedCount) == [0, 0] && pair.relays.map(\.scans) == [0, 0])
        let late = pair.post([TestMessage.ordinary()], on: 1)
        pair.pass(.seconds(1))
        #expect(late.refusal == .storageDamaged && pair.state(on: 0) == nil)
        let deleted = pair.delete(on: 1)
        pair.pass(.seconds(1))
        #expect(deleted.value == true)
        let next = pair.post([TestMessage.ordinary()], on: 0)
        pair.pass(.seconds(3))
        #expect(next.value?.seqs == 1...1)
        #expect(try pair.end().isEmpty)
    }

    @Test("A record that counts and is of another life, or has other numbers, is damage, not the end of the gateway")
    func strange() throws {
        for change in [{ $0.epoch = "other" }, { $0.first = 7 }] as [(inout LogRecord) -> Void] {
            let pair = try EnginePair()
            _ = pair.post([TestMessage.ordinary()], on: 0)
            pair.pass(.seconds(3))
            let subscriber = try pair.subscribe(on: 1)
            pair.pass(.seconds(1))
            let last = try #require(pair.log.last(of: pair.scanID))
            var record = try #require(last.records.last)
            record.prev = last.place
            record.first = record.head.next
            change(&record)
            let draft = RecordDraft(
                records: [record],
                times: last.header.times,
                fold: last.header.fold,
                since: pair.world.now
            )
            _ = pair.log.store(draft, number: 1000, of: pair.scanID, expecting: last.place)
            pair.pass(.seconds(2))
            #expect(subscriber.end == .storageUnavailable && pair.engines[1].followedCount == 0)
            let refused = pair.post([TestMessage.ordinary()], on: 1)
            let deleted = pair.delete(on: 1)
            pair.pass(.seconds(2))
            #expect(refused.refusal == .storageDamaged && deleted.value == true)
            let next = pair.post([TestMessage.ordinary()], on: 0)
            pair.pass(.seconds(3))
            #expect(next.value?.seqs == 1...1)
            #expect(try pair.end().isEmpty)
        }
    }

    @Test("An open scan that cannot be read any more is not shown as if it were new")
    func lapsed() throws {
        let pair = try EnginePair()
        _ = pair.post([TestMessage.ordinary()], on: 0)
        pair.pass(.seconds(3))
        let subscriber = try pair.subscribe(on: 0)
        pair.pass(.seconds(1))
        pair.engines[0].lapse(pair.scanID)
        pair.pass(.milliseconds(500))
        #expect(subscriber.end == .storageUnavailable)
        let answer = pair.post([TestMessage.ordinary()], on: 0)
        pair.pass(.seconds(2))
        #expect(answer.result == nil)
        pair.pass(.seconds(5))
        #expect(answer.value?.seqs == 2...2)
        #expect(try pair.end().isEmpty)
    }

    @Test("A quiet scan whose beginning the log is about to lose is opened, so that it is repeated")
    func old() throws {
        let pair = try EnginePair()
        _ = pair.post([TestMessage.ordinary()], on: 0)
        pair.pass(.seconds(100))
        #expect(pair.engines.map(\.followedCount) == [0, 0])
        pair.engines[1].oldBefore = .max
        pair.pass(.seconds(11))
        #expect(pair.engines.map(\.followedCount) == [0, 1])
        #expect(try pair.end().isEmpty)
    }

    @Test("A subscriber that knows more than its node waits until the node knows it, too")
    func ahead() throws {
        let pair = try EnginePair()
        _ = pair.post([TestMessage.ordinary()], on: 0)
        pair.pass(.seconds(3))
        let first = try pair.subscribe(on: 1)
        pair.pass(.seconds(1))
        let answer = pair.post([TestMessage.ordinary(), TestMessage.ordinary()], on: 0)
        // Just until the first node has it.
        while answer.result == nil {
            pair.world.advance(by: .milliseconds(1))
        }
        let second = try pair.subscribe(on: 1) { $0.since = 3 }
        let beyond = try pair.subscribe(on: 1) { $0.since = 30 }
        pair.pass(.seconds(3))
        #expect(second.texts.count == 1 && second.texts.first?.contains("\"recovered\":true") ?? false)
        #expect(beyond.texts.first?.contains("\"recovered\":false") ?? false)
        #expect(first.end == nil)
        #expect(try pair.end().isEmpty)
    }

    @Test("A subscriber's word of the same life counts for more than a leader that was cut off, for a while")
    func aheadOfTheLeader() throws {
        let pair = try EnginePair()
        _ = pair.post([TestMessage.ordinary()], on: 0)
        pair.pass(.seconds(1))
        let epoch = try #require(pair.state(on: 1)).epoch
        let ahead = { (request: inout SubscriptionRequest) in (request.since, request.epoch) = (3, epoch) }
        let second = try pair.subscribe(on: 1, ahead)
        let left = try pair.subscribe(on: 1, ahead)
        let beyond = try pair.subscribe(on: 1) { ($0.since, $0.epoch) = (30, epoch) }
        let other = try pair.subscribe(on: 1) { ($0.since, $0.epoch) = (30, "other") }
        pair.pass(.seconds(5))
        #expect(second.texts.isEmpty && left.texts.isEmpty && beyond.texts.isEmpty)
        #expect(other.texts.first?.contains("\"recovered\":false") ?? false)
        pair.unsubscribe(left, on: 1)
        _ = pair.post([TestMessage.ordinary(), TestMessage.ordinary()], on: 0)
        pair.pass(.seconds(3))
        #expect(second.texts.first?.contains("\"recovered\":true") ?? false)
        pair.pass(.seconds(6))
        #expect(beyond.texts.first?.contains("\"recovered\":false") ?? false)
        #expect(left.texts.isEmpty && pair.state(on: 1)?.summary.subscriberCount == 3)
        #expect(try pair.end().isEmpty)
    }

    @Test("A subscriber that claims what never was has the leader asked a few times")
    func claims() throws {
        let pair = try EnginePair()
        _ = pair.post([TestMessage.ordinary()], on: 0)
        pair.pass(.seconds(1))
        let epoch = try #require(pair.state(on: 1)).epoch
        pair.pass(.seconds(1))
        let before = pair.engines[1].askedCount
        let claimer = try pair.subscribe(on: 1) { ($0.since, $0.epoch) = (30, epoch) }
        pair.pass(.seconds(15))
        #expect(claimer.texts.first?.contains("\"recovered\":false") ?? false)
        #expect((9...12).contains(pair.engines[1].askedCount - before))
        #expect(try pair.end().isEmpty)
    }
}
