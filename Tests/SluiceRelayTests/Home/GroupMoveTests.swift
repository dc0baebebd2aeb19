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
        #expect(mover.session?.last == Seq(clamping: 2 * count))
        #expect(stayer.session?.last == Seq(clamping: 2 * count))
    }

    @Test(
        "However often a rate changes, no second has more frames than the highest",
        arguments: [[10, 9], [10, 3, 10, 2, 10, 0.1], [2, 1.9], [1, 5, 0.5]]
    )
    func changingRates(rates: [Double]) throws {
        let highest = rates.max() ?? 0
        let client = try self.schedule.subscriber { ($0.isBatched, $0.framesPerSecond) = (false, highest) }
        self.schedule.world.advance(by: .seconds(2))
        self.post("a", count: 60)
        for step in 1...60 {
            self.schedule.world.advanceThroughTimers(upTo: self.schedule.world.now + .milliseconds(100))
            self.schedule.world.advance(by: .milliseconds(100))
            client.change(filter: nil, framesPerSecond: rates[step % rates.count])
        }
        client.change(filter: nil, framesPerSecond: highest)
        #expect(try self.schedule.end([client]).isEmpty)
        #expect(client.session?.last == 60)
    }

    @Test("A newcomer does not wait until its group has sent what came before", arguments: [true, false])
    func newcomer(replays: Bool) throws {
        let first = try self.schedule.subscriber { $0.isBatched = false }
        self.post("a", count: 200)
        let newcomers = try (0..<3)
            .map { _ in
                try self.schedule.subscriber { ($0.isBatched, $0.since) = (false, replays ? 0 : nil) }
            }
        self.post("a", count: 3)
        self.schedule.world.advanceThroughTimers(upTo: self.schedule.world.now + .milliseconds(200))
        #expect((first.session?.last ?? 0) < 50)
        for newcomer in newcomers {
            #expect(newcomer.session?.last == 203)
        }
        // Once all have the same, one frame is made for all.
        self.schedule.world.advanceThroughTimers(upTo: self.schedule.world.now + .seconds(30))
        self.schedule.world.advance(by: .seconds(2))
        let before = self.schedule.framesMade
        self.post("a", count: 5)
        #expect(try self.schedule.end([first] + newcomers).isEmpty)
        #expect(self.schedule.framesMade - before == 5)
    }

    @Test("A newcomer does not wait for what its group spent where that is long")
    func newcomerOfASlowGroup() throws {
        let first = try self.schedule.subscriber { $0.framesPerSecond = 0.1 }
        self.post("a", count: 1)
        self.schedule.world.advance(by: .seconds(1))
        self.schedule.world.advance(by: .seconds(1))
        #expect(first.session?.last == 1)
        let newcomer = try self.schedule.subscriber { $0.framesPerSecond = 0.1 }
        self.post("a", count: 1)
        self.schedule.world.advanceThroughTimers(upTo: self.schedule.world.now + .milliseconds(200))
        #expect(newcomer.session?.last == 2)
        #expect(first.session?.last == 1)
        // Once both have the same, one frame is made for both.
        self.schedule.world.advanceThroughTimers(upTo: self.schedule.world.now + .seconds(20))
        self.schedule.world.advance(by: .seconds(12))
        let before = self.schedule.framesMade
        self.post("a", count: 1)
        #expect(try self.schedule.end([first, newcomer]).isEmpty)
        #expect(self.schedule.framesMade - before == 1)
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
