import NIOCore
import SluiceHTTP
import Testing

@testable import SluiceServer

@Suite("When a gateway that stops asks everybody to come back")
struct DrainScheduleTests {
    private static let start = NIODeadline.uptimeNanoseconds(5_000_000_000)

    @Test(
        "Never before it is gone, whenever they are sent away and however the draw falls",
        arguments: [.zero, .milliseconds(1), .seconds(1), .seconds(10), .minutes(5)] as [TimeAmount]
    )
    func neverTooEarly(_ grace: TimeAmount) {
        let schedule = DrainSchedule(now: Self.start, grace: grace)
        for part in 0...20 {
            let now = Self.start + .nanoseconds(grace.nanoseconds / 10 * Int64(part))
            for share in [0, 1, 499, 1000] as [Int64] {
                let retryAfter = schedule.retryAfterMilliseconds(now: now, share: share)
                #expect(now + .milliseconds(Int64(retryAfter)) >= schedule.endsAt + DrainSchedule.margin)
                // Nor so late that it is of no use.
                let left = max(.zero, schedule.endsAt - now)
                #expect(retryAfter <= left.nanoseconds / 1_000_000 + max(1000, grace.nanoseconds / 2_000_000) + 501)
            }
        }
    }

    @Test("Those who are sent away together are asked back at different times")
    func spread() {
        let schedule = DrainSchedule(now: Self.start, grace: .seconds(10))
        let times = Set((0..<200).map { _ in schedule.retryAfterMilliseconds(now: Self.start) })
        #expect(times.count > 50)
        #expect(times.max()! - times.min()! > 3000)
    }

    @Test("Connections are ended evenly over the first half of what is left", arguments: [0, 1, 2, 1000])
    func delays(_ count: Int) {
        let schedule = DrainSchedule(now: Self.start, grace: .seconds(10))
        let now = Self.start + .seconds(2)
        let delays = (0..<count).map { schedule.delay(of: $0, among: count, now: now) }
        #expect(delays == delays.sorted())
        #expect(delays.first ?? .zero == .zero)
        #expect(delays.allSatisfy { $0 < .seconds(4) })
        #expect(count < 1000 || delays[500] > .milliseconds(1900))
        #expect(schedule.delay(of: 5, among: 10, now: Self.start + .seconds(60)) == .zero)
    }

    @Test("The same time is said in each protocol's own way")
    func closing() {
        let closing = Closing.draining(retryAfterMilliseconds: 4001)
        #expect(closing.reason == #"{"retryAfterMs":4001}"#)
        #expect(closing.problem.retryAfterSeconds == 5)
        #expect(EventStreamEnd(closing).retryMilliseconds == 4001)
    }
}
