import SluiceBase

/// The severity of a finding, in one set of words for all scanners.
enum Severity {
    private static let words: [String: String] = [
        "critical": "critical", "crit": "critical", "fatal": "critical",
        "high": "high", "important": "high", "major": "high", "error": "high",
        "medium": "medium", "moderate": "medium", "warning": "medium", "warn": "medium",
        "low": "low", "minor": "low", "negligible": "low", "note": "low",
        "info": "info", "informational": "info", "information": "info", "none": "info",
        "unknown": "unknown", "undefined": "unknown",
    ]

    /// The word for a scanner's severity: a name, or a CVSS score such as SARIF's `security-severity`; nil for anything
    /// else.
    static func word(for node: JSONNode) -> String? {
        guard let text = node.scalarText?.lowercased() else { return nil }
        if let word = self.words[text] { return word }
        // CVSS 3.1, section 5: the qualitative scale.
        return Double(finite: text)
            .map { score in
                score >= 9 ? "critical" : score >= 7 ? "high" : score >= 4 ? "medium" : score > 0 ? "low" : "info"
            }
    }

    /// The members that hold scores of CVSS 3 and later, and those of CVSS 2.
    private static let scores: [Set<String>] = [["V40Score", "V3Score", "baseScore", "score"], ["V2Score"]]

    /// The highest score within a value, or the value itself if it is a number; nil where there is none from 0 to 10.
    static func score(in node: JSONNode) -> Double? {
        if let number = node.number { return (0...10).contains(number) ? number : nil }
        for names in self.scores {
            if let score = self.highest(names, in: node) { return score }
        }
        return nil
    }

    private static func highest(_ names: Set<String>, in node: JSONNode) -> Double? {
        var found = node.elements.compactMap { self.highest(names, in: $0) }
        for member in node.members {
            if names.contains(member.name), let score = member.node.number, (0...10).contains(score) {
                found.append(score)
            } else if let score = self.highest(names, in: member.node) {
                found.append(score)
            }
        }
        return found.max()
    }
}
