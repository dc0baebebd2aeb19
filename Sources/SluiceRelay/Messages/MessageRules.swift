internal import SluiceBase

/// The operator's configuration of each type of message, prepared for the check of a message.
package struct MessageRules: Sendable {
    /// The rules for the messages of one type.
    package struct Rule: Sendable, Equatable {
        /// How the messages may be treated on their way.
        package var fate = Fate.ordinary
        /// Whether a message completes its scan.
        package var isTerminal = false
        /// Whether the type is one of the gateway's own, which no producer may use.
        package var isReserved = false
        /// The top-level fields that make up a conflated message's key, in their configured order.
        package var conflationFields: [String] = []
        /// Where `conflationFields` stand in the names that the check looks for.
        fileprivate(set) var fieldIndices: [Int] = []
    }

    /// The prefix of the gateway's other types.
    package static let reservedPrefix = "sluice."
    /// The gateway's own types.
    package static let reservedTypes = [
        "batch", "lag", "subscribed", "unsubscribed", "ack", "pong", "tokenExpiring", "scanStalled", "scanResumed",
    ]

    private var rules: [String: Rule] = [:]
    /// Every field that is part of some type's key, as UTF-8, each once.
    private var fieldNames: [[UInt8]] = []
    /// A bit for each length that a name in `fieldNames` has; all of 63 bytes or more share one.
    private var fieldLengths: UInt64 = 0
    /// The same for the types that have a rule.
    private var typeLengths: UInt64 = 0

    /// The rules that follow from a configuration.
    ///
    /// - Parameter configuration: `critical`, `terminal` and `conflate` count. A type that is both critical and
    ///   conflated is critical.
    package init(_ configuration: RelayConfiguration) {
        for (type, fields) in configuration.conflate {
            self.rules[type, default: Rule()].fate = .conflated
            self.rules[type, default: Rule()].conflationFields = fields
            self.rules[type, default: Rule()].fieldIndices = fields.map { self.internField($0) }
        }
        for type in configuration.critical {
            self.rules[type] = Rule(fate: .critical)
        }
        for type in configuration.terminal {
            self.rules[type, default: Rule()].isTerminal = true
        }
        for type in Self.reservedTypes {
            self.rules[type, default: Rule()].isReserved = true
        }
        self.typeLengths = self.rules.keys.reduce(0) { $0 | Self.lengthBit($1.utf8.count) }
    }

    /// The rules for messages of this type.
    ///
    /// - Parameter type: A message's type, unescaped.
    /// - Returns: The configured rule, or that of ordinary messages.
    package func rule(of type: String) -> Rule {
        if type.utf8.first == UInt8(ascii: "s"), type.utf8.starts(with: Self.reservedPrefix.utf8) {
            return Rule(isReserved: true)
        }
        guard self.typeLengths & Self.lengthBit(type.utf8.count) != 0 else { return Rule() }
        // The dictionary finds canonically equivalent spellings too, but types are compared by their bytes.
        guard let index = self.rules.index(forKey: type), self.rules[index].key.utf8.elementsEqual(type.utf8) else {
            return Rule()
        }
        return self.rules[index].value
    }

    /// Where a top-level key stands among the fields that any type's key is made of.
    ///
    /// - Parameters:
    ///   - bytes: The unescaped bytes that the key stands in.
    ///   - range: Where in them.
    /// - Returns: `nil` for a key that no type's key is made of.
    func fieldIndex(of bytes: Span<UInt8>, in range: Range<Int>) -> Int? {
        guard self.fieldLengths & Self.lengthBit(range.count) != 0 else { return nil }
        return self.fieldNames.firstIndex { bytes.holds($0.span, in: range) }
    }

    private mutating func internField(_ name: String) -> Int {
        let bytes = Array(name.utf8)
        if let known = self.fieldNames.firstIndex(of: bytes) { return known }
        self.fieldNames.append(bytes)
        self.fieldLengths |= Self.lengthBit(bytes.count)
        return self.fieldNames.count - 1
    }

    private static func lengthBit(_ count: Int) -> UInt64 {
        1 << UInt64(min(count, 63))
    }
}
