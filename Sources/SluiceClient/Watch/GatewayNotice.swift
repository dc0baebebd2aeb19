import SluiceBase

/// A notice of the gateway about a subscription, in words for a person.
enum GatewayNotice {
    /// The words for one of the gateway's own messages; nothing in them can steer a terminal.
    static func words(for message: WatchedMessage) -> String {
        DisplayText.safe(self.sentence(for: message))
    }

    private static func sentence(for message: WatchedMessage) -> String {
        let node = message.node
        switch message.type {
        case "lag":
            let count = node["skippedMessages"]?.integer.map { "\($0) message(s)" } ?? "messages"
            let place = node["since"]?.integer.map { " after \($0)" } ?? ""
            return "\(count)\(place) were missed\(self.cause(node["reason"]?.string ?? ""))"
        case "scanStalled":
            let time = node["silentFor"]?.number.map { " for \(Int(clamping: $0)) s" } ?? ""
            return "nothing was heard of the scanner\(time)"
        case "scanResumed":
            return "the scanner is heard of again"
        case "tokenExpiring":
            let time = node["expiresIn"]?.number.map { "in \(Int(clamping: $0)) s" } ?? "soon"
            return "the token expires \(time)"
        default:
            let code = node["code"]?.string.map { " (\($0))" } ?? ""
            return (node["message"]?.string ?? "the gateway reports an error") + code
        }
    }

    private static func cause(_ reason: String) -> String {
        switch reason {
        case "":
            ""
        case "slow_client":
            ": they were not taken fast enough here"
        case "overflow":
            ": more came than a subscriber is sent"
        case "history_evicted":
            ": they are no longer kept"
        default:
            ": \(reason)"
        }
    }
}
