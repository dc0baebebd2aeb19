/// The progress of a scan that a message reports, for the scan's fold.
///
/// A reference, so that the many messages without it stay small.
package final class MessageProgress: Sendable {
    /// The terminal type that tells of a failure.
    static let failureType = "error"
    /// The longest phase and the longest text that are kept, in bytes; the rest of a longer one is cut off.
    static let maximumPhaseBytes = 128
    static let maximumTextBytes = 512
    /// Types besides state whose `phase` and `percent` count.
    private static let phaseTypes: Set<String> = ["phaseStarted", "scanProgress", "progress"]

    /// The string `phase` of a message that is state, or begins a phase.
    package let phase: String?
    /// The number `percent` of such a message, 0 to 100.
    package let percent: Double?
    /// The text of an `error` that ends the scan: its string `message`, else `error`.
    package let text: String?

    package init(phase: String?, percent: Double?, text: String?) {
        self.phase = phase
        self.percent = percent
        self.text = text
    }

    /// The progress in a message with these fields; `nil` if it says nothing of its scan.
    convenience init?(_ fields: NotedFields, type: String, rule: MessageRules.Rule, _ bytes: Span<UInt8>) {
        // Most messages have none of these fields, and their types need not be looked up.
        let tellsPhase =
            (fields.phase != nil || fields.percent != nil)
            && (rule.fate == .conflated || Self.phaseTypes.contains(type))
        let phase = tellsPhase ? fields.text(of: fields.phase, bytes, maximumBytes: Self.maximumPhaseBytes) : nil
        let percent = tellsPhase ? fields.percent(bytes) : nil
        var text: String?
        if rule.isTerminal, type == Self.failureType {
            text =
                fields.text(of: fields.message, bytes, maximumBytes: Self.maximumTextBytes)
                ?? fields.text(of: fields.error, bytes, maximumBytes: Self.maximumTextBytes)
        }
        guard phase != nil || percent != nil || text != nil else { return nil }
        self.init(phase: phase, percent: percent, text: text)
    }
}
