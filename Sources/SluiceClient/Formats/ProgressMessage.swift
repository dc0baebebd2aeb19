import SluiceBase

/// One message for the gateway: its JSON text, and what may happen to it while it waits.
struct ProgressMessage: Sendable, Equatable {
    /// What may be done with a message when there is too much of it.
    enum Urgency: Sendable, Hashable {
        /// Tells how the scan stands as a whole: is never given up.
        case critical
        /// A finding or a line: given up last, oldest first, and counted.
        case ordinary
        /// State that a newer message of the same key replaces.
        case progress(key: String)
    }

    /// The types that say how a scan stands as a whole.
    static let criticalTypes: Set<String> = ["scanStarted", "phaseStarted", "scanCompleted", "error"]

    let type: String
    let urgency: Urgency
    let bytes: [UInt8]

    /// A message whose text is ready.
    ///
    /// - Parameters:
    ///   - type: The value of the text's `type`.
    ///   - phase: The value of the text's `phase`: the key by which `scanProgress` replaces its predecessor.
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

    /// A message of our own making.
    ///
    /// - Parameters:
    ///   - type: Its type.
    ///   - phase: Its phase, written as the field `phase`, if it has one.
    ///   - fill: Adds the other fields.
    init(_ type: String, phase: String? = nil, _ fill: (inout JSONWriter) -> Void = { _ in }) {
        var object = JSONWriter()
        object.beginObject()
        object.member("type", type)
        object.member("phase", ifPresent: phase)
        fill(&object)
        object.endObject()
        self.init(type: type, phase: phase, bytes: object.bytes)
    }

    /// A line of output that means nothing in particular.
    ///
    /// - Parameter line: The line; what is not UTF-8 in it becomes U+FFFD.
    /// - Returns: A `line` message.
    static func line(_ line: OutputLine) -> ProgressMessage {
        let shown = line.bytes.prefix(OutputLine.maximumTextBytes)
        return ProgressMessage("line") { object in
            object.member("text", String(decoding: shown, as: UTF8.self))
            if line.isTruncated || shown.count < line.bytes.count { object.member("truncated", true) }
        }
    }
}
