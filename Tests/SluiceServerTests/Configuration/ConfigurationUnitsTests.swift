import NIOCore
import Testing

@testable import SluiceServer

@Suite("Durations and sizes")
struct ConfigurationUnitsTests {
    @Test(
        "Durations have a unit, and may have a fraction",
        arguments: [
            ("0", TimeAmount.zero), ("0s", .zero), ("100ms", .milliseconds(100)), ("1.5ms", .microseconds(1500)),
            ("5s", .seconds(5)), ("1.5s", .milliseconds(1500)), ("5m", .minutes(5)), ("1h", .hours(1)),
            ("0.5h", .minutes(30)), ("7d", .hours(168)), ("-2s", .seconds(-2)), ("3650d", .hours(87_600)),
        ]
    )
    func duration(text: String, expected: TimeAmount) throws {
        #expect(try ConfigurationUnits.duration(text) == expected)
    }

    @Test(
        "What is no duration is told from what lacks a unit",
        arguments: [
            ("50", "expected a duration with its unit: 50ms, 50s, 50m, …"),
            ("1.5", "expected a duration with its unit: 1.5ms, 1.5s, 1.5m, …"),
            ("5 s", "expected one of the units ms, s, m, h and d"),
            ("5S", "expected one of the units ms, s, m, h and d"),
            ("5us", "expected one of the units ms, s, m, h and d"),
            ("1h30m", "expected one of the units ms, s, m, h and d"),
            ("", "expected a duration such as 100ms, 5s, 5m, 1h or 7d"),
            ("s", "expected a duration such as 100ms, 5s, 5m, 1h or 7d"),
            ("1.s", "expected a duration such as 100ms, 5s, 5m, 1h or 7d"),
            (".5s", "expected a duration such as 100ms, 5s, 5m, 1h or 7d"),
            ("1.2.3s", "expected a duration such as 100ms, 5s, 5m, 1h or 7d"),
            ("--1s", "expected a duration such as 100ms, 5s, 5m, 1h or 7d"),
            ("1e3s", "expected one of the units ms, s, m, h and d"),
            ("inf", "expected a duration such as 100ms, 5s, 5m, 1h or 7d"),
            ("٣s", "expected a duration such as 100ms, 5s, 5m, 1h or 7d"),
            ("99999999999999999999d", "expected at most 3650d"),
        ]
    )
    func noDuration(text: String, message: String) {
        #expect(
            Self.message { () throws(ConfigurationProblem) in _ = try ConfigurationUnits.duration(text) } == message
        )
    }

    @Test(
        "Sizes count bytes, in units of 1000 or of 1024",
        arguments: [
            ("0", 0), ("4096", 4096), ("10240B", 10240), ("256KiB", 262_144), ("4MiB", 4_194_304),
            ("1GiB", 1_073_741_824), ("1TiB", 1_099_511_627_776), ("64KB", 64_000), ("10MB", 10_000_000),
            ("2GB", 2_000_000_000), ("1TB", 1_000_000_000_000), ("1.5MiB", 1_572_864), ("0.5KB", 500),
        ]
    )
    func size(text: String, expected: Int) throws {
        #expect(try ConfigurationUnits.size(text) == expected)
    }

    @Test(
        "What is no size is told why",
        arguments: [
            ("4mb", "expected one of the units B, KB, MB, GB, TB, KiB, MiB, GiB and TiB"),
            ("4M", "expected one of the units B, KB, MB, GB, TB, KiB, MiB, GiB and TiB"),
            ("big", "expected a size such as 4096, 256KiB, 4MiB or 1GiB"),
            ("0.5", "expected whole bytes"),
            ("2000TiB", "expected at most 1024TiB"),
        ]
    )
    func noSize(text: String, message: String) {
        #expect(Self.message { () throws(ConfigurationProblem) in _ = try ConfigurationUnits.size(text) } == message)
    }

    @Test("Values are written as one would write them, and read back the same")
    func text() throws {
        let durations: [(TimeAmount, String)] = [
            (.zero, "0"), (.milliseconds(100), "100ms"), (.seconds(60), "1m"), (.seconds(90), "90s"),
            (.hours(168), "7d"), (.microseconds(1500), "1.5ms"),
        ]
        for (duration, text) in durations {
            #expect(ConfigurationUnits.text(duration) == text)
            #expect(try ConfigurationUnits.duration(text) == duration)
        }
        for (size, text) in [(0, "0"), (256, "256"), (10_240, "10KiB"), (1 << 20, "1MiB"), (1000, "1000")] {
            #expect(ConfigurationUnits.text(size) == text)
            #expect(try ConfigurationUnits.size(text) == size)
        }
    }

    private static func message(_ body: () throws(ConfigurationProblem) -> Void) -> String? {
        do throws(ConfigurationProblem) {
            try body()
            return nil
        } catch {
            return error.message
        }
    }
}
