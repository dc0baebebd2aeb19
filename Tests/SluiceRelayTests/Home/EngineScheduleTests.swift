import Testing

@Suite("Random schedules of several relays over one log")
struct EngineScheduleTests {
    @Test(
        "Every node shows the same log, and nothing acknowledged is lost or doubled",
        arguments: 0..<8 as Range<UInt64>
    )
    func randomSchedules(block: UInt64) throws {
        var counts = [Int](repeating: 0, count: 6)
        for seed in (block * 15)..<(block * 15 + 15) {
            let schedule = try EngineSchedule(seed: seed)
            let failures = try schedule.run()
            #expect(failures.isEmpty, "seed \(seed): \(failures.joined(separator: "\n"))")
            counts = zip(counts, schedule.counts).map(+)
        }
        // Overtaken, failed and void drafts, carries read, posts acknowledged and repeated: all of it has happened.
        #expect(counts.allSatisfy { $0 > 0 }, "\(counts)")
    }
}
