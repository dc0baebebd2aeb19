import NIOCore
import Testing

@testable import SluiceHTTP

@Suite("Draining by a least rate")
struct DrainMachineTests {
    private static let start = NIODeadline.uptimeNanoseconds(1_000_000_000_000)
    private static let least = Int(DrainMachine.leastBytesPerSecond)

    /// When a connection is found stuck that has a megabyte to take, looked at every second for two hours.
    ///
    /// - Parameter taken: How many bytes it takes in each second.
    private static func stuckAfter(_ taken: (Int) -> Int) -> Int? {
        var machine = DrainMachine()
        var written = 1 << 20
        var waiting = 1 << 20
        for second in 0..<7200 {
            let isStuck = machine.isStuck(
                writtenBytes: written,
                waitingBytes: waiting,
                patience: .seconds(30),
                now: Self.start + .seconds(Int64(second))
            )
            if isStuck { return second }
            let share = taken(second)
            waiting -= share
            // It is filled again, so that some bytes always wait.
            written += share
            waiting += share
        }
        return nil
    }

    @Test("Who takes nothing is stuck when the patience is over, and not before")
    func nothing() {
        #expect(Self.stuckAfter { _ in 0 } == 30)
    }

    @Test("A byte now and then buys next to nothing", arguments: [1, 10, 100])
    func trickle(bytes: Int) throws {
        let second = try #require(Self.stuckAfter { _ in bytes })
        // Patience shrinks by the share of the least rate that is missing.
        #expect((30...34).contains(second))
    }

    @Test("Half the least rate is stuck in twice the time, the least rate never")
    func leastRate() {
        #expect(Self.stuckAfter { _ in Self.least / 2 } == 60)
        #expect(Self.stuckAfter { _ in Self.least } == nil)
        #expect(Self.stuckAfter { _ in 64 * 1024 } == nil)
    }

    @Test("What a system takes in heaps counts as much as what it takes evenly")
    func heaps() {
        #expect(Self.stuckAfter { $0 % 20 == 19 ? 64 * 1024 : 0 } == nil)
        // However much it takes at once, it earns no more than the patience.
        #expect(Self.stuckAfter { $0 == 10 ? 1 << 20 : 0 } == 41)
    }

    /// Looks at a connection, this many seconds after the start.
    private static func looks(
        _ machine: inout DrainMachine,
        written: Int,
        waiting: Int,
        at second: Int64,
        patience: TimeAmount = .seconds(30)
    ) -> Bool {
        let now = self.start + .seconds(second)
        return machine.isStuck(writtenBytes: written, waitingBytes: waiting, patience: patience, now: now)
    }

    @Test("Who has taken everything begins anew, whatever was before")
    func anew() {
        var machine = DrainMachine()
        for round in 0..<5 {
            let second = Int64(60 * round)
            let written = 1000 * (round + 1)
            #expect(machine.mayWait(writtenBytes: written))
            var verdicts = [Self.looks(&machine, written: written, waiting: 1000, at: second)]
            verdicts.append(Self.looks(&machine, written: written, waiting: 1000, at: second + 29))
            verdicts.append(Self.looks(&machine, written: written, waiting: 0, at: second + 29))
            #expect(verdicts == [false, false, false])
            #expect(machine.deadline == nil)
            #expect(!machine.mayWait(writtenBytes: written))
        }
    }

    @Test("Bytes that TLS adds count for nothing, for or against")
    func overhead() {
        var machine = DrainMachine()
        var verdicts = [Self.looks(&machine, written: 1000, waiting: 1100, at: 0)]
        verdicts.append(Self.looks(&machine, written: 1000, waiting: 1100, at: 29))
        verdicts.append(Self.looks(&machine, written: 1000, waiting: 1000, at: 30))
        #expect(verdicts == [false, false, false])
        let earned = TimeAmount.nanoseconds(100 * (1_000_000_000 / DrainMachine.leastBytesPerSecond))
        #expect(machine.deadline == Self.start + .seconds(30) + earned)
    }

    @Test("No number overflows")
    func extremes() {
        var machine = DrainMachine()
        let patience = TimeAmount.hours(10 * 365 * 24)
        var verdicts = [Self.looks(&machine, written: 0, waiting: .max, at: 0, patience: patience)]
        verdicts.append(Self.looks(&machine, written: .max, waiting: 1, at: 0, patience: patience))
        #expect(verdicts == [false, false])
        #expect(machine.deadline == Self.start + patience)
    }
}
