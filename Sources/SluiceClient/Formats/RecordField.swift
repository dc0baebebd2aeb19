import SluiceBase

/// One field of a message, and where a record has it.
struct RecordField: Sendable {
    /// What the values of a record become.
    enum Kind: Sendable {
        case text
        case integer
        case number
        case flag

        /// A list of texts, of a list, of a list of objects' own text, or of a single text.
        case texts

        /// Those texts of a list that are identifiers of a catalogue, in capitals, behind the last slash, up to a colon.
        case identifiers(Catalogue)

        /// The same, where the scanner writes the number alone.
        case numbers(Catalogue)

        /// One of `critical`, `high`, `medium`, `low`, `info`, `unknown`.
        case severity

        /// The same, of the numbers that ZAP has for it.
        case risk

        /// The highest score within the value, of CVSS 3 and later where there is one.
        case score

        /// The host of an address.
        case host

        /// The host of an address, and its port as the field `port`.
        case hostAndPort

        /// A text of one line; one of more lines does not count.
        case title

        /// A text without the tags of HTML's paragraphs.
        case paragraphs
    }

    /// A catalogue of faults, by what its identifiers begin with.
    enum Catalogue: String, Sendable {
        /// `CVE-2024-1234`.
        case cve = "CVE-"
        /// `CWE-79`.
        case cwe = "CWE-"

        /// Whether a text is one of its identifiers: a number alone, or another word with the same beginning, is none.
        func contains(_ text: String) -> Bool {
            let parts = text.utf8.split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
            let isNumbered = parts.dropFirst().allSatisfy { $0.allSatisfy { (0x30...0x39).contains($0) } }
            guard text.hasPrefix(self.rawValue), isNumbered else { return false }
            switch self {
            case .cve: return parts.count == 3 && parts[1].count == 4 && (4...19).contains(parts[2].count)
            case .cwe: return parts.count == 2 && (1...5).contains(parts[1].count) && parts[1].contains { $0 != 0x30 }
            }
        }
    }

    /// How many texts of a list go into a message, and how much of each, and of any other text, in bytes.
    private static let maximumListCount = 20
    private static let maximumListedBytes = 1024
    private static let maximumTextBytes = 4096

    let name: String
    let kind: Kind

    /// Where to look, the first that is there counts.
    ///
    /// See ``RecordPlace/node(_:)``.
    let paths: [RecordPath]

    init(_ name: String, _ kind: Kind = .text, _ paths: RecordPath...) {
        self.name = name
        self.kind = kind
        self.paths = paths
    }

    /// Writes the field, if the record has it.
    func write(_ place: RecordPlace, into object: inout JSONWriter) {
        let nodes = self.paths.lazy.compactMap { place.node($0) }
        switch self.kind {
        case .text:
            object.member(self.name, ifPresent: self.text(in: place))
        case .title:
            object.member(self.name, ifPresent: self.text(in: place) { !$0.contains(where: \.isNewline) })
        case .paragraphs:
            object.member(self.name, ifPresent: self.text(in: place).map { Self.withoutParagraphs($0) })
        case .integer:
            object.member(self.name, ifPresent: nodes.compactMap { $0.scalarText.flatMap { Int($0) } }.first)
        case .number:
            if let number = nodes.compactMap(\.number).first { object.member(self.name, number) }
        case .flag:
            if nodes.first?.scalarText == "true" { object.member(self.name, true) }
        case .texts:
            self.write(list: nodes.lazy.map { Self.texts($0) }.first { !$0.isEmpty } ?? [], into: &object)
        case .identifiers(let catalogue):
            let found = nodes.flatMap { Self.texts($0) } as [String]
            let words = found.compactMap { $0.split(separator: "/").last?.prefix { $0 != ":" }.uppercased() }
            self.write(words, of: catalogue, into: &object)
        case .numbers(let catalogue):
            let found = nodes.flatMap { Self.texts($0) } as [String]
            let words = found.map { Int($0) == nil ? $0.uppercased() : catalogue.rawValue + $0 }
            self.write(words, of: catalogue, into: &object)
        case .severity:
            object.member(self.name, ifPresent: nodes.compactMap { Severity.word(for: $0) }.first)
        case .risk:
            let words = ["info", "low", "medium", "high"]
            let risk = nodes.compactMap { $0.scalarText.flatMap { Int($0) } }.first
            object.member(self.name, ifPresent: risk.flatMap { words.indices.contains($0) ? words[$0] : nil })
        case .score:
            if let score = nodes.compactMap({ Severity.score(in: $0) }).first { object.member(self.name, score) }
        case .host, .hostAndPort:
            guard let address = self.text(in: place) else { return }
            let host = HostAndPort(address, port: nil)
            object.member(self.name, ifPresent: host.host)
            if case .hostAndPort = self.kind { object.member("port", ifPresent: host.port) }
        }
    }

    /// The field as a text: the first one for which `counts` is true; nil where there is none.
    func text(in place: RecordPlace, where counts: (String) -> Bool = { _ in true }) -> String? {
        for path in self.paths {
            guard let text = place.node(path)?.scalarText, !text.isEmpty, counts(text) else { continue }
            return text.prefix(bytes: Self.maximumTextBytes)
        }
        return nil
    }

    private static func withoutParagraphs(_ text: String) -> String {
        var result = ""
        var rest = text[...]
        while let open = rest.firstIndex(of: "<") {
            result += rest[..<open]
            rest = rest[open...]
            if rest.hasPrefix("<p>") {
                rest = rest.dropFirst(3)
            } else if rest.hasPrefix("</p>") {
                rest = rest.dropFirst(4)
                if !rest.isEmpty { result += "\n" }
            } else {
                result += "<"
                rest = rest.dropFirst()
            }
        }
        return result + rest
    }

    /// Those of some texts that are identifiers, each once.
    private func write(_ texts: [String], of catalogue: Catalogue, into object: inout JSONWriter) {
        var seen: Set<String> = []
        self.write(list: texts.filter { catalogue.contains($0) && seen.insert($0).inserted }, into: &object)
    }

    private func write(list texts: [String], into object: inout JSONWriter) {
        guard !texts.isEmpty else { return }
        object.member(
            self.name,
            texts.prefix(Self.maximumListCount).map { $0.prefix(bytes: Self.maximumListedBytes) }
        )
    }

    private static func texts(_ node: JSONNode) -> [String] {
        let nodes = node.elements.isEmpty ? [node] : node.elements
        return nodes.compactMap { $0.scalarText ?? $0["id"]?.string ?? $0["name"]?.string }.filter { !$0.isEmpty }
    }
}
