import NIOCore
import SluiceBase
import SluiceRelay
import Testing

@testable import SluiceServer

@Suite("When receivers of hooks are told")
struct HookScheduleTests {
    private static let start = NIODeadline.uptimeNanoseconds(1_000_000_000_000)

    private static func delivery(_ id: Int, to url: String = "a") -> HookDelivery {
        HookDelivery(id: "\(id)", url: url, at: WallTime(milliseconds: 0), body: Array(repeating: 0, count: 100))
    }

    private static func schedule(_ ids: ClosedRange<Int>, to url: String = "a", count: Int = 100) -> HookSchedule {
        var limits = GatewayConfiguration.Limits.Hooks()
        limits.count = count
        var schedule = HookSchedule(limits: limits)
        for id in ids {
            _ = schedule.add(Self.delivery(id, to: url), endsAt: Self.start + HookSchedule.lifetime)
        }
        return schedule
    }

    @Test("A receiver that works gets some at a time, in their order")
    func works() {
        var schedule = Self.schedule(1...6)
        #expect(schedule.begin(now: Self.start).attempts.map(\.id) == ["1", "2", "3", "4"])
        #expect(schedule.begin(now: Self.start).attempts.isEmpty)
        #expect(schedule.deadline == nil)
        let verdict = schedule.ended(Self.delivery(2), .delivered, now: Self.start, chance: 0.5)
        #expect(verdict == HookSchedule.Verdict(isOver: true))
        #expect(schedule.begin(now: Self.start).attempts.map(\.id) == ["5"])
        #expect(schedule.counts.delivered == 1 && schedule.counts.waiting == 5)
    }

    @Test("One that fails is asked again after twice as long each time, with the first that it lacks; then gets all")
    func backOff() {
        var schedule = Self.schedule(1...5)
        var now = Self.start
        for delivery in schedule.begin(now: now).attempts.reversed() {
            let verdict = schedule.ended(delivery, .failed(retryAfter: nil), now: now, chance: 0.5)
            #expect(verdict.changesHealth == (delivery.id == "4") && !verdict.isOver)
        }
        var pauses: [Int64] = []
        for _ in 0..<9 {
            let next = schedule.deadline ?? .distantFuture
            #expect(schedule.begin(now: next - .nanoseconds(1)).attempts.isEmpty)
            pauses.append((next - now).nanoseconds / 1_000_000_000)
            now = next
            #expect(schedule.begin(now: now).attempts.map(\.id) == ["1"])
            _ = schedule.ended(Self.delivery(1), .failed(retryAfter: nil), now: now, chance: 0.5)
        }
        // Four failed together: the pause after the last of them is 8 s.
        #expect(pauses == [8, 16, 32, 64, 128, 256, 512, 600, 600])
        now = schedule.deadline ?? now
        _ = schedule.begin(now: now)
        #expect(schedule.ended(Self.delivery(1), .delivered, now: now, chance: 0.5).changesHealth)
        #expect(schedule.begin(now: now).attempts.map(\.id) == ["2", "3", "4", "5"])
    }

    @Test("A receiver that says for how long is left alone for that, up to an hour; chance spreads the pauses")
    func retryAfter() {
        for (asked, chance, expected) in [(20, 0.5, 20_000), (86_400, 0.5, 3_600_000), (0, 0, 800), (0, 1, 1200)] {
            var schedule = Self.schedule(1...1)
            _ = schedule.begin(now: Self.start)
            _ = schedule.ended(
                Self.delivery(1),
                .failed(retryAfter: .seconds(Int64(asked))),
                now: Self.start,
                chance: chance
            )
            #expect(schedule.deadline == Self.start + .milliseconds(Int64(expected)))
        }
    }

