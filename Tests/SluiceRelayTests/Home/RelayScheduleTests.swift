import Testing

@Suite("Random schedules of the whole relay")
struct RelayScheduleTests {
    @Test("Every subscriber sees what it must, whatever happens", arguments: 0..<10 as Range<UInt64>)
    func randomSchedules(block: UInt64) throws {
        for seed in (block * 100)..<(block * 100 + 100) {
            let failures = try RelaySchedule(seed: seed).run()
            #expect(failures.isEmpty, "seed \(seed): \(failures.joined(separator: "\n"))")
        }
    }
}
