internal import NIOCore
internal import SluiceBase

extension ConfigurationKind where Value == Bool {
    static var boolean: Self {
        .scalar(
            "true or false",
            text: { "\($0)" },
            parse: { scalar throws(ConfigurationProblem) in
                switch (scalar.style, scalar.text) {
                case (.plain, "true"), (.raw, "true"):
                    return true
                case (.plain, "false"), (.raw, "false"):
                    return false
                default:
                    throw ConfigurationProblem("expected true or false")
                }
            }
        )
    }
}

extension ConfigurationKind where Value == Int {
    static func integer(_ range: ClosedRange<Int>) -> Self {
        .scalar(
            "a whole number",
            text: { "\($0)" },
            parse: { scalar throws(ConfigurationProblem) in
                guard scalar.style != .quoted,
                    scalar.text.utf8.allSatisfy({ $0 == UInt8(ascii: "-") || ("0"..."9").contains(UnicodeScalar($0)) }),
                    let number = Int(scalar.text)
                else {
                    throw ConfigurationProblem("expected a whole number")
                }
                try Self.check(number, range) { "\($0)" }
                return number
            }
        )
    }

    /// A number of bytes.
    static func size(atLeast least: Int) -> Self {
        .scalar(
            "a size such as 256KiB or 4MiB",
            text: ConfigurationUnits.text,
            parse: { scalar throws(ConfigurationProblem) in
                let size = try ConfigurationUnits.size(scalar.text)
                try Self.check(size, least...ConfigurationUnits.largest, ConfigurationUnits.text)
                return size
            }
        )
    }

    static var port: Self {
        .integer(0...65_535)
    }

    /// How many of something there may be: at least one, and so few that an `Int32` holds it.
    static var count: Self {
        .integer(1...1_000_000_000)
    }
}

extension ConfigurationKind where Value == Double {
    /// A number within the range; With `orZero`, 0 means "without a limit".
    static func number(_ range: ClosedRange<Double>, orZero: Bool = false) -> Self {
        .scalar(
            "a number",
            text: Self.text,
            parse: { scalar throws(ConfigurationProblem) in
                guard scalar.style != .quoted, let number = ConfigurationUnits.number(scalar.text) else {
                    throw ConfigurationProblem("expected a number")
                }
                guard !orZero || number != 0 else {
                    return number
                }
                if orZero, number < range.lowerBound {
                    throw ConfigurationProblem("expected 0, or at least \(Self.text(range.lowerBound))")
                }
                try Self.check(number, range, Self.text)
                return number
            }
        )
    }

    @Sendable private static func text(_ number: Double) -> String {
        number == number.rounded() && abs(number) < 1e15 ? "\(Int(clamping: number))" : "\(number)"
    }
}

extension ConfigurationKind where Value == TimeAmount {
    /// A time of at least `least`, and at most `most`.
    static func duration(atLeast least: TimeAmount, atMost most: TimeAmount = ConfigurationUnits.longest) -> Self {
        .scalar(
            "a duration such as 100ms, 5s or 1h",
            text: ConfigurationUnits.text,
            parse: { scalar throws(ConfigurationProblem) in
                let duration = try ConfigurationUnits.duration(scalar.text)
                try Self.check(duration, least...most, ConfigurationUnits.text)
                return duration
            }
        )
    }
}

extension ConfigurationKind where Value: Comparable {
    private static func check(
        _ value: Value,
        _ range: ClosedRange<Value>,
        _ text: (Value) -> String
    ) throws(ConfigurationProblem) {
        if value < range.lowerBound {
            throw ConfigurationProblem("expected at least \(text(range.lowerBound))")
        }
        if value > range.upperBound {
            throw ConfigurationProblem("expected at most \(text(range.upperBound))")
        }
    }
}

extension ConfigurationKind where Value == GatewayConfiguration.Limits.Memory {
    /// A size, `auto`, or nothing.
    static var memory: Self {
        let size = ConfigurationKind<Int>.size(atLeast: 1)
        return Self(
            hasParts: false,
            text: { memory in
                switch memory {
                case .automatic: "auto"
                case .bytes(let bytes): size.text(bytes)
                case .unlimited: "null"
                }
            },
            read: { node, keyPath, reading in
                guard case .scalar(let scalar) = node.content, !scalar.isNull else {
                    return node.isNull ? .unlimited : size.read(node, keyPath, &reading).map { .bytes($0) }
                }
                if scalar.text == "auto" {
                    return .automatic
                }
                guard scalar.text.first?.isLetter != true else {
                    let message = "expected auto, a size such as 4GiB, or null, found \(scalar.shown)"
                    reading.fault(message, keyPath, at: node.place)
                    return nil
                }
                return size.read(node, keyPath, &reading).map { .bytes($0) }
            }
        )
    }
}
