/// nuclei's findings, as JSON lines (`-jsonl`) or as it prints them, and its statistics (`-stats -sj`).
struct NucleiTranslator: OutputTranslator {
    /// How many results that a template extracted go into a message.
    private static let maximumResultCount = 20

    /// How long one extracted result may be, in bytes.
    private static let maximumResultBytes = 1024

    func translate(_ line: OutputLine, from stream: ScannerStream) -> [ProgressMessage] {
        if line.bytes.first == UInt8(ascii: "{") {
            guard let node = try? JSONParser.parse(line.bytes) else { return [] }
            return node["template-id"] == nil ? self.statistics(node) : [self.finding(node)]
        }
        return stream == .standardOutput ? self.printedFinding(line.text) : []
    }

    private func finding(_ node: JSONNode) -> ProgressMessage {
        let info = node["info"]
        let classification = info?["classification"]
        return ProgressMessage("vulnerabilityFound") { object in
            object.set("template", ifPresent: node["template-id"]?.string)
            object.set("name", ifPresent: info?["name"]?.string)
            object.set("severity", ifPresent: info?["severity"]?.string)
            object.set("protocol", ifPresent: node["type"]?.string)
            object.set("host", ifPresent: node["host"]?.string)
            object.set("ip", ifPresent: node["ip"]?.string)
            object.set("port", ifPresent: node["port"]?.scalarText.flatMap { Int($0) })
            object.set("matchedAt", ifPresent: node["matched-at"]?.string)
            object.set("matcher", ifPresent: node["matcher-name"]?.string)
            Self.set("cve", classification?["cve-id"], in: &object)
            Self.set("cwe", classification?["cwe-id"], in: &object)
            if let score = classification?["cvss-score"]?.scalarText.flatMap({ Double($0) }) {
                object.set("cvss", score)
            }
            Self.set("tags", info?["tags"], in: &object)
            Self.set("results", node["extracted-results"], in: &object)
            object.set("timestamp", ifPresent: node["timestamp"]?.string)
        }
    }

    /// A list of strings, or a single one, as a list; nothing if there is none.
    private static func set(_ key: String, _ node: JSONNode?, in object: inout JSONObject) {
        guard let node else { return }
        let texts = node.string.map { [$0] } ?? node.elements.compactMap(\.string)
        guard !texts.isEmpty else { return }
        object.set(
            key,
            texts.prefix(Self.maximumResultCount)
                .map {
                    String(decoding: $0.utf8.prefix(Self.maximumResultBytes), as: UTF8.self)
                }
        )
    }

    /// Reads `{"duration":"0:00:05","hosts":"1","matched":"0","percent":"10","requests":"100",…}`.
    private func statistics(_ node: JSONNode) -> [ProgressMessage] {
        guard let percent = node["percent"]?.scalarText.flatMap({ Double($0) }) else { return [] }
        return [
            ProgressMessage("scanProgress", phase: "nuclei") { object in
                object.set("percent", min(max(percent, 0), 100))
                for key in ["matched", "requests", "total", "errors"] {
                    object.set(key, ifPresent: node[key]?.scalarText.flatMap { Int($0) })
                }
            }
        ]
    }

    /// Reads `[tech-detect:nginx] [http] [info] http://127.0.0.1/ [extracted]`, with or without colours.
    private func printedFinding(_ text: String) -> [ProgressMessage] {
        let words = Self.withoutColours(text).split(separator: " ")
        guard words.count >= 4, words[0...2].allSatisfy({ $0.hasPrefix("[") && $0.hasSuffix("]") }) else { return [] }
        let inner = words[0...2].map { String($0.dropFirst().dropLast()) }
        guard ["info", "low", "medium", "high", "critical", "unknown"].contains(inner[2]) else { return [] }
        let template = inner[0].split(separator: ":", maxSplits: 1).map(String.init)
        return [
            ProgressMessage("vulnerabilityFound") { object in
                object.set("template", ifPresent: template.first)
                object.set("severity", inner[2])
                object.set("protocol", inner[1])
                object.set("matchedAt", String(words[3]))
                object.set("matcher", ifPresent: template.count > 1 ? template[1] : nil)
            }
        ]
    }

    private static func withoutColours(_ text: String) -> String {
        var result = ""
        var isEscape = false
        for scalar in text.unicodeScalars {
            if scalar == "\u{1B}" {
                isEscape = true
            } else if isEscape {
                isEscape = !scalar.properties.isAlphabetic
            } else {
                result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}
