/// Finds out by the first telling line what a scanner writes, and then leaves the rest to that format's translator.
struct AutoTranslator: OutputTranslator {
    /// How many lines that tell nothing (empty ones, a lone bracket) are held back before they are just lines.
    private static let maximumHeldCount = 4

    private let scanID: String
    private var held: [OutputLine] = []
    private var chosen: (any OutputTranslator)?

    /// A translator that has not seen anything.
    ///
    /// - Parameter scanID: The scan, for the translator to come.
    init(scanID: String) {
        self.scanID = scanID
    }

    mutating func translate(_ line: OutputLine, from stream: ScannerStream) -> [ProgressMessage] {
        if self.chosen != nil { return self.chosen?.translate(line, from: stream) ?? [] }
        // What a scanner says on standard error (warnings, a banner) tells nothing about its output.
        guard stream == .standardOutput else { return [] }
        self.held.append(line)
        if let format = Self.format(of: line, scanID: self.scanID) { return self.choose(format) }
        return self.held.count > Self.maximumHeldCount ? self.choose(.lines) : []
    }

    mutating func finish() -> [ProgressMessage] {
        if self.chosen != nil { return self.chosen?.finish() ?? [] }
        return self.choose(.lines)
    }

    private mutating func choose(_ format: ScanFormat) -> [ProgressMessage] {
        var translator = format.translator(scanID: self.scanID)
        var messages: [ProgressMessage] = []
        for line in self.held { messages += translator.translate(line, from: .standardOutput) }
        self.held = []
        self.chosen = translator
        return messages
    }

    /// The format that a line tells; nothing if it could be any.
    private static func format(of line: OutputLine, scanID: String) -> ScanFormat? {
        let text = line.text.drop { $0 == " " || $0 == "\t" }
        if text.isEmpty || text == "[" { return nil }
        if text.hasPrefix("Starting Nmap ") || text.hasPrefix("<?xml") || text.hasPrefix("<nmaprun") { return .nmap }
        if text.hasPrefix("Discovered open port ") || text.hasPrefix("#masscan") { return .masscan }
        if text.hasPrefix("{") {
            // nuclei's records have a `type` too: the protocol.
            if (try? JSONParser.parse(line.bytes))?["template-id"] != nil { return .nuclei }
            if NDJSONTranslator.message(in: line, scanID: scanID) != nil { return .ndjson }
            if text.contains("\"ip\""), text.contains("\"ports\"") || text.contains("\"proto\"") { return .masscan }
        }
        return .lines
    }
}
