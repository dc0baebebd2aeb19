import NIOCore
import Testing

@testable import SluiceRelay

@Suite("How a subscriber waits for what only it has seen")
struct AheadWaitTests {
    @Test("The leader is asked nine times in twelve seconds, and then its word holds")
    func delays() {
        let start = NIODeadline.uptimeNanoseconds(7)
        var now = start
        var wait = AheadWait(now: now)
        var delays: [Int64] = []
        while let delay = wait.next(now: now) {
            delays.append(delay.nanoseconds / 1_000_000)
            now = now + delay
        }
        #expect(delays == [250, 500, 1000, 2000, 2000, 2000, 2000, 2000, 250])
        #expect(now - start == .seconds(12) && wait.next(now: now + .hours(1)) == nil)
    }
}
