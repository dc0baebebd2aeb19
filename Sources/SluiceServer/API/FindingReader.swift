internal import NIOCore
internal import SluiceBase
internal import SluiceRelay

/// What a message says of something that was found: severity, host, port and tags, whatever its scanner calls them.
///
/// The console reads its rows by the same rules (`model/finding.js`); one list of cases is tested against both.
struct FindingFacts: Equatable {
    /// Severities, the worst first.
    enum Rank: Int, CaseIterable {
        case critical
        case high
        case medium
        case low
        case info
        case unrated
    }

    /// The most tags of one message that are looked at.
    static let maximumTags = 12

    var rank = Rank.unrated
    /// Empty for none.
    var host = ""
    var port: Int?
    /// Each once.
    var tags: [String] = []
}

/// Reads ``FindingFacts`` out of a message's bytes in one pass.
struct FindingReader {
    /// A value that is looked at.
    private enum Value {
        case text(String)
        case number(Double)
        /// Anything else but `null`.
        case other
    }

    /// Fields that are looked at, in the order of ``Field``.
    private static let names: [StaticString] = [
        "severity", "risk", "level",
        "ip", "host", "hostname", "address", "domain", "asset", "target", "matchedAt", "url",
        "port", "portid", "cvss", "cvssScore", "cvss_score", "cvss-score", "score", "tags",
    ]
    private static let ranks = 0..<3
    private static let hosts = 3..<12
    private static let ports = 12..<14
    private static let scores = 14..<19
    private static let tags = 19

    /// Types of messages about the scan itself, and of lines of output: they are no findings.
    private static let aboutTheScan: Set<String> = [
        "scanStarted", "phaseStarted", "phaseCompleted", "scanProgress", "progress", "stats", "scanCompleted", "error",
        "line", "output", "log", "messagesDropped", "scanStalled", "scanResumed", "heartbeat",
    ]
    /// Those among them that are no findings even with a severity.
    private static let neverFindings: Set<String> = ["error", "line", "output", "log"]

    private var scanner = JSONScanner(maximumDepth: JSONNesting.capacity)
    private var values = [Value?](repeating: nil, count: FindingReader.names.count)
    private var tags: [String] = []

    /// The facts of a message; nil if it is no finding.
    static func read(_ message: Message) -> FindingFacts? {
        let isAboutTheScan = Self.aboutTheScan.contains(message.type)
        if isAboutTheScan, message.severity == nil || Self.neverFindings.contains(message.type) {
            return nil
        }
        var reader = FindingReader()
        do throws(JSONFault) {
            try reader.scan(message.body.readableBytesUInt8Span)
        } catch {
            // What was stored was checked: a message that cannot be read any more is a finding without any facts.
            return isAboutTheScan ? nil : FindingFacts()
        }
        if isAboutTheScan, reader.text(0) == nil {
            return nil
        }
        return reader.facts
    }

    /// Passes over the object's members after its opening brace.
    ///
    /// Of a name that stands there twice the last one counts.
    private mutating func scan(_ bytes: Span<UInt8>) throws(JSONFault) {
        repeat {
            _ = try self.scanner.token(bytes)
            let field = Self.field(try self.scanner.scanKey(bytes), bytes)
            let first = try self.scanner.token(bytes)
            guard let field else {
                try self.scanner.skipValue(bytes, first: first)
                continue
            }
            if field == Self.tags {
                self.tags = try self.scanTags(bytes, first: first)
            } else if Self.scores.contains(field), first == UInt8(ascii: "{") {
                self.values[field] = try self.scanScore(bytes)
            } else {
                self.values[field] = try self.scanValue(bytes, first: first)
            }
        } while try self.scanner.scanSeparator(bytes, closing: UInt8(ascii: "}"))
    }

    private static func field(_ key: JSONString, _ bytes: Span<UInt8>) -> Int? {
        guard !key.hasEscapes else {
            let name = key.unescaped(bytes)
            return self.field(name.span, name.indices)
        }
        return self.field(bytes, key.contents)
    }

