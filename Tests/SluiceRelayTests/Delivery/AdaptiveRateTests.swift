import NIOCore
import Testing

@testable import SluiceRelay

@Suite("Adaptive throttling")
struct AdaptiveRateTests {
    private let start = NIODeadline.uptimeNanoseconds(1_000_000_000_000)

    @Test("More than three lag frames within a minute halve the rate")
    func halves() {
        var rate = AdaptiveRate(configuration: .init(), baseRate: 10)
        for second in 0..<3 as Range<Int64> {
            #expect(rate.lagSent(now: self.start + .seconds(second)) == false)
        }
        #expect(rate.lagSent(now: self.start + .seconds(3)) == true)
        #expect(rate.framesPerSecond == 5)
        #expect(rate.isReduced)
    }

    @Test("Lag frames that are spread over more than a minute do not")
    func spread() {
        var rate = AdaptiveRate(configuration: .init(), baseRate: 10)
        for number in 0..<20 as Range<Int64> {
            #expect(rate.lagSent(now: self.start + .seconds(20 * number)) == false)
        }
    }

    @Test("The rate falls to the least one, and doubles with each quiet minute up to the full one")
    func fallsAndRises() {
        var rate = AdaptiveRate(configuration: .init(), baseRate: 10)
        var now = self.start
        var seen: [Double] = []
        for _ in 0..<24 {
            now = now + .milliseconds(100)
            if rate.lagSent(now: now) {
                seen.append(rate.framesPerSecond)
            }
        }
        #expect(seen == [5, 2.5, 1.25, 1])
        seen = []
        while let deadline = rate.deadline {
            #expect(rate.tick(now: deadline - .milliseconds(1)) == false)
            #expect(rate.tick(now: deadline) == true)
            seen.append(rate.framesPerSecond)
        }
        #expect(seen == [2, 4, 8, 10])
        #expect(!rate.isReduced)
    }

    @Test("A subscriber without a limit, or below the least rate by its own wish, is not slowed", arguments: [0, 0.5])
    func notSlowed(baseRate: Double) {
        var rate = AdaptiveRate(configuration: .init(), baseRate: baseRate)
        for number in 0..<10 as Range<Int64> {
            #expect(rate.lagSent(now: self.start + .seconds(number)) == false)
        }
        #expect(rate.framesPerSecond == baseRate)
    }

    @Test("Asking for a higher rate does not undo the throttling")
    func rebase() {
        var rate = AdaptiveRate(configuration: .init(), baseRate: 10)
        for number in 0..<4 as Range<Int64> {
            _ = rate.lagSent(now: self.start + .seconds(number))
        }
        rate.rebase(2)
        #expect(rate.framesPerSecond == 2)
        rate.rebase(8)
        #expect(rate.framesPerSecond == 5)
    }
}
