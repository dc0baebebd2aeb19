import Foundation
import SluiceEngine
import Testing

/// Three nodes on one scan whose log loses what it had, by a seed: afterwards all of them follow one log, and nothing
/// that was acknowledged since is lost or doubled.
///
/// `SLUICE_SCHEDULES=100000` is the long form, `SLUICE_SEED=7` one of them.
struct LossTests {
    private static let schedules: Range<UInt64> = {
        let environment = ProcessInfo.processInfo.environment
        if let seed = environment["SLUICE_SEED"].flatMap(UInt64.init) {
            return seed..<seed + 1
        }
        return 0..<(environment["SLUICE_SCHEDULES"].flatMap(UInt64.init) ?? 30)
    }()

    @Test(arguments: LossSchedule.Harm.allCases)
    func allNodesFollowOneLogWhateverItLoses(harm: LossSchedule.Harm) {
        var (harms, damaged, failed) = (0, 0, 0)
        for seed in Self.schedules {
            let schedule = LossSchedule(seed: seed, harm)
            schedule.run()
            let found = schedule.check()
            if !found.isEmpty {
                failed += 1
                if failed <= 3 {
                    Issue.record("\(harm), seed \(seed): \(found.prefix(5).joined(separator: "; "))")
                }
            }
            harms += schedule.harms
            damaged += schedule.damagedCount
        }
        if failed > 0 { Issue.record("\(harm): \(failed) of \(Self.schedules.count) schedules") }
        // What this is about does happen.
        if Self.schedules.count >= 30 {
            #expect(harm == .roll || harms > 50, "\(harms)")
            #expect(harm != .hostile || damaged > 20, "\(damaged)")
        }
    }
}