    private static func field(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Int? {
        for (field, name) in self.names.enumerated() where bytes.holds(name, in: range) {
            return field
        }
        return nil
    }

    private mutating func scanValue(_ bytes: Span<UInt8>, first: UInt8) throws(JSONFault) -> Value? {
        let start = self.scanner.offset
        switch first {
        case UInt8(ascii: "\""):
            return .text(String(decoding: try self.scanner.scanString(bytes).unescaped(bytes), as: UTF8.self))
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
            try self.scanner.skipValue(bytes, first: first)
            var digits: [UInt8] = []
            for offset in start..<self.scanner.offset {
                digits.append(bytes[offset])
            }
            return Double(String(decoding: digits, as: UTF8.self)).map { .number($0) } ?? .other
        default:
            try self.scanner.skipValue(bytes, first: first)
            return first == UInt8(ascii: "n") ? nil : .other
        }
    }

    /// The `score` of an object, or its `baseScore`.
    private mutating func scanScore(_ bytes: Span<UInt8>) throws(JSONFault) -> Value {
        var (score, baseScore): (Value?, Value?)
        self.scanner.offset += 1
        if try self.scanner.token(bytes) == UInt8(ascii: "}") {
            self.scanner.offset += 1
            return .other
        }
        repeat {
            _ = try self.scanner.token(bytes)
            let key = try self.scanner.scanKey(bytes)
            let value = try self.scanValue(bytes, first: try self.scanner.token(bytes))
            if bytes.holds("score", in: key.contents) {
                score = value
            } else if bytes.holds("baseScore", in: key.contents) {
                baseScore = value
            }
        } while try self.scanner.scanSeparator(bytes, closing: UInt8(ascii: "}"))
        return score ?? baseScore ?? .other
    }

    /// Texts out of a list, or out of one text with commas.
    private mutating func scanTags(_ bytes: Span<UInt8>, first: UInt8) throws(JSONFault) -> [String] {
        guard first == UInt8(ascii: "[") else {
            guard case .text(let text)? = try self.scanValue(bytes, first: first) else {
                return []
            }
            return Self.tags(Self.parts(of: text))
        }
        var texts: [String] = []
        self.scanner.offset += 1
        if try self.scanner.token(bytes) == UInt8(ascii: "]") {
            self.scanner.offset += 1
            return []
        }
        repeat {
            let value = try self.scanValue(bytes, first: try self.scanner.token(bytes))
            if case .text(let text)? = value, texts.count < FindingFacts.maximumTags, !ShownText.trimmed(text).isEmpty {
                texts.append(text)
            }
        } while try self.scanner.scanSeparator(bytes, closing: UInt8(ascii: "]"))
        return Self.tags(texts)
    }

    /// What commas part, but for blanks; no more than there are tags.
    private static func parts(of text: String) -> [String] {
        var parts: [String] = []
        var rest = Substring(text).utf8
        while parts.count < FindingFacts.maximumTags, !rest.isEmpty {
            let end = rest.firstIndex(of: UInt8(ascii: ",")) ?? rest.endIndex
            let part = String(Substring(rest[..<end]))
            if !ShownText.trimmed(part).isEmpty {
                parts.append(part)
            }
            rest = rest[end...].dropFirst()
        }
        return parts
    }

    private static func tags(_ texts: [String]) -> [String] {
        let trimmed = texts.map { ShownText.trimmed($0) }.filter { !$0.isEmpty }.prefix(FindingFacts.maximumTags)
        var tags: [String] = []
        for text in trimmed.map({ ShownText.shown($0, limit: 60) }) where !tags.contains(text) {
            tags.append(text)
        }
        return tags
    }

    private var facts: FindingFacts {
        FindingFacts(rank: self.rank, host: self.host, port: self.port, tags: self.tags)
    }

    private var host: String {
        // A message that names a host means it; an address of something on it stands in.
        Self.hosts.lazy.compactMap { self.text($0) }.first.map { ShownText.bareHost(of: $0) } ?? ""
    }

    private var port: Int? {
        switch Self.ports.lazy.compactMap({ self.values[$0] }).first {
        case .number(let number): Int(exactly: number).flatMap { 0...65_535 ~= $0 ? $0 : nil }
        case .text(let text): Self.port(ShownText.trimmed(text))
        case .other, nil: nil
        }
    }

    private static func port(_ text: String) -> Int? {
        guard 1...5 ~= text.utf8.count, text.utf8.allSatisfy({ UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }) else {
            return nil
        }
        return Int(text).flatMap { $0 <= 65_535 ? $0 : nil }
    }

    private var rank: FindingFacts.Rank {
        switch Self.ranks.lazy.compactMap({ self.values[$0] }).first {
        case .text(let text):
            let word = ShownText.trimmed(text)
            if let rank = FindingFacts.Rank(word: word.lowercased()) {
                return rank
            }
            if let score = ShownText.number(word) {
                return FindingFacts.Rank(score: score)
            }
        case .number(let score) where score.isFinite:
            return FindingFacts.Rank(score: score)
        case .number, .other, nil:
            break
        }
        return self.score.map { FindingFacts.Rank(score: $0) } ?? .unrated
    }

    /// The first of the CVSS scores that is one.
    private var score: Double? {
        for field in Self.scores {
            let score: Double? =
                switch self.values[field] {
                case .number(let number): number
                case .text(let text): ShownText.number(ShownText.trimmed(text))
                case .other, nil: nil
                }
            if let score, 0...10 ~= score {
                return score
            }
        }
        return nil
    }

    /// The text of a field, without white space around it; nil if it has none.
    private func text(_ field: Int) -> String? {
        guard case .text(let text)? = self.values[field] else {
            return nil
        }
        let trimmed = ShownText.trimmed(text)
        return trimmed.isEmpty ? nil : trimmed
    }
}

extension FindingFacts.Rank {
    private static let words: [String: FindingFacts.Rank] = [
        "critical": .critical, "crit": .critical, "fatal": .critical, "emergency": .critical, "severe": .critical,
        "high": .high, "important": .high, "major": .high, "error": .high, "danger": .high,
        "medium": .medium, "med": .medium, "moderate": .medium, "warning": .medium, "warn": .medium,
        "low": .low, "minor": .low, "negligible": .low,
        "info": .info, "informational": .info, "information": .info, "none": .info, "note": .info, "notice": .info,
        "log": .info, "unknown": .info,
    ]

    /// A severity as scanners write it, in lower case.
    fileprivate init?(word: String) {
        guard let rank = Self.words[word] else {
            return nil
        }
        self = rank
    }

    /// CVSS 3.1, section 5: the qualitative scale.
    fileprivate init(score: Double) {
        self =
            switch score {
            case 9...: .critical
            case 7...: .high
            case 4...: .medium
            default: score > 0 ? .low : .info
            }
    }
}
