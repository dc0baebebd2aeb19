import Foundation
import Testing

/// Three nodes on one scan, with everything going wrong, by a seed: nothing acknowledged is lost or doubled, and all
/// nodes show one log.
///
/// `SLUICE_SCHEDULES=100000` is the long form, `SLUICE_SEED=7` one of them.
struct ScheduleTests {
    private static let schedules: Range<UInt64> = {
        let environment = ProcessInfo.processInfo.environment
        if let seed = environment["SLUICE_SEED"].flatMap(UInt64.init) {
            return seed..<seed + 1
        }
        return 0..<(environment["SLUICE_SCHEDULES"].flatMap(UInt64.init) ?? 200)
    }()

    @Test
    func nothingThatWasAcknowledgedIsLostOrDoubledWhateverTheClusterDoes() {
        var voids = 0
        var carries = 0
        var unavailable = 0
        for seed in Self.schedules {
            let schedule = Schedule(seed: seed)
            schedule.run()
            let found = schedule.check()
            if !found.isEmpty {
                Issue.record("seed \(seed): \(found.prefix(5).joined(separator: "; "))")
                return
            }
            voids += schedule.voids
            carries += schedule.carries
            unavailable += schedule.failures
        }
        // The faults that this is about do happen.
        if Self.schedules.count >= 200 {
            #expect(voids > 50 && carries > 50 && unavailable > 50, "\(voids) \(carries) \(unavailable)")
        }
    }
}
