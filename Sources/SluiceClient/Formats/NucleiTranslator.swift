import SluiceBase

/// Translates nuclei's findings, as JSON lines (`-jsonl`), as one array (`-json-export`) or in its default output, and
/// its statistics (`-stats`, `-stats-json`).
struct NucleiTranslator: OutputTranslator {
    /// The most extracted results in a message.
    private static let maximumResultCount = 20

    /// The most bytes of one extracted result, and of any other text of a finding.
    private static let maximumResultBytes = 1024
    private static let maximumTextBytes = 4096

    /// Members that make a record large and are of no use to subscribers.
    private static let leftOutKeys: Set<String> = [
        "request", "response", "curl-command", "template-encoded", "interaction", "issue_trackers",
    ]

    func translate(_ line: OutputLine, from stream: ScannerStream) -> [ProgressMessage]? {
        if let progress = NucleiTextReader.statistics(in: line) { return progress }
        guard let objects = RecordLine.objects(in: line, leavingOut: Self.leftOutKeys) else {
            return stream == .standardOutput ? NucleiTextReader.finding(in: line.text).map { [$0] } : nil
        }
        if objects.count == 1, let progress = Self.statistics(objects[0]) { return progress }
        guard objects.allSatisfy({ $0["template-id"] != nil }) else { return nil }
        return objects.map { self.message($0) }
    }

    /// A template that did not match (`-matcher-status`) is no finding; its line is rebuilt as nuclei prints it.
    private func message(_ node: JSONNode) -> ProgressMessage {
        guard node["matcher-status"]?.scalarText == "false" else { return self.finding(node) }
        let words = [
            Self.text(node["template-id"]), "failed", Self.text(node["type"]), Self.text(node["info"]?["severity"]),
        ]
        let head = words.compactMap { $0 }.map { "[\($0)]" }.joined(separator: " ")
        let fault = Self.text(node["error"]).map { ": \($0)" } ?? ""
        return .line(OutputLine("\(head) \(Self.target(of: node) ?? "")\(fault)"))
    }

    private func finding(_ node: JSONNode) -> ProgressMessage {
        let info = node["info"]
        let classification = info?["classification"]
        let host = HostAndPort(
            Self.text(node["host"]) ?? "",
            port: node["port"]?.scalarText.flatMap { Int($0) }
        )
        return ProgressMessage("vulnerabilityFound") { object in
            object.member("template", ifPresent: Self.text(node["template-id"]))
            object.member("name", ifPresent: Self.text(info?["name"]))
            object.member("severity", ifPresent: Self.text(info?["severity"]))
            object.member("protocol", ifPresent: Self.text(node["type"]))
            object.member("target", ifPresent: Self.target(of: node))
            object.member("host", ifPresent: host.host)
            object.member("ip", ifPresent: Self.text(node["ip"]))
            object.member("port", ifPresent: host.port)
            object.member("matchedAt", ifPresent: Self.text(node["matched-at"]))
            object.member("matcher", ifPresent: Self.text(node["matcher-name"]))
            object.member("extractor", ifPresent: Self.text(node["extractor-name"]))
            Self.set("cve", classification?["cve-id"], in: &object)
            Self.set("cwe", classification?["cwe-id"], in: &object)
            if let score = classification?["cvss-score"]?.number { object.member("cvss", score) }
            Self.set("tags", info?["tags"], in: &object)
            Self.set("results", node["extracted-results"], in: &object)
            object.member("timestamp", ifPresent: Self.text(node["timestamp"]))
        }
    }

    /// The complete address where the template matched.
    private static func target(of node: JSONNode) -> String? {
        self.text(node["matched-at"]) ?? self.text(node["url"]) ?? self.text(node["host"])
    }

    private static func text(_ node: JSONNode?) -> String? {
        guard let text = node?.string, !text.isEmpty else { return nil }
        return text.prefix(bytes: self.maximumTextBytes)
    }

    /// Writes a list of strings, or a single string as a list; nothing if there is none.
    private static func set(_ key: String, _ node: JSONNode?, in object: inout JSONWriter) {
        guard let node else { return }
        let texts = node.string.map { [$0] } ?? node.elements.compactMap(\.string)
        guard !texts.isEmpty else { return }
        object.member(key, self.bounded(texts))
    }

    /// Limits a list of texts, and the size of each, to what a message has room for.
    static func bounded(_ texts: [String]) -> [String] {
        texts.prefix(self.maximumResultCount).map { $0.prefix(bytes: self.maximumResultBytes) }
    }
}

// MARK: - Progress

extension NucleiTranslator {
    /// With nothing to do nuclei reports the largest number there is instead of a percentage.
    private static let maximumPercent = 1000.0

    /// The progress of nuclei; nil where the line has none.
    static func progress(in line: OutputLine) -> [ProgressMessage]? {
        if line.bytes.count < OutputLine.maximumTextBytes, line.bytes.first == UInt8(ascii: "{") {
            return RecordLine.objects(in: line)?.first.flatMap { self.statistics($0) }
        }
        return NucleiTextReader.statistics(in: line)
    }

    /// Reads `{"duration":"0:00:05","hosts":"1","matched":"0","percent":"10","requests":"100",…}`.
    private static func statistics(_ node: JSONNode) -> [ProgressMessage]? {
        guard node["template-id"] == nil, node["requests"] != nil, let percent = node["percent"]?.number else {
            return nil
        }
        return self.progress(percent: percent, counts: { node[$0]?.scalarText.flatMap { Int($0) } })
    }

    /// The message for a percentage and its counts; none where nuclei had nothing to do.
    static func progress(percent: Double, counts: (String) -> Int?) -> [ProgressMessage] {
        guard percent <= self.maximumPercent else { return [] }
        return [
            ProgressMessage("scanProgress", phase: "nuclei") { object in
                object.member("percent", min(max(percent, 0), 100))
                for key in ["matched", "requests", "total", "errors"] {
                    object.member(key, ifPresent: counts(key))
                }
            }
        ]
    }
}
