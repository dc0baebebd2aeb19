import NIOCore
import SluiceEngine
import Testing

struct CarryLedgerTests {
    private let start = NIODeadline.uptimeNanoseconds(1_000_000_000)

    private func due() -> CarryLedger {
        var ledger = CarryLedger(leastBytes: 100)
        ledger.counted(1, bytes: 101, begins: true)
        return ledger
    }

    @Test
    func itIsDueByTheBytesSinceTheLastOneAndItsSize() {
        var ledger = CarryLedger(leastBytes: 100)
        ledger.counted(1, bytes: 100, begins: true)
        #expect(!ledger.isDue(now: self.start))
        ledger.counted(2, bytes: 1, begins: false)
        #expect(ledger.isDue(now: self.start))
        let isComplete = ledger.counted(part: 1, of: 1, "c", sequence: 3, bytes: 50, now: self.start)
        #expect(isComplete && ledger.base == 3)
        ledger.counted(4, bytes: 200, begins: false)
        #expect(!ledger.isDue(now: self.start))
        ledger.counted(5, bytes: 1, begins: false)
        #expect(ledger.isDue(now: self.start))
    }

    @Test
    func oneThatCameToNothingIsMadeAgainLaterAndLater() {
        var ledger = self.due()
        var now = self.start
        for wait in [20, 40, 80, 160, 320, 640, 1000, 1000] as [Int64] {
            ledger.failed(now: now)
            #expect(!ledger.isDue(now: now + .milliseconds(wait - 1)))
            now = now + .milliseconds(wait)
            #expect(ledger.isDue(now: now))
        }
        _ = ledger.counted(part: 1, of: 1, "c", sequence: 2, bytes: 1, now: now)
        ledger.counted(3, bytes: 101, begins: false)
        ledger.failed(now: now)
        #expect(ledger.isDue(now: now + .milliseconds(20)))
    }

    @Test
    func aCarryOfAnotherNodeIsWaitedForUntilItStops() {
        var ledger = self.due()
        let isComplete = ledger.counted(part: 1, of: 2, "c", sequence: 2, bytes: 10, now: self.start)
        #expect(!isComplete)
        #expect(!ledger.isDue(now: self.start + .milliseconds(4999)))
        #expect(ledger.isDue(now: self.start + .seconds(5)))
    }
}
