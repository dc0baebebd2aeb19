internal import Logging

/// One line of the log before it has a shape.
///
/// Whatever the values hold, the line stays one line, and shows controls and reordering marks as escapes.
struct LogLine {
    /// A longer text is cut, so that one line cannot fill the log.
    private static let maximumScalarCount = 4096

    var time: LogTime
    var level: Logger.Level
    var label: String
    var message: String
    var metadata: Logger.Metadata

    /// The line in a shape, with a newline at its end.
    func text(_ format: GatewayConfiguration.Log.Format) -> String {
        switch format {
        case .text:
            self.asText
        case .json:
            self.asJSON
        }
    }

    /// `2026-01-31T09:05:00.123Z info     scan completed messages=342 scan=abc-123`.
    private var asText: String {
        let level = self.level.rawValue
        // The longest level has eight letters.
        var line = "\(self.time) \(level)\(String(repeating: " ", count: max(0, 8 - level.count))) "
        line += Self.escaped(self.message, besides: ["\"", "\\"])
        for (key, value) in self.metadata.sorted(by: { $0.key < $1.key }) {
            line += " \(Self.word(key))=\(Self.asText(value))"
        }
        return line + "\n"
    }

    /// `{"time":"…","level":"info","logger":"sluice","message":"scan completed","scan":"abc-123"}`.
    private var asJSON: String {
        let fixed: [(String, String)] = [
            ("time", self.time.description),
            ("level", self.level.rawValue),
            ("logger", self.label),
            ("message", self.message),
        ]
        var members = fixed.map { "\(Self.quoted($0)):\(Self.quoted($1))" }
        for (key, value) in self.metadata.sorted(by: { $0.key < $1.key }) {
            let isTaken = fixed.contains { $0.0 == key }
            members.append("\(Self.quoted(isTaken ? "metadata.\(key)" : key)):\(Self.asJSON(value))")
        }
        return "{" + members.joined(separator: ",") + "}\n"
    }
}

extension LogLine {
    private static func asText(_ value: Logger.MetadataValue) -> String {
        switch value {
        case .string(let text):
            Self.word(text)
        case .stringConvertible(let value):
            Self.word(value.description)
        case .array, .dictionary:
            Self.asJSON(value)
        }
    }

    private static func asJSON(_ value: Logger.MetadataValue) -> String {
        switch value {
        case .string(let text):
            Self.quoted(text)
        case .stringConvertible(let value as any FixedWidthInteger):
            "\(value)"
        case .stringConvertible(let value as Bool):
            "\(value)"
        case .stringConvertible(let value as Double) where value.isFinite:
            "\(value)"
        case .stringConvertible(let value):
            Self.quoted(value.description)
        case .array(let values):
            "[" + values.map(Self.asJSON).joined(separator: ",") + "]"
        case .dictionary(let values):
            "{"
                + values.sorted { $0.key < $1.key }.map { "\(Self.quoted($0.key)):\(Self.asJSON($0.value))" }
                .joined(separator: ",") + "}"
        }
    }

    /// A text as it is, if it cannot be taken for anything else; else in quotes.
    private static func word(_ text: String) -> String {
        let isPlain = text.unicodeScalars.allSatisfy { scalar in
            scalar != "\"" && scalar != "\\" && scalar != "=" && !scalar.properties.isWhitespace && !scalar.isHarmful
        }
        return isPlain && !text.isEmpty && text.unicodeScalars.count <= Self.maximumScalarCount
            ? text : Self.quoted(text)
    }

    /// A JSON string (RFC 8259 section 7).
    private static func quoted(_ text: String) -> String {
        "\"" + Self.escaped(text, besides: []) + "\""
    }

    private static func escaped(_ text: String, besides plain: Set<Unicode.Scalar>) -> String {
        var escaped = ""
        for scalar in text.unicodeScalars.prefix(Self.maximumScalarCount) {
            escaped += plain.contains(scalar) ? String(scalar) : scalar.escaped
        }
        let isCut = text.unicodeScalars.count > Self.maximumScalarCount
        return isCut ? escaped + "…" : escaped
    }
}