    @Test("What alone is refused waits by itself and delays no other; what is gone is not tried again")
    func refused() {
        var schedule = Self.schedule(1...6)
        for delivery in schedule.begin(now: Self.start).attempts {
            let outcome: HookSchedule.Outcome = delivery.id == "1" ? .refused : .gone
            #expect(!schedule.ended(delivery, outcome, now: Self.start, chance: 0).changesHealth)
        }
        #expect(schedule.begin(now: Self.start).attempts.map(\.id) == ["5", "6"])
        _ = schedule.ended(Self.delivery(5), .delivered, now: Self.start, chance: 0)
        _ = schedule.ended(Self.delivery(6), .delivered, now: Self.start, chance: 0)
        var now = Self.start
        for milliseconds in [800, 1600, 3200] {
            #expect(schedule.deadline == now + .milliseconds(Int64(milliseconds)))
            #expect(schedule.begin(now: now).attempts.isEmpty && !schedule.isBusy(now: now))
            now = now + .milliseconds(Int64(milliseconds))
            #expect(schedule.begin(now: now).attempts.map(\.id) == ["1"])
            _ = schedule.ended(Self.delivery(1), .refused, now: now, chance: 0)
            // One that comes meanwhile does not wait for it.
            _ = schedule.add(Self.delivery(milliseconds), endsAt: .distantFuture)
            #expect(schedule.begin(now: now).attempts.map(\.id) == ["\(milliseconds)"])
            _ = schedule.ended(Self.delivery(milliseconds), .delivered, now: now, chance: 0)
        }
        #expect(schedule.counts.givenUp == 3 && schedule.counts.failed == 7)
    }

    @Test("A scan that starts and ends without pause is told of 20 times, then once each 5 s; others go on")
    func scanAllowance() throws {
        var schedule = HookSchedule(limits: GatewayConfiguration.Limits.Hooks())
        let (busy, calm) = (try #require(ScanID("busy")), try #require(ScanID("calm")))
        let admitted = (0..<30).count { _ in schedule.admits(busy, deliveryCount: 2, now: Self.start) }
        #expect(admitted == 20 && schedule.counts.dropped == 20)
        let other = schedule.admits(calm, deliveryCount: 2, now: Self.start)
        let early = schedule.admits(busy, deliveryCount: 2, now: Self.start + .milliseconds(4_900))
        let late = schedule.admits(busy, deliveryCount: 2, now: Self.start + .milliseconds(5_100))
        #expect(other && !early && late)
        #expect(schedule.counts.dropped == 22)
    }

    @Test("One receiver's pause is nobody else's")
    func apart() {
        var schedule = Self.schedule(1...1)
        _ = schedule.begin(now: Self.start)
        _ = schedule.ended(Self.delivery(1), .failed(retryAfter: nil), now: Self.start, chance: 1)
        _ = schedule.add(Self.delivery(2, to: "b"), endsAt: .distantFuture)
        #expect(schedule.begin(now: Self.start).attempts.map(\.id) == ["2"])
    }

    @Test("After a day it is given up, waiting or due; an attempt under way is not")
    func expiry() {
        var schedule = Self.schedule(1...5)
        let end = Self.start + HookSchedule.lifetime
        _ = schedule.begin(now: end - .nanoseconds(1))
        #expect(schedule.expire(now: end - .nanoseconds(1)).isEmpty)
        #expect(schedule.expire(now: end).map(\.id) == ["5"])
        _ = schedule.ended(Self.delivery(1), .failed(retryAfter: nil), now: end, chance: 0)
        for id in 2...4 {
            _ = schedule.ended(Self.delivery(id), .delivered, now: end, chance: 0)
        }
        #expect(schedule.begin(now: end + .hours(1)).givenUp.map(\.id) == ["1"])
        #expect(schedule.counts == HookSchedule.Counts(delivered: 3, failed: 1, givenUp: 2))
    }

    @Test("Beyond the bounds the oldest of the receiver that lacks most goes, by count and by bytes")
    func bounds() {
        var schedule = Self.schedule(1...3, to: "away", count: 4)
        _ = schedule.add(Self.delivery(4, to: "b"), endsAt: .distantFuture)
        #expect(schedule.add(Self.delivery(5, to: "b"), endsAt: .distantFuture).map(\.id) == ["1"])
        schedule.limits.bytes = 2 * 356
        #expect(schedule.add(Self.delivery(6, to: "b"), endsAt: .distantFuture).count == 3)
        #expect(schedule.counts == HookSchedule.Counts(dropped: 4, waiting: 2, waitingBytes: 712))
    }

    @Test("What waits for a receiver that nobody names any more is given up, also while it is under way")
    func removed() {
        var schedule = Self.schedule(1...6)
        _ = schedule.begin(now: Self.start)
        #expect(Set(schedule.keep(only: ["b"]).map(\.id)) == ["1", "2", "3", "4", "5", "6"])
        #expect(schedule.ended(Self.delivery(1), .delivered, now: Self.start, chance: 0) == .init())
        #expect(schedule.counts == HookSchedule.Counts(givenUp: 6))
        #expect(!schedule.isBusy(now: .distantFuture) && schedule.deadline == nil)
    }
}
