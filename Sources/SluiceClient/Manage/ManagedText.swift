package import SluiceBase

/// What the gateway tells of scans and connections, for people.
package enum ManagedText {
    /// Scans, a row each.
    ///
    /// - Parameters:
    ///   - scans: As the gateway lists them.
    ///   - now: The time of day, in milliseconds since 1970.
    /// - Returns: The table.
    package static func table(ofScans scans: [JSONNode], now: Int) -> TextTable {
        var table = TextTable([
            .init(head: "SCAN"), .init(head: "STATE"), .init(head: "DONE", isNumeric: true),
            .init(head: "MESSAGES", isNumeric: true), .init(head: "FINDINGS"), .init(head: "LAST", isNumeric: true),
            .init(head: "OWNER"), .init(head: "NAME"),
        ])
        for scan in scans {
            table.append([
                self.text(scan, "scan_id"), self.text(scan, "outcome"),
                scan["percent"]?.double.map { "\(Int(clamping: $0.rounded())) %" } ?? "",
                self.text(scan, "message_count"), self.severities(scan["severities"]),
                self.ago(scan["last_message_at"]?.integer, now: now), self.text(scan, "owner"), self.text(scan, "name"),
            ])
        }
        return table
    }

    /// One scan, a line for each thing that is known of it.
    package static func lines(ofScan scan: JSONNode, now: Int) -> [String] {
        let state = [self.text(scan, "outcome"), self.text(scan, "error")].filter { !$0.isEmpty }
        let progress = [self.text(scan, "phase"), scan["percent"]?.double.map { "\($0) %" } ?? ""]
            .filter { !$0.isEmpty }
        let counts = scan["counts"]?.members.map { "\($0.name) \($0.node.scalarText ?? "")" } ?? []
        return self.lines([
            ("scan", self.text(scan, "scan_id")),
            ("name", self.text(scan, "name")),
            ("owner", self.text(scan, "owner")),
            ("state", state.joined(separator: ": ")),
            ("progress", progress.joined(separator: ", ")),
            ("started", self.moment(scan["started_at"]?.integer, now: now)),
            ("last message", self.moment(scan["last_message_at"]?.integer, now: now)),
            ("messages", self.text(scan, "message_count")),
            ("by type", counts.joined(separator: ", ")),
            ("findings", self.severities(scan["severities"])),
            ("subscribers", self.text(scan, "subscribers")),
            ("position", "\(self.text(scan, "epoch")):\(self.text(scan, "seq"))"),
        ])
    }

    /// Connections, a row each.
    package static func table(ofConnections connections: [JSONNode]) -> TextTable {
        var table = TextTable([
            .init(head: "ID", isNumeric: true), .init(head: "KIND"), .init(head: "USER"), .init(head: "FROM"),
            .init(head: "AGE", isNumeric: true), .init(head: "SENT", isNumeric: true),
            .init(head: "LAGS", isNumeric: true), .init(head: "WAITING", isNumeric: true), .init(head: "SCANS"),
        ])
        for connection in connections {
            table.append([
                self.text(connection, "id"), self.text(connection, "kind"), self.text(connection, "user"),
                self.text(connection, "peer"), self.duration(milliseconds: connection["age_ms"]?.integer ?? 0),
                self.text(connection, "sent_messages"), self.text(connection, "lag_frames"),
                self.text(connection, "waiting_bytes"), self.scans(of: connection),
            ])
        }
        return table
    }

    /// One connection, a line for each thing that is known of it.
    package static func lines(ofConnection connection: JSONNode) -> [String] {
        let own = connection.members.filter { $0.name != "subscriptions" }
        let subscriptions = connection["subscriptions"]?.elements ?? []
        let lines = self.lines(own.map { ($0.name.replacing("_", with: " "), $0.node.scalarText ?? "") })
        return lines
            + subscriptions.flatMap { subscription in
                let parts = subscription.members.filter { $0.name != "scan_id" && $0.name != "skipped" }
                let skipped = subscription["skipped"]?.members ?? []
                let shown =
                    parts.map { ($0.name, $0.node.scalarText ?? "") }
                    + skipped.map { ("skipped \($0.name)", $0.node.scalarText ?? "") }
                return ["", DisplayText.safe("scan \(self.text(subscription, "scan_id"))")]
                    + self.lines(shown.map { ("  \($0.0)", $0.1) })
            }
    }

    /// The first two scans of a connection, and how many more there are.
    private static func scans(of connection: JSONNode) -> String {
        let names = (connection["subscriptions"]?.elements ?? []).map { self.text($0, "scan_id") }
        let more = names.count > 2 ? " +\(names.count - 2)" : ""
        return names.prefix(2).joined(separator: " ") + more
    }

    /// `2 critical, 1 high`; the gateway's own levels first, the worst of them at the front.
    private static func severities(_ node: JSONNode?) -> String {
        let levels = ["critical", "high", "medium", "low", "info"]
        let place = { (name: String) in levels.firstIndex(of: name) ?? levels.count }
        let counts = (node?.members ?? []).filter { $0.node.integer != 0 }
        return counts.sorted { (place($0.name), $0.name) < (place($1.name), $1.name) }
            .map { "\($0.node.scalarText ?? "") \($0.name)" }
            .joined(separator: ", ")
    }

    private static func text(_ node: JSONNode, _ name: String) -> String {
        node[name]?.scalarText ?? ""
    }

    private static func moment(_ milliseconds: Int?, now: Int) -> String {
        milliseconds.map { "\(self.ago($0, now: now)) ago" } ?? ""
    }

    private static func ago(_ milliseconds: Int?, now: Int) -> String {
        guard let milliseconds else {
            return ""
        }
        return self.duration(milliseconds: now.subtractingReportingOverflow(milliseconds).partialValue)
    }

    /// In its largest whole unit: `12 s`, `5 min`, `3 h`, `4 d`.
    private static func duration(milliseconds: Int) -> String {
        let seconds = max(0, milliseconds / 1000)
        return switch seconds {
        case ..<120: "\(seconds) s"
        case ..<7200: "\(seconds / 60) min"
        case ..<172_800: "\(seconds / 3600) h"
        default: "\(seconds / 86_400) d"
        }
    }

    /// Names and values under each other; what is not known is left out.
    private static func lines(_ pairs: [(name: String, value: String)]) -> [String] {
        let known = pairs.filter { !$0.value.isEmpty }
        let width = known.map { $0.name.count }.max() ?? 0
        return known.map { name, value in
            DisplayText.safe("\(name)\(String(repeating: " ", count: width - name.count))  \(value)")
        }
    }
}
