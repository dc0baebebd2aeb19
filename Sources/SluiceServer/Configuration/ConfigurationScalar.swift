/// A value without parts, as it was written.
struct ConfigurationScalar: Sendable, Equatable {
    /// How the text was given, which decides its allowed types.
    enum Style: Sendable {
        /// Without quotes: a number, a truth value, nothing, or text.
        case plain
        /// In quotes, or as a block: text and nothing else.
        case quoted
        /// By an environment variable, which knows no quotes: whatever its key wants.
        case raw
    }

    var text: String
    var style: Style

    /// Whether the value was left out, or said to be nothing.
    var isNull: Bool {
        self.style != .quoted && ["", "~", "null", "Null", "NULL"].contains(self.text)
    }

    /// Whether YAML takes the value for text.
    var isText: Bool {
        switch self.style {
        case .quoted, .raw:
            true
        case .plain:
            !self.isNull && !Self.isTruthLike(self.text) && !Self.isNumberLike(self.text)
        }
    }

    /// How a fault shows the value: bounded, on one line, and never as it would act on a terminal.
    var shown: String {
        if self.isNull {
            return "nothing"
        }
        let limit = 60
        var shown = ""
        for scalar in self.text.unicodeScalars.prefix(limit) {
            shown += scalar.escaped
        }
        if self.text.unicodeScalars.count > limit {
            shown += "…"
        }
        switch self.style {
        case .plain where !self.isText:
            return shown
        case .quoted where Self.isNumberLike(self.text) || Self.isTruthLike(self.text):
            return "the text \"\(shown)\""
        case .plain, .quoted, .raw:
            return "\"\(shown)\""
        }
    }

    private static func isTruthLike(_ text: String) -> Bool {
        ["true", "false", "yes", "no", "on", "off"].contains(text.lowercased())
    }

    private static func isNumberLike(_ text: String) -> Bool {
        Double(text) != nil || Int(text) != nil || text.hasPrefix("0x") || text.hasPrefix("0o")
    }
}
