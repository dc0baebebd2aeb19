import NIOCore
import SluiceBase
import Testing

@testable import SluiceRelay
@testable import SluiceStorage

/// The time that counts as age, whatever the time of day does.
@Suite
struct AgeClockTests {
    /// A machine with a time of day that may be set, and time that passes.
    private struct Machine {
        var clock: AgeClock
        var wall: Int64
        var now = NIODeadline.uptimeNanoseconds(5_000_000_000)
        var stepCount = 0
        var followedCount = 0

        init(age: Int64? = nil, wall: Int64 = 1_700_000_000_000) {
            self.wall = wall
            self.clock = AgeClock(
                age: age.map { WallTime(milliseconds: $0) },
                wall: WallTime(milliseconds: wall),
                now: self.now
            )
        }

        /// Lets time pass, a second at a time; the time of day runs this many times as fast.
        mutating func run(seconds: Int, rate: Int64 = 1) {
            for _ in 0..<seconds {
                self.now = self.now + .seconds(1)
                self.wall += 1000 * rate
                self.look()
            }
        }

        mutating func look() {
            let before = self.clock.age
            for event in self.clock.advance(wall: WallTime(milliseconds: self.wall), now: self.now) {
                switch event {
                case .stepped: self.stepCount += 1
                case .followed: self.followedCount += 1
                }
            }
            #expect(self.clock.age >= before)
        }
    }

    private let day: Int64 = 86_400_000

    @Test("While the time of day is right, it is the age")
    func right() {
        var machine = Machine()
        machine.run(seconds: 10_000)
        #expect(machine.clock.age.milliseconds == machine.wall)
        #expect(machine.stepCount == 0 && machine.clock.pendingLead == nil)
    }

    @Test("A wrong time of day for an hour less a minute ages nothing; both steps are told", arguments: [30, -30])
    func wrongForAWhile(days: Int64) {
        var machine = Machine()
        let start = machine.wall
        machine.wall += days * self.day
        machine.run(seconds: 59 * 60)
        #expect(machine.clock.age.milliseconds == start + 59 * 60_000)
        machine.wall -= days * self.day
        machine.run(seconds: 7200)
        #expect(machine.clock.age.milliseconds == start + (59 + 120) * 60_000)
        #expect(machine.stepCount == 2 && machine.followedCount == 0)
    }

    @Test("A time of day that was ahead for an hour is followed")
    func held() {
        var machine = Machine()
        machine.wall += 3 * self.day
        machine.run(seconds: 3600)
        #expect(machine.clock.pendingLead == .hours(72))
        machine.run(seconds: 2)
        #expect(machine.clock.age.milliseconds == machine.wall)
        #expect(machine.stepCount == 1 && machine.followedCount == 1)
    }

    @Test("An hour begins anew with each further step")
    func steppedAgain() {
        var machine = Machine()
        let start = machine.wall
        for _ in 0..<10 {
            machine.wall += self.day
            machine.run(seconds: 3500)
        }
        #expect(machine.clock.age.milliseconds == start + 35_000_000)
        #expect(machine.stepCount == 10 && machine.followedCount == 0)
    }

    @Test("A clock that runs too fast is not followed")
    func fast() {
        var machine = Machine()
        let start = machine.wall
        machine.run(seconds: 4 * 3600, rate: 20)
        // Until it is a minute ahead, age catches up by a sixteenth of the time that passes.
        #expect(machine.clock.age.milliseconds < start + 4 * 3_600_000 + 10_000)
    }

    @Test("A few seconds are made up for")
    func slightlyAhead() {
        var machine = Machine()
        machine.wall += 40_000
        machine.run(seconds: 3600)
        #expect(machine.clock.age.milliseconds == machine.wall && machine.stepCount == 0)
    }

    @Test("A time of day that was set back for good leaves age where it was, and age goes on")
    func back() {
        var machine = Machine()
        let start = machine.wall
        machine.wall -= 10 * self.day
        machine.run(seconds: 3 * 3600)
        #expect(machine.clock.age.milliseconds == start + 3 * 3_600_000)
    }

    @Test("What an earlier process had come to goes on, and time that nobody saw counts after an hour")
    func restarted() {
        let age: Int64 = 1_700_000_000_000
        let short = Machine(age: age, wall: age + 20_000)
        #expect(short.clock.age.milliseconds == age + 20_000)

        var long = Machine(age: age, wall: age + 2 * self.day)
        #expect(long.clock.age.milliseconds == age)
        long.run(seconds: 3599)
        #expect(long.clock.age.milliseconds == age + 3_599_000)
        long.run(seconds: 1)
        #expect(long.clock.age.milliseconds == long.wall && long.stepCount == 0 && long.followedCount == 1)

        let back = Machine(age: age, wall: 0)
        #expect(back.clock.age.milliseconds == age && back.clock.pendingLead == nil)
    }

    @Test("No time of day is too odd")
    func odd() {
        var machine = Machine(age: 0, wall: .max)
        for wall in [Int64.min, 0, .max, -1, .min, .max] {
            machine.wall = wall
            machine.now = machine.now + .hours(2)
            machine.look()
        }
        #expect(machine.stepCount == 6)
    }

    @Test("Parts of a millisecond are not lost")
    func parts() {
        var machine = Machine()
        let start = machine.wall
        for _ in 0..<30_000 {
            machine.now = machine.now + .microseconds(700)
            machine.look()
        }
        #expect(machine.clock.age.milliseconds == start + 21_000)
    }
}
