import SluiceBase

/// One message for the gateway: its JSON text, and how it is treated while it waits.
struct ProgressMessage: Sendable, Equatable {
    /// The treatment of a message when too many wait.
    enum Urgency: Sendable, Hashable {
        /// Reports the state of the scan as a whole: never dropped.
        case critical
        /// A finding or a line: dropped last, oldest first, and counted.
        case ordinary
        /// State that a newer message with the same key replaces.
        case progress(key: String)
    }

    /// The types that report the state of the scan as a whole.
    static let criticalTypes: Set<String> = ["scanStarted", "phaseStarted", "scanCompleted", "error"]

    let type: String
    let urgency: Urgency
    let bytes: [UInt8]

    /// A message with a finished text.
    ///
    /// - Parameters:
    ///   - type: The value of the text's `type`.
    ///   - phase: The value of the text's `phase`, the key by which `scanProgress` replaces its predecessor.
    ///   - bytes: The JSON text.
    init(type: String, phase: String?, bytes: [UInt8]) {
        self.type = type
        self.bytes = bytes
        if Self.criticalTypes.contains(type) {
            self.urgency = .critical
        } else {
            switch type {
            case "scanProgress":
                self.urgency = .progress(key: "scanProgress/\(phase ?? "")")
            case "progress", "stats":
                self.urgency = .progress(key: type)
            default:
                self.urgency = .ordinary
            }
        }
    }

    /// A message built here.
    ///
    /// - Parameters:
    ///   - type: Its type.
    ///   - phase: The value of its field `phase`; nil for none.
    ///   - fill: Writes the other fields.
    init(_ type: String, phase: String? = nil, _ fill: (inout JSONWriter) -> Void = { _ in }) {
        var object = JSONWriter()
        object.beginObject()
        object.member("type", type)
        object.member("phase", ifPresent: phase)
        fill(&object)
        object.endObject()
        self.init(type: type, phase: phase, bytes: object.bytes)
    }

    /// A line of output as a message of its own.
    ///
    /// - Parameter line: The line; bytes that are not UTF-8 become U+FFFD.
    /// - Returns: A `line` message.
    static func line(_ line: OutputLine) -> ProgressMessage {
        let shown = line.bytes.prefix(OutputLine.maximumTextBytes)
        return ProgressMessage("line") { object in
            object.member("text", String(decoding: shown, as: UTF8.self))
            if line.isTruncated || shown.count < line.bytes.count { object.member("truncated", true) }
        }
    }
}
