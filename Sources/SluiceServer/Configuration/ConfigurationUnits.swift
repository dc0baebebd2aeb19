internal import NIOCore
internal import SluiceBase

/// Durations and sizes as operators write them: `100ms`, `1.5s`, `7d`; `256KiB`, `10MB`, `4096`.
enum ConfigurationUnits {
    /// The longest duration that can be said: ten years.
    ///
    /// Deadlines made of it stay far from overflow.
    static let longest = TimeAmount.hours(10 * 365 * 24)
    /// The largest size that can be said: 1 PiB.
    static let largest = 1 << 50

    private static let durations: [(name: String, nanoseconds: Int64)] = [
        ("ms", 1_000_000),
        ("s", 1_000_000_000),
        ("m", 60_000_000_000),
        ("h", 3_600_000_000_000),
        ("d", 86_400_000_000_000),
    ]

    private static let sizes: [(name: String, bytes: Int)] = [
        ("B", 1),
        ("KB", 1000),
        ("MB", 1_000_000),
        ("GB", 1_000_000_000),
        ("TB", 1_000_000_000_000),
        ("KiB", 1 << 10),
        ("MiB", 1 << 20),
        ("GiB", 1 << 30),
        ("TiB", 1 << 40),
    ]

    static func duration(_ text: String) throws(ConfigurationProblem) -> TimeAmount {
        guard let (number, unit) = Self.split(text) else {
            throw ConfigurationProblem("expected a duration such as 100ms, 5s, 5m, 1h or 7d")
        }
        if unit.isEmpty {
            guard number != 0 else {
                return .zero
            }
            throw ConfigurationProblem("expected a duration with its unit: \(text)ms, \(text)s, \(text)m, …")
        }
        guard let factor = Self.durations.first(where: { $0.name == unit })?.nanoseconds else {
            throw ConfigurationProblem("expected one of the units ms, s, m, h and d")
        }
        let nanoseconds = (number * Double(factor)).rounded()
        guard abs(nanoseconds) <= Double(Self.longest.nanoseconds) else {
            throw ConfigurationProblem("expected at most \(Self.text(Self.longest))")
        }
        return .nanoseconds(Int64(clamping: nanoseconds))
    }

    static func size(_ text: String) throws(ConfigurationProblem) -> Int {
        guard let (number, unit) = Self.split(text) else {
            throw ConfigurationProblem("expected a size such as 4096, 256KiB, 4MiB or 1GiB")
        }
        guard let factor = unit.isEmpty ? 1 : Self.sizes.first(where: { $0.name == unit })?.bytes else {
            throw ConfigurationProblem("expected one of the units B, KB, MB, GB, TB, KiB, MiB, GiB and TiB")
        }
        let bytes = number * Double(factor)
        guard abs(bytes) <= Double(Self.largest) else {
            throw ConfigurationProblem("expected at most \(Self.text(Self.largest))")
        }
        guard bytes == bytes.rounded() else {
            throw ConfigurationProblem("expected whole bytes")
        }
        return Int(clamping: bytes)
    }

    /// The shortest way to write a duration: in the largest unit that leaves no fraction.
    static func text(_ duration: TimeAmount) -> String {
        let nanoseconds = duration.nanoseconds
        guard nanoseconds != 0 else {
            return "0"
        }
        let unit = Self.durations.last { nanoseconds % $0.nanoseconds == 0 }
        return unit.map { "\(nanoseconds / $0.nanoseconds)\($0.name)" } ?? "\(Double(nanoseconds) / 1_000_000)ms"
    }

    /// The shortest way to write a size: in the largest binary unit that leaves no fraction.
    static func text(_ bytes: Int) -> String {
        let unit = Self.sizes.last { $0.name.hasSuffix("iB") && bytes != 0 && bytes % $0.bytes == 0 }
        return unit.map { "\(bytes / $0.bytes)\($0.name)" } ?? "\(bytes)"
    }

    /// The number and the unit of a text; nil if it does not begin with a plain decimal number.
    private static func split(_ text: String) -> (number: Double, unit: String)? {
        let digits = text.prefix { $0.isASCII && ($0.isNumber || $0 == "." || $0 == "-") }
        guard let number = Self.number(String(digits)) else {
            return nil
        }
        return (number, String(text[digits.endIndex...]))
    }

    /// A finite decimal number: a sign, digits, and perhaps a point with digits after it.
    static func number(_ text: String) -> Double? {
        let unsigned = text.hasPrefix("-") ? text.dropFirst() : text[...]
        let parts = unsigned.split(separator: ".", omittingEmptySubsequences: false)
        let areDigits = parts.allSatisfy { part in
            !part.isEmpty && part.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
        }
        guard (1...2).contains(parts.count), areDigits, text.utf8.count <= 40 else {
            return nil
        }
        return Double(text)
    }
}
