/// The date format of header fields (RFC 9110, section 5.6.7).
internal enum HTTPDate {
    private static let days = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]
    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    /// For example `Sun, 06 Nov 1994 08:49:37 GMT`.
    ///
    /// Seconds before 1970 count as 0.
    static func format(unixSeconds: Int) -> String {
        let seconds = max(0, unixSeconds)
        let (dayNumber, rest) = seconds.quotientAndRemainder(dividingBy: 86400)
        let (year, month, day) = Self.civil(dayNumber: dayNumber)
        let time = [rest / 3600, rest / 60 % 60, rest % 60].map(Self.two).joined(separator: ":")
        return "\(Self.days[dayNumber % 7]), \(Self.two(day)) \(Self.months[month - 1]) \(year) \(time) GMT"
    }

    /// Days since 1970-01-01 to a date of the Gregorian calendar, counted in years that begin in March so that the
    /// leap day comes last.
    private static func civil(dayNumber: Int) -> (year: Int, month: Int, day: Int) {
        let shifted = dayNumber + 719_468
        let era = shifted / 146_097
        let dayOfEra = shifted % 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
        let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day)
    }

    private static func two(_ number: Int) -> String {
        number < 10 ? "0\(number)" : String(number)
    }
}
