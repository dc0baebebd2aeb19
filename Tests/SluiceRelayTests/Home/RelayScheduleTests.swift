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

    @Test("Crowds that read stored scans miss nothing either, whatever happens", arguments: 0..<5 as Range<UInt64>)
    func storedSchedules(block: UInt64) throws {
        for seed in (block * 100)..<(block * 100 + 100) {
            let failures = try RelaySchedule(seed: seed, isStored: true).run()
            #expect(failures.isEmpty, "seed \(seed): \(failures.joined(separator: "\n"))")
        }
    }

    // Each failed once: a notice of silence that a full socket missed, one told twice, a filter changed while its
    // subscriber waited for the scan, messages lost by a move between groups, frames
    // forgotten by two changes of the rate within a second.
    @Test(
        "Schedules that failed once",
        arguments: [326, 366, 438, 519, 539, 688, 763, 799, 923, 930, 934, 20_152, 34_759] as [UInt64]
    )
    func schedulesThatFailed(seed: UInt64) throws {
        let failures = try RelaySchedule(seed: seed, sharesSockets: false).run()
        #expect(failures.isEmpty, "\(failures.joined(separator: "\n"))")
    }
}
