import SluiceBase

/// Reads nuclei's default output, with or without colours.
enum NucleiTextReader {
    private static let severities: Set<String> = ["info", "low", "medium", "high", "critical", "unknown"]

    /// The most bytes of an address or a result that are kept.
    private static let maximumTextBytes = 4096

    /// Reads `[2026-01-02 15:04:05] [tech-detect:nginx] [http] [info] http://127.0.0.1/ ["1.18"]`.
    ///
    /// - Parameter text: The line; `-timestamp` adds the time, `-matcher-status` adds `[matched]` or `[failed]` after
    ///   the template.
    /// - Returns: The finding; nil if the line is none, or the template did not match.
    static func finding(in text: String) -> ProgressMessage? {
        var rest = DisplayText.withoutColours(text)[...]
        var groups: [String] = []
        while let group = self.group(&rest) { groups.append(group) }
        let timestamp = groups.first.flatMap { self.isTime($0) ? $0 : nil }
        if timestamp != nil { groups.removeFirst() }
        guard (3...5).contains(groups.count), let severity = groups.last, self.severities.contains(severity),
            !groups.contains("failed")
        else { return nil }
        let template = groups[0].split(separator: ":", maxSplits: 1).map(String.init)
        let target = rest.prefix { $0 != " " }.prefix(bytes: self.maximumTextBytes)
        guard !target.isEmpty else { return nil }
        rest = rest.drop { $0 != " " }.drop { $0 == " " }
        return ProgressMessage("vulnerabilityFound") { object in
            object.member("template", ifPresent: template.first)
            object.member("severity", severity)
            object.member("protocol", groups[groups.count - 2])
            object.member("target", target)
            object.member("matchedAt", target)
            object.member("matcher", ifPresent: template.count > 1 ? template[1] : nil)
            if let results = self.results(rest) { object.member("results", results) }
            object.member("timestamp", ifPresent: timestamp)
        }
    }

    /// Takes `[text] ` from the front.
    private static func group(_ rest: inout Substring) -> String? {
        guard rest.first == "[", let end = rest.firstIndex(of: "]") else { return nil }
        let group = rest[..<end].dropFirst()
        let following = rest[end...].dropFirst()
        guard following.first == " " else { return nil }
        rest = following.drop { $0 == " " }
        return group.prefix(bytes: self.maximumTextBytes)
    }

    /// Whether a text is a date and a time of day: `2026-01-02 15:04:05`.
    private static func isTime(_ text: String) -> Bool {
        text.utf8.count == 19 && text.utf8.allSatisfy { (0x30...0x39).contains($0) || "- :".utf8.contains($0) }
    }

    /// The texts that a template extracted: the elements of `["1.18","nginx"]`, or the whole text where it is no such
    /// list.
    private static func results(_ text: Substring) -> [String]? {
        guard !text.isEmpty else { return nil }
        let list = try? JSONReader.read(Array(text.utf8))
        let results = list.map { $0.elements.compactMap(\.string) } ?? []
        return results.isEmpty ? [text.prefix(bytes: self.maximumTextBytes)] : NucleiTranslator.bounded(results)
    }

    /// Reads `[0:00:05] | Templates: 1 | Hosts: 1 | RPS: 20 | Matched: 0 | Errors: 0 | Requests: 100/1000 (10%)`.
    static func statistics(in line: OutputLine) -> [ProgressMessage]? {
        guard line.bytes.first == UInt8(ascii: "["), line.bytes.count < OutputLine.maximumTextBytes else { return nil }
        let fields = line.text.split(separator: "|").map { $0.split(separator: ":").map { $0.drop { $0 == " " } } }
        guard fields.count > 1, let last = fields.last, last.first == "Requests", last.count == 2 else { return nil }
        let parts = last[1].split { "/ (%)".contains($0) }
        guard parts.count == 3, let percent = Double(finite: parts[2]) else { return nil }
        return NucleiTranslator.progress(percent: percent) { key in
            switch key {
            case "requests": Int(parts[0])
            case "total": Int(parts[1])
            default: fields.first { $0.first?.lowercased() == key }?.last.flatMap { Int($0.prefix { $0.isNumber }) }
            }
        }
    }
}
