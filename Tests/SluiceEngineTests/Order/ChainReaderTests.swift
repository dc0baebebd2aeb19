import SluiceEngine
import Testing

/// A log as a line: each record as the place that it names and its own, such as `0>3`; what becomes of it below.
struct ChainReaderTests {
    @Test
    func aRecordCountsIfItNamesTheLastThatCounted() {
        var chain = ChainReader()
        #expect(chain.read(3, prev: 0) == .counts)
        #expect(chain.read(5, prev: 3) == .counts)
        // Another node judged at 3, too, and was later.
        #expect(chain.read(6, prev: 3) == .void)
        // A second copy of the one at 5.
        #expect(chain.read(9, prev: 3) == .void)
        #expect(chain.read(12, prev: 5) == .counts)
        #expect(chain.last == 12 && chain.seen == 12 && chain.voidCount == 2)
    }

    @Test
    func whatWasReadIsKnown() {
        var chain = ChainReader(last: 7, seen: 9)
        #expect(chain.read(9, prev: 7) == .known)
        #expect(chain.hear(8, prev: 7, after: 7) == .known)
        #expect(chain.hear(10, prev: 7, after: 9) == .counts)
    }

    @Test
    func aRecordThatNamesOneNeverSeenTellsOfAGap() {
        var chain = ChainReader(last: 4, seen: 4)
        // 5 and 6 were erased, and this is the end behind them.
        #expect(chain.read(7, prev: 6) == .gap)
        #expect(chain.seen == 4)
    }

    @Test
    func aCopyBehindAnUnknownRecordIsAGap() {
        var chain = ChainReader(last: 3, seen: 3)
        // Between 3 and 9 there is 7, which nobody showed; 9 names 3, and would be void if 7 does, too.
        #expect(chain.hear(9, prev: 3, after: 7) == .gap)
        #expect(chain.seen == 3)
        #expect(chain.read(7, prev: 3) == .counts)
        #expect(chain.hear(9, prev: 3, after: 7) == .void)
    }

    @Test
    func aCopyWhosePredecessorsAreGoneCountsOnlyIfItNamesTheLast() {
        var chain = ChainReader(last: 3, seen: 3)
        // All that was read is evicted: the server knows of none before.
        #expect(chain.hear(8, prev: 3, after: 0) == .counts)
        #expect(chain.hear(12, prev: 11, after: 0) == .gap)
    }

    @Test
    func anEmptyLogThatWasReadBeforeIsAnotherOne() {
        var chain = ChainReader(last: 3, seen: 3)
        #expect(chain.hear(8, prev: 0, after: 0) == .anew)
        #expect(chain.seen == 3)
        // Late copies of what was read say nothing, nor does one that raced for the first place.
        #expect(chain.hear(2, prev: 0, after: 0) == .known)
        #expect(chain.hear(9, prev: 0, after: 3) == .void)
        // Where nothing was read it is the first one.
        var empty = ChainReader()
        #expect(empty.hear(8, prev: 0, after: 0) == .counts)
    }
}
