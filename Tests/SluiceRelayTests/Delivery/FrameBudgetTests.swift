import NIOCore
import Testing

@testable import SluiceRelay

@Suite("Frame budgets")
struct FrameBudgetTests {
    @Test(
        "In no second go more frames than the rate says",
        arguments: [(0.1, 1, 10_000), (0.5, 1, 2000), (1, 1, 1000), (2.5, 2, 1000), (10, 10, 1000)]
    )
    func slidingSecond(rate: Double, most: Int, windowMilliseconds: Int64) {
        var budget = FrameBudget(framesPerSecond: rate)
        var sent: [Int64] = []
        for millisecond in 0..<30_000 as Range<Int64> {
            let now = NIODeadline.uptimeNanoseconds(1_000_000_000) + .milliseconds(millisecond)
            if budget.availableAt() <= now {
                #expect(budget.take(now: now) == true)
                sent.append(millisecond)
            }
        }
        for (index, end) in sent.enumerated() {
            #expect(sent[...index].count { $0 > end - windowMilliseconds } <= most)
        }
        #expect(sent.count >= 30_000 * most / (Int(windowMilliseconds) + 10))
    }

    @Test("Without a rate there is no limit")
    func unlimited() {
        var budget = FrameBudget(framesPerSecond: 0)
        for _ in 0..<10_000 {
            #expect(budget.take(now: .uptimeNanoseconds(1)) == true)
        }
        #expect(budget.availableAt() == .distantPast)
    }

    @Test("A budget of another rate remembers what was spent")
    func continuing() {
        let now = NIODeadline.uptimeNanoseconds(1_000_000_000)
        var budget = FrameBudget(framesPerSecond: 10)
        for _ in 0..<10 {
            #expect(budget.take(now: now) == true)
        }
        var slower = FrameBudget(framesPerSecond: 5, continuing: budget)
        #expect(slower.take(now: now + .milliseconds(999)) == false)
        #expect(slower.take(now: now + .milliseconds(1005)) == true)
    }

    @Test("A receiver goes over to another budget only if that one allows no more than its own")
    func covering() {
        let start = NIODeadline.uptimeNanoseconds(1_000_000_000)
        var own = FrameBudget(framesPerSecond: 2)
        var others = FrameBudget(framesPerSecond: 2)
        own.charge(now: start + .milliseconds(200))
        #expect(others.covers(own, now: start + .milliseconds(300)) == false)
        others.charge(now: start + .milliseconds(100))
        #expect(others.covers(own, now: start + .milliseconds(300)) == false)
        others.charge(now: start + .milliseconds(300))
        #expect(others.covers(own, now: start + .milliseconds(300)) == true)
        own.charge(now: start + .milliseconds(250))
        #expect(others.covers(own, now: start + .milliseconds(300)) == false)
        #expect(others.covers(own, now: start + .milliseconds(1205)) == true)
        #expect(FrameBudget(framesPerSecond: 0).covers(own, now: start + .milliseconds(300)) == true)
    }

    @Test("Frames that go out together are spent together, and as many as a second has at most")
    func together() {
        let now = NIODeadline.uptimeNanoseconds(1_000_000_000)
        var budget = FrameBudget(framesPerSecond: 3)
        #expect(budget.take(2, now: now) == true)
        #expect(budget.take(2, now: now) == false)
        #expect(budget.availableAt(2) == now + .milliseconds(1005))
        #expect(budget.take(now: now + .milliseconds(10)) == true)
        var single = FrameBudget(framesPerSecond: 1)
        #expect(single.take(2, now: now) == true)
        #expect(single.take(2, now: now + .milliseconds(1005)) == true)
    }

    @Test("What is spent counts from the moment when it goes out")
    func handedOver() {
        let now = NIODeadline.uptimeNanoseconds(1_000_000_000)
        var budget = FrameBudget(framesPerSecond: 2)
        #expect(budget.take(now: now) == true)
        budget.handedOver(now: now + .milliseconds(50))
        #expect(budget.take(now: now + .milliseconds(60)) == true)
        budget.handedOver(now: now + .milliseconds(70))
        #expect(budget.availableAt() == now + .milliseconds(1055))
        #expect(budget.availableAt(2) == now + .milliseconds(1075))
    }
}
