import NIOCore
import Testing

@testable import SluiceRelay

@Suite("Moves between delivery groups")
struct GroupMoveTests {
    private static let first = TypeFilter(["a"])
    private static let second = TypeFilter(["b"])

    private let schedule: ScheduleOfOneScan

    init() throws {
        self.schedule = try ScheduleOfOneScan(loopCount: 1)
    }

    @Test(
        "Who leaves a group that has spent its second for one that has not gets no second one",
        arguments: [true, false]
    )
    func secondIsNotSpentTwice(isBatched: Bool) throws {
        let mover = try self.schedule.subscriber { ($0.filter, $0.isBatched) = (Self.first, isBatched) }
        let stayer = try self.schedule.subscriber { ($0.filter, $0.isBatched) = (Self.second, isBatched) }
        // More than a second's budget carries.
        let count = isBatched ? 1000 : 20
        self.schedule.world.advance(by: .seconds(2))
        self.post("a", count: count)
        self.schedule.world.advanceThroughTimers(upTo: self.schedule.world.now + .milliseconds(200))
        mover.change(filter: Self.second, framesPerSecond: nil)
        // The session counts its frames in every second: ten of the first type, and then at once ten of the second?
        self.post("b", count: count)
        #expect(try self.schedule.end([mover, stayer]).isEmpty)
        #expect(mover.session?.last == Seq(2 * count))
        #expect(stayer.session?.last == Seq(2 * count))
    }

    @Test("Under a steady load it shares the others' frames again within seconds", arguments: [1, 7, 23, 31])
    func sharesFramesAgain(interval: Int64) throws {
        let mover = try self.schedule.subscriber { $0.filter = Self.first }
        let stayer = try self.schedule.subscriber()
        self.load(seconds: 2, interval)
        mover.change(filter: .everything, framesPerSecond: nil)
        self.load(seconds: 3, interval)
        let before = self.schedule.framesMade
        self.load(seconds: 2, interval)
        // Ten frames a second for both, not for each.
        #expect(self.schedule.framesMade - before <= 21)
        #expect(try self.schedule.end([mover, stayer]).isEmpty)
        #expect(mover.session?.last == stayer.session?.last)
    }

    private func load(seconds: Int64, _ interval: Int64) {
        for _ in 0..<(seconds * 1000 / interval) {
            self.post("a", count: 1)
            self.schedule.world.advanceThroughTimers(upTo: self.schedule.world.now + .milliseconds(interval))
            self.schedule.world.advance(by: .milliseconds(interval))
        }
    }

    private func post(_ type: String, count: Int) {
        for _ in 0..<count {
            self.schedule.post(TestMessage.ordinary(type, "\"n\":1"))
        }
    }
}
