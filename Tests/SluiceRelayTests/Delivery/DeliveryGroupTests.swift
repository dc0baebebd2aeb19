import NIOCore
import TestSupport
import Testing

@testable import SluiceRelay

@Suite("Delivery groups, as pictures of time")
struct DeliveryGroupTests {
    @Test("A message waits for company, but no longer than the batch interval")
    func batchInterval() {
        #expect(Timeline().frames(for: "ab---c---") == "--[ab]----[c]-")
        #expect(Timeline().frames(for: "a--b-----") == "--[a]--[b]---")
    }

    @Test("A full batch goes at once, and the rest waits its own interval")
    func sizeTrigger() {
        let timeline = Timeline(maximumBatchCount: 3)
        #expect(timeline.frames(for: "(abcd)---") == "[abc]-[d]-")
        #expect(timeline.frames(for: "(abcdef)---") == "[abc][def]---")
    }

    @Test("A critical message takes along what waits, and is a frame of its own")
    func critical() {
        #expect(Timeline().frames(for: "a!-b!-") == "-[a][!]--[b][!]-")
        #expect(Timeline().frames(for: "(ab1!!c)--") == "[ab1][!][!]-[c]")
        #expect(Timeline().frames(for: "!") == "[!]")
    }

    @Test("A budget of two frames a second holds in every second that slides by", arguments: [2, 2.5])
    func budget(framesPerSecond: Double) {
        let timeline = Timeline(step: .milliseconds(250), framesPerSecond: framesPerSecond)
        #expect(timeline.frames(for: "abcdefghij----") == "-[a][b]---[cdef][g]---[hij]--")
    }

    @Test("A rate below one spaces frames by more than a second")
    func slowBudget() {
        let timeline = Timeline(step: .milliseconds(500), framesPerSecond: 0.5)
        #expect(timeline.frames(for: "abcdefg------") == "-[a]----[bcdef]----[g]-")
    }

    @Test("Critical messages pass a spent budget, with what waits before them, and cost nothing of it")
    func criticalOutsideTheBudget() {
        let timeline = Timeline(step: .milliseconds(100), framesPerSecond: 1)
        #expect(timeline.frames(for: "a-b-!-c---------d-") == "-[a]--[b][!]-------[c]-----")
    }

    @Test("Of state only the newest of each key goes, also at the end of a burst")
    func conflation() {
        #expect(Timeline().frames(for: "(1a12b2)---") == "--[a1b2]-")
        #expect(Timeline().frames(for: "11111---") == "--[1]-[1]-[1]-")
    }

