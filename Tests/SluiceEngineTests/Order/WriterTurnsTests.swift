import NIOCore
import TestSupport
import Testing

@testable import SluiceEngine

@Suite
struct WriterTurnsTests {
    private let start = NIODeadline.uptimeNanoseconds(1_000_000_000)

    private func at(_ milliseconds: Double) -> NIODeadline {
        self.start + .nanoseconds(Int64(milliseconds * 1e6))
    }

    @Test
    func whoWritesAloneNeverWaits() {
        var turns = WriterTurns()
        #expect(turns.turn(of: "a-") <= self.start)
        for number in 0..<5 {
            turns.counted(by: "a-", now: self.at(Double(number)))
            #expect(turns.turn(of: "a-") <= self.at(Double(number)))
        }
    }

    @Test
    func whoWroteLongestAgoIsNext() {
        var turns = WriterTurns()
        for (index, writer) in ["a-", "b-", "c-"].enumerated() {
            turns.counted(by: Substring(writer), now: self.at(Double(index)))
        }
        #expect(turns.turn(of: "a-") == self.at(2))
        #expect(turns.turn(of: "b-") == self.at(3.5))
        #expect(turns.turn(of: "c-") == self.at(5))
        // Where another one writes before its turn, whoever was passed over has twice the time.
        turns.counted(by: "b-", now: self.at(4))
        #expect(turns.turn(of: "a-") == self.at(4))
        #expect(turns.turn(of: "c-") == self.at(7))
        #expect(turns.turn(of: "b-") == self.at(8.5))
        #expect(turns.turn(of: "new-") <= self.at(4))
    }

    @Test
    func nobodyWaitsForWhoWasPassedOverThrice() {
        var turns = WriterTurns()
        turns.counted(by: "a-", now: self.start)
        for (at, turn) in [(1, 2.5), (3, 6), (7, 13), (14, 14)] {
            turns.counted(by: "b-", now: self.at(Double(at)))
            #expect(turns.turn(of: "b-") == self.at(turn))
        }
        // It goes at once when it has something, and is one of them again.
        #expect(turns.turn(of: "a-") <= self.at(14))
        turns.counted(by: "a-", now: self.at(15))
        turns.counted(by: "b-", now: self.at(16))
        #expect(turns.turn(of: "b-") == self.at(17.5))
    }

    @Test
    func nobodyWaitsForWhoWroteLongAgo() {
        var turns = WriterTurns()
        turns.counted(by: "a-", now: self.start)
        turns.counted(by: "b-", now: self.at(1001))
        #expect(turns.turn(of: "b-") == self.at(1001))
    }

    @Test
    func theWaitFollowsWhatARecordTakes() {
        var turns = WriterTurns()
        for _ in 0..<100 { turns.took(.milliseconds(4)) }
        turns.counted(by: "a-", now: self.start)
        turns.counted(by: "b-", now: self.at(1))
        #expect(turns.turn(of: "b-") > self.at(6.9) && turns.turn(of: "b-") <= self.at(7))
        // What stood still in between tells little.
        var other = WriterTurns()
        other.took(.hours(1))
        other.counted(by: "a-", now: self.start)
        other.counted(by: "b-", now: self.at(1))
        #expect(other.turn(of: "b-") < self.at(3.1))
        for _ in 0..<1000 { turns.took(.hours(1)) }
        #expect(turns.turn(of: "b-") <= self.at(31))
        for _ in 0..<1000 { turns.took(.zero) }
        #expect(turns.turn(of: "b-") == self.at(1.3))
    }

    /// Writers who all have something to write, read each other a little late, and keep to their turns.
    @Test(arguments: 1...50 as ClosedRange<UInt64>)
    func writersInARaceTakeTurns(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        let names = (0..<Int.random(in: 2...6, using: &random)).map { "n\($0)-" }
        var turns = Array(repeating: WriterTurns(), count: names.count)
        var counts = Array(repeating: 0, count: names.count)
        var now = self.start
        var lost = 0
        // Those who never wrote are not waited for: the rules hold once each has.
        var isKnown = Set<Int>()
        for _ in 0..<300 {
            // A draft is behind the record that was read last; the first of them to arrive counts.
            let drafts = names.indices
                .map { index in
                    let late = TimeAmount.microseconds(.random(in: 0...150, using: &random))
                    return (index, at: max(now + late, turns[index].turn(of: names[index])))
                }
                .sorted { $0.at < $1.at }
            let first = drafts[0]
            let took = TimeAmount.microseconds(.random(in: 700...1000, using: &random))
            let isFair = isKnown.count == names.count
            lost += isFair ? drafts.dropFirst().count { $0.at < first.at + took } : 0
            counts[first.0] += isFair ? 1 : 0
            isKnown.insert(first.0)
            now = first.at + took
            turns[first.0].took(took)
            for index in names.indices {
                turns[index].counted(by: Substring(names[first.0]), now: now)
            }
        }
        #expect(lost == 0 && isKnown.count == names.count)
        #expect((counts.max() ?? 0) - (counts.min() ?? 0) <= 1)
    }

    /// One of them is four records' time away from the log, and has written once.
    @Test
    func whoIsFarAwayWritesToo() {
        var random = SplitMix64(seed: 1)
        let names = ["far-", "a-", "b-"]
        var turns = Array(repeating: WriterTurns(), count: names.count)
        var counts = [0, 0, 0]
        var now = self.start
        for index in names.indices {
            for name in names { turns[index].counted(by: Substring(name), now: now) }
        }
        for _ in 0..<300 {
            let drafts = names.indices.map { index in
                let way = TimeAmount.microseconds(.random(in: 0...100, using: &random) + (index == 0 ? 4000 : 0))
                let begun = max(now, turns[index].turn(of: names[index]))
                return (index: index, begun: begun, at: begun + way)
            }
            let first = drafts.min { $0.at < $1.at } ?? drafts[0]
            now = first.at + .milliseconds(1)
            turns[first.index].took(now - first.begun)
            counts[first.index] += 1
            for index in names.indices {
                turns[index].counted(by: Substring(names[first.index]), now: now)
            }
        }
        #expect(counts.allSatisfy { $0 > 40 }, "\(counts)")
    }
}
