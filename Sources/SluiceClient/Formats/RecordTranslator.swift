import SluiceBase

/// Output of JSON documents, one a line or over many lines, with lines of text between them: NDJSON, and the scanners
/// of the table (``RecordRule/all``).
struct RecordTranslator: OutputTranslator {
    /// How many values one document may hold: brackets and commas alone must not fill the memory.
    private static let maximumNodeCount = 1_000_000
    /// About how many bytes of messages are made of a document at once: each of a million records may repeat what stands
    /// around it.
    private static let sliceBytes = 256 * 1024

    private let scanID: String
    private let format: ScanFormat
    private let rules: [RecordRule]
    private var collector = DocumentCollector()
    private var printed: PrintedReader
    private var findings = NmapFindings()
    private var pending = PendingRecords()

    /// A translator that has not seen anything.
    ///
    /// - Parameters:
    ///   - format: The format of the output: `ndjson` for messages, `lines` for text with any documents in it.
    ///   - scanID: The scan; a message that names another one is not passed on as it is.
    init(format: ScanFormat, scanID: String) {
        self.format = format
        self.scanID = scanID
        self.rules = RecordRule.all.filter { $0.format == format } + RecordRule.all.filter { $0.format != format }
        self.printed = PrintedReader(format: format)
    }

    /// Whether the output is a scanner's, which may report progress.
    private var isScanner: Bool { self.format != .ndjson && self.format != .lines }

    mutating func translate(_ line: OutputLine, from stream: ScannerStream) -> [ProgressMessage]? {
        if self.isScanner, let progress = PrintedReader.progress(in: line) { return progress }
        guard stream == .standardOutput else { return nil }
        var messages = self.rest()
        let (step, released) = self.collector.append(line)
        for line in released { messages += self.single(line) }
        switch step {
        case .none:
            messages += self.text(line)
        case .held:
            break
        case .whole(let document):
            messages += self.printed.finish() + self.messages(of: document)
        }
        return messages
    }

    var hasMore: Bool { !self.pending.isEmpty }

    mutating func more() -> [ProgressMessage] { self.pending.take(bytes: Self.sliceBytes) }

    private mutating func rest() -> [ProgressMessage] {
        self.hasMore ? self.pending.take(bytes: .max) : []
    }

    mutating func finish() -> [ProgressMessage] {
        var messages = self.rest()
        for line in self.collector.release() { messages += self.single(line) }
        return messages + self.printed.finish()
    }

    /// The format that one line identifies by itself; nil where it could be any.
    static func format(of line: OutputLine) -> ScanFormat? {
        guard let document = self.read(line.bytes) else { return nil }
        let first = document.isObject ? document : document.elements.first
        return first.flatMap { first in RecordRule.all.first { $0.recognises(first) }?.format }
    }

    private static func read(_ bytes: [UInt8]) -> JSONNode? {
        try? JSONReader.read(
            bytes,
            .tolerant(maximumNodeCount: self.maximumNodeCount, leavingOut: RecordRule.leftOutNames)
        )
    }

    // MARK: Documents

    private mutating func messages(of document: DocumentCollector.Document) -> [ProgressMessage] {
        let whole = OutputLine(bytes: document.bytes)
        // NDJSON is what it says, whatever it looks like.
        if self.format == .ndjson, document.lineCount == 1, let message = self.message(whole) { return [message] }
        if let messages = Self.read(whole.bytes).flatMap({ self.records($0, in: whole.bytes) }) { return messages }
        if let message = self.message(whole) { return [message] }
        return KeptRecord.messages(of: whole) ?? document.lines.flatMap { self.single($0) }
    }

    /// A line of a document that is none.
    private func single(_ line: OutputLine) -> [ProgressMessage] {
        if let message = self.message(line) { return [message] }
        return line.isBlank && self.format == .ndjson ? [] : KeptRecord.messages(of: line) ?? [.line(line)]
    }

    private func message(_ line: OutputLine) -> ProgressMessage? {
        let message = NDJSONLine.message(in: line, scanID: self.scanID)
        // What is scanned may write such lines too: it shall not end the scan, nor post what is never dropped.
        guard let message, self.format != .ndjson, ProgressMessage.criticalTypes.contains(message.type) else {
            return message
        }
        return nil
    }

    /// The first messages of a document, or of each of an array; nil where not all of it is of a known kind.
    private mutating func records(_ document: JSONNode, in bytes: [UInt8]) -> [ProgressMessage]? {
        var messages: [ProgressMessage] = []
        var pending = PendingRecords(bytes: bytes)
        for element in document.isObject ? [document] : document.elements {
            guard let format = self.rules.first(where: { $0.recognises(element, asked: self.format) })?.format else {
                return nil
            }
            for rule in self.rules where rule.format == format && rule.recognises(element, asked: self.format) {
                guard let places = rule.records(in: element) else { return nil }
                switch rule.outcome {
                case .message(let type):
                    pending.append(places, by: rule, type: type)
                case .openPort:
                    for place in places {
                        guard let found = self.openPort(place, by: rule) else { return nil }
                        messages += found
                    }
                case .nothing:
                    break
                }
            }
        }
        // Of NDJSON each line is to be seen, whatever it says.
        let mayBeEmpty = self.format != .ndjson && (document.isObject || !document.elements.isEmpty)
        guard mayBeEmpty || !messages.isEmpty || !pending.isEmpty else { return nil }
        self.pending = pending
        return messages + self.more()
    }

    private mutating func openPort(_ place: RecordPlace, by rule: RecordRule) -> [ProgressMessage]? {
        func text(_ name: String) -> String? { rule.fields.first { $0.name == name }?.text(in: place) }
        guard let ip = text("ip") else { return nil }
        return self.findings.open(
            ip: ip,
            name: text("hostname"),
            port: text("port").flatMap { Int($0) },
            protocol: text("protocol")
        )
    }

    // MARK: Text

    private mutating func text(_ line: OutputLine) -> [ProgressMessage] {
        if line.isBlank { return self.format == .lines ? [.line(line)] : [] }
        return self.printed.read(line, findings: &self.findings) ?? self.printed.finish() + [.line(line)]
    }
}