    @Test("What overflows is told in its place, and state survives it")
    func overflow() {
        let timeline = Timeline(step: .milliseconds(500), framesPerSecond: 0.5, maximumPendingCount: 3)
        #expect(timeline.frames(for: "a--(bcdef)----") == "-[a]----<2@1>[def]-")
        #expect(
            timeline.frames(for: "a--(1bcd2ef)--------------") == "-[a]----[1]----<3@2>[2]----<1@6>[f]-"
        )
    }

    @Test("A notice counts from what was sent, although state before it was superseded meanwhile")
    func overflowAfterSupersededState() {
        let timeline = Timeline(step: .milliseconds(500), framesPerSecond: 0.5, maximumPendingCount: 3)
        #expect(timeline.frames(for: "a--(1bcde1)----") == "-[a]----<2@1>[de1]-")
    }

    @Test("State of more keys than may wait gives up its oldest, in one notice")
    func overflowOfState() {
        let timeline = Timeline(step: .milliseconds(500), framesPerSecond: 0.5, maximumPendingCount: 2)
        #expect(timeline.frames(for: "a--(123456)----") == "-[a]----<4@1>[56]-")
    }

    @Test("What waits is bounded in bytes, too")
    func overflowInBytes() {
        let size = TestMessage.ordinary("a").byteCount
        let timeline = Timeline(step: .milliseconds(500), framesPerSecond: 0.5, maximumPendingBytes: 3 * size)
        #expect(timeline.frames(for: "a--(bcdef)----") == "-[a]----<2@1>[def]-")
    }

    @Test("What a critical message takes along goes out in parts of a turn, in order, and then the message alone")
    func flushInParts() {
        var limits = DeliveryGroup.Limits(RelayConfiguration())
        let size = TestMessage.ordinary("a").byteCount
        limits.maximumTurnBytes = 2 * size
        limits.maximumBatchCount = 3
        let terms = DeliveryTerms(filter: .everything, framesPerSecond: 0.1, isBatched: true)
        var group = DeliveryGroup(terms: terms, limits: limits, head: 0)
        let now = NIODeadline.uptimeNanoseconds(1_000_000_000)
        for seq in 1...9 as ClosedRange<Seq> {
            let message = seq == 8 ? TestMessage.critical() : TestMessage.ordinary("a")
            group.append(LogEntry(seq: seq, at: TestMessage.time, message: message), now: now)
        }
        var turns: [[[Seq]]] = []
        while group.isFlushing {
            turns.append(group.take().map { if case .messages(let entries) = $0 { entries.map(\.seq) } else { [] } })
            group.handedOver(now: now)
            #expect(group.deadline == (group.isFlushing ? .distantPast : group.deadline))
            group.poll(now: now)
        }
        turns.append(group.take().map { if case .messages(let entries) = $0 { entries.map(\.seq) } else { [] } })
        #expect(turns == [[[1, 2, 3]], [[4, 5, 6]], [[7], [8]]])
        #expect(group.pendingCount == 1)
    }

    @Test("Messages that were not shown to a group count as filtered, once it hears how far the log has come")
    func passedOver() {
        let terms = DeliveryTerms(filter: TypeFilter(["a"]), framesPerSecond: 10, isBatched: true)
        var group = DeliveryGroup(terms: terms, limits: .init(RelayConfiguration()), head: 4)
        let now = NIODeadline.uptimeNanoseconds(1_000_000_000)
        group.append(LogEntry(seq: 8, at: TestMessage.time, message: TestMessage.ordinary("a")), now: now)
        group.passOver(through: 10)
        #expect(group.counts.filtered == 5 && group.sent == 7)
        group.flush(now: now)
        #expect(group.sent == 10)
        group.passOver(through: 12)
        #expect(group.counts.filtered == 7 && group.sent == 12)
    }

    @Test("A filter passes its types and all critical messages")
    func filter() {
        let timeline = Timeline(filter: TypeFilter(["a"]))
        #expect(timeline.frames(for: "(ab1!c)a--") == "[a][!]--[a]")
    }

    @Test("Without batches each message is a frame, within the budget")
    func unbatched() {
        let timeline = Timeline(step: .milliseconds(250), framesPerSecond: 2, isBatched: false)
        #expect(timeline.frames(for: "(abc)-------") == "-[a][b]----[c]-")
    }

    @Test("Without a budget batches still wait for company, and single messages for nothing")
    func unlimited() {
        #expect(Timeline(framesPerSecond: 0).frames(for: "(ab)--") == "--[ab]")
        #expect(Timeline(framesPerSecond: 0, isBatched: false).frames(for: "(ab)-c") == "[a][b]-[c]")
    }

    @Test("Every message is delivered, conflated, filtered or skipped, and overload keeps the queue small")
    func accounts() {
        var limits = DeliveryGroup.Limits(RelayConfiguration())
        limits.maximumPendingCount = 20
        let terms = DeliveryTerms(filter: TypeFilter(["a", "p"]), framesPerSecond: 3, isBatched: true)
        var group = DeliveryGroup(terms: terms, limits: limits, head: 0)
        var random = SplitMix64(seed: 7)
        var now = NIODeadline.uptimeNanoseconds(1_000_000_000)
        var lagCount = 0
        var mostPending = 0
        for seq in 1...20_000 as ClosedRange<Seq> {
            let message =
                switch Int.random(in: 0..<10, using: &random) {
                case 0..<4: TestMessage.ordinary("a")
                case 4..<6: TestMessage.ordinary("b")
                case 6..<9: TestMessage.state("\(seq.rawValue % 4)", type: "p")
                default: seq.rawValue % 7 == 0 ? TestMessage.critical() : TestMessage.ordinary("a")
                }
            group.append(LogEntry(seq: seq, at: TestMessage.time, message: message), now: now)
            now = now + .milliseconds(2)
            group.poll(now: now)
            for case .lag(let notice) in group.take() {
                lagCount += notice.skippedCount
            }
            group.handedOver(now: now)
            mostPending = max(mostPending, group.pendingCount)
        }
        group.flush(now: now)
        for case .lag(let notice) in group.take() {
            lagCount += notice.skippedCount
        }
        let counts = group.counts
        #expect(counts.delivered + counts.conflated + counts.filtered + counts.skipped == 20_000)
        #expect(counts.skipped == lagCount)
        #expect(mostPending <= 20)
        #expect(group.sent == 20_000)
    }

    @Test("Lag frames are frames of the budget too", arguments: [true, false])
    func lagFrames(isBatched: Bool) {
        var limits = DeliveryGroup.Limits(RelayConfiguration())
        limits.maximumPendingCount = 20
        let terms = DeliveryTerms(filter: .everything, framesPerSecond: 5, isBatched: isBatched)
        var group = DeliveryGroup(terms: terms, limits: limits, head: 0)
        var sentAt: [Int64] = []
        var hasMessages = false
        for millisecond in 1...10_000 as ClosedRange<Int64> {
            let now = NIODeadline.uptimeNanoseconds(1_000_000_000) + .milliseconds(millisecond)
            group.append(
                LogEntry(seq: Seq(clamping: millisecond), at: TestMessage.time, message: TestMessage.ordinary()),
                now: now
            )
            group.poll(now: now)
            for delivery in group.take() {
                sentAt.append(millisecond)
                if case .messages = delivery { hasMessages = true }
            }
        }
        for (index, end) in sentAt.enumerated() {
            #expect(sentAt[...index].count { $0 > end - 1000 } <= 5)
        }
        #expect(hasMessages && sentAt.count > 30)
    }

    @Test("A group that goes on at another rate keeps what waits and what was spent")
    func continued() {
        let limits = DeliveryGroup.Limits(RelayConfiguration())
        let terms = DeliveryTerms(filter: .everything, framesPerSecond: 1, isBatched: false)
        var group = DeliveryGroup(terms: terms, limits: limits, head: 0)
        let now = NIODeadline.uptimeNanoseconds(1_000_000_000)
        for seq in 1...2 as ClosedRange<Seq> {
            group.append(LogEntry(seq: seq, at: TestMessage.time, message: TestMessage.ordinary()), now: now)
        }
        group.poll(now: now + .milliseconds(100))
        #expect(group.take().count == 1)
        var slower = group.continued(framesPerSecond: 0.5)
        slower.poll(now: now + .milliseconds(1200))
        #expect(slower.take().isEmpty)
        #expect(slower.pendingCount == 1)
        slower.poll(now: now + .milliseconds(2200))
        #expect(slower.take().count == 1)
    }
}
