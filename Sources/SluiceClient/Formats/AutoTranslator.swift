import SluiceBase

/// Detects a scanner's format by the first telling line of standard output, and leaves everything else to that format's
/// translator.
///
/// Text, and documents over several lines, go to the translator of the table's formats.
///
/// On standard error it looks only for progress, even before the first line: anything else there (warnings, a banner)
/// says nothing about the output.
struct AutoTranslator: OutputTranslator {
    /// The most lines without a hint (empty ones, a lone bracket) that are held back; one more makes the output plain
    /// lines.
    private static let maximumHeldCount = 4

    private let scanID: String
    private var held: [OutputLine] = []
    private var chosen: (any OutputTranslator)?

    /// Whether the chosen translator reads standard error.
    private var readsError = false

    /// A translator that has not seen anything.
    ///
    /// - Parameter scanID: The scan, passed on to the chosen translator.
    init(scanID: String) {
        self.scanID = scanID
    }

    mutating func translate(_ line: OutputLine, from stream: ScannerStream) -> [ProgressMessage]? {
        guard stream == .standardOutput else {
            return self.readsError ? self.chosen?.translate(line, from: stream) : Self.progress(in: line)
        }
        if self.chosen != nil { return self.chosen?.translate(line, from: stream) }
        self.held.append(line)
        if let format = Self.format(of: line, scanID: self.scanID) { return self.choose(format) }
        return self.held.count > Self.maximumHeldCount ? self.choose(.lines) : []
    }

    var hasMore: Bool { self.chosen?.hasMore ?? false }

    mutating func more() -> [ProgressMessage] { self.chosen?.more() ?? [] }

    mutating func finish() -> [ProgressMessage] {
        if self.chosen != nil { return self.chosen?.finish() ?? [] }
        return self.choose(.lines)
    }

    private mutating func choose(_ format: ScanFormat) -> [ProgressMessage] {
        // Text may have documents in it: a banner comes before the findings.
        var translator: any OutputTranslator =
            format == .lines
            ? RecordTranslator(format: .lines, scanID: self.scanID) : format.translator(scanID: self.scanID)
        var messages: [ProgressMessage] = []
        for line in self.held { messages += translator.messages(of: line, from: .standardOutput) ?? [] }
        self.held = []
        self.chosen = translator
        self.readsError = ![.lines, .ndjson].contains(format)
        return messages
    }

    /// The progress in a line of any known scanner; nil where it has none.
    private static func progress(in line: OutputLine) -> [ProgressMessage]? {
        MasscanTranslator.progress(in: line) ?? NucleiTranslator.progress(in: line)
            ?? PrintedReader.progress(in: line) ?? NmapTextReader.progress(in: line.text)
    }

    /// The format that a line identifies; nil if it could be any.
    private static func format(of line: OutputLine, scanID: String) -> ScanFormat? {
        let text = line.text.drop { $0 == " " || $0 == "\t" }
        if text.isEmpty || text == "[" || text == "," { return nil }
        for (beginning, format) in self.beginnings where text.hasPrefix(beginning) { return format }
        if text.hasPrefix("{") || text.hasPrefix("[") {
            // A nuclei record has a `type` too, its network protocol, and would pass for a message.
            let record = RecordLine.objects(in: line)?.first
            if record?["template-id"] != nil { return .nuclei }
            if let format = RecordTranslator.format(of: line) { return format }
            if NDJSONLine.message(in: line, scanID: scanID) != nil { return .ndjson }
            if record?["ip"] != nil, record?["ports"] ?? record?["proto"] != nil { return .masscan }
            if NucleiTextReader.finding(in: String(text)) != nil { return .nuclei }
        }
        return .lines
    }

    /// The beginnings of scanners' first lines; the XML of nmap and masscan is read alike.
    private static let beginnings: [(String, ScanFormat)] = [
        ("Starting Nmap ", .nmap), ("<?xml", .nmap), ("<nmaprun", .nmap), ("# Nmap ", .nmap), ("Host: ", .nmap),
        ("Discovered open port ", .masscan), ("#masscan", .masscan), ("# Masscan ", .masscan),
        ("Timestamp: ", .masscan), ("rate:", .masscan), ("- Nikto v", .nikto), ("saddr", .zmap),
    ]
}
