internal import SluiceBase

/// A moment of a log line, in UTC: `2026-01-31T09:05:00.123Z` (RFC 3339).
struct LogTime: Sendable, Equatable, CustomStringConvertible {
    /// Milliseconds since 1970.
    var milliseconds: Int

    static func now() -> LogTime {
        LogTime(milliseconds: Int(WallTime.now().milliseconds))
    }

    var description: String {
        let (days, rest) = self.milliseconds.flooredQuotientAndRemainder(dividingBy: 86_400_000)
        let (year, month, day) = Self.date(daysSince1970: days)
        let clock = [rest / 3_600_000, rest / 60_000 % 60, rest / 1000 % 60].map { Self.padded($0, 2) }
        let date = [Self.padded(year, 4), Self.padded(month, 2), Self.padded(day, 2)]
        return "\(date.joined(separator: "-"))T\(clock.joined(separator: ":")).\(Self.padded(rest % 1000, 3))Z"
    }

    private static func padded(_ number: Int, _ count: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, count - digits.count)) + digits
    }

    /// The Gregorian date, reckoned in years that begin in March, so that the leap day comes last.
    private static func date(daysSince1970: Int) -> (year: Int, month: Int, day: Int) {
        // 719,468 days lie between 1 March of the year 0 and 1970; an era is 400 years, 146,097 days.
        let (era, dayOfEra) = (daysSince1970 + 719_468).flooredQuotientAndRemainder(dividingBy: 146_097)
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
        let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        return (era * 400 + yearOfEra + (month <= 2 ? 1 : 0), month, day)
    }
}

extension Int {
    fileprivate func flooredQuotientAndRemainder(dividingBy divisor: Int) -> (Int, Int) {
        let (quotient, remainder) = self.quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
    }
}
