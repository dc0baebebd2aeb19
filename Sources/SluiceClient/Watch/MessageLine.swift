import SluiceBase

/// Writes a message as one line for a person.
struct MessageLine: Sendable {
    /// How much of one field is shown, in characters.
    private static let maximumFieldLength = 200

    /// Fields that the line shows in another way, or not at all.
    private static let hiddenFields: Set<String> = ["type", "scanId", "seq"]

    /// Whether the line is coloured, by ECMA-48's control sequences.
    let usesColor: Bool

    /// The line, without its end; nothing in it can steer a terminal.
    func text(of message: WatchedMessage) -> String {
        let type = DisplayText.safe(message.type)
        let number = message.seq.map(String.init) ?? ""
        let padding = String(repeating: " ", count: max(6 - number.count, 0))
        let fields = message.isOfGateway ? GatewayNotice.words(for: message) : self.fields(of: message.node)
        let head = self.colored(type, by: Self.color(of: message.type, node: message.node))
        return "\(self.colored(padding + number, by: 2))  \(head)\(fields.isEmpty ? "" : "  ")\(fields)"
    }

    private func fields(of node: JSONNode) -> String {
        node.members
            .filter { !Self.hiddenFields.contains($0.name) }
            .compactMap { member in
                self.value(of: member.node)
                    .map { value in
                        // The text of a `line` speaks for itself.
                        member.name == "text" ? value : self.colored(DisplayText.safe(member.name) + "=", by: 2) + value
                    }
            }
            .joined(separator: " ")
    }

    private func value(of node: JSONNode) -> String? {
        let text: String
        switch node.value {
        case .null:
            return nil
        case .array(let elements):
            text = "[\(elements.count == 0 ? "" : elements.compactMap { self.value(of: $0) }.joined(separator: ", "))]"
        case .object(let members):
            text = "{\(members.map(\.name).joined(separator: ", "))}"
        case .bool, .number, .string:
            text = node.scalarText ?? ""
        }
        let safe = DisplayText.safe(text)
        return safe.count > Self.maximumFieldLength ? safe.prefix(Self.maximumFieldLength) + "…" : safe
    }

    private func colored(_ text: String, by code: Int?) -> String {
        guard self.usesColor, let code else { return text }
        return "\u{1B}[\(code)m\(text)\u{1B}[0m"
    }

    private static func color(of type: String, node: JSONNode) -> Int? {
        switch type {
        case "error", "messagesDropped", "lag":
            31
        case "vulnerabilityFound":
            ["high", "critical"].contains(node["severity"]?.string ?? "") ? 31 : 33
        case "scanStalled":
            33
        case "scanStarted", "phaseStarted", "scanCompleted", "scanResumed":
            1
        case "hostDiscovered", "portFound", "serviceDetected":
            32
        case "line", "scanProgress", "stats":
            nil
        default:
            36
        }
    }
}
