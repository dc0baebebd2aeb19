/// Both streams of a scanner's output: bytes in, messages out.
struct OutputReader: Sendable {
    /// How much of a line of standard output is kept, in bytes: a record of nuclei holds whole responses.
    private static let maximumLineBytes = 16 * 1024 * 1024

    /// How much of a line of standard error is kept, in bytes.
    private static let maximumErrorLineBytes = 256 * 1024

    private var translator: any OutputTranslator
    private var output = LineSplitter(maximumBytes: Self.maximumLineBytes)
    private var error = LineSplitter(maximumBytes: Self.maximumErrorLineBytes)

    /// What was last said on standard error, but for what became messages.
    private(set) var errorTail = ErrorTail()

    /// A reader that has not seen anything.
    init(translator: any OutputTranslator) {
        self.translator = translator
    }

    /// Takes the next bytes of one stream.
    mutating func append(_ bytes: ArraySlice<UInt8>, from stream: ScannerStream) -> [ProgressMessage] {
        let lines =
            switch stream {
            case .standardOutput: self.output.append(bytes)
            case .standardError: self.error.append(bytes)
            }
        return lines.flatMap { self.messages(of: $0, from: stream) }
    }

    /// Both streams have ended.
    mutating func finish() -> [ProgressMessage] {
        var messages: [ProgressMessage] = []
        if let line = self.output.finish() { messages += self.messages(of: line, from: .standardOutput) }
        if let line = self.error.finish() { messages += self.messages(of: line, from: .standardError) }
        return messages + self.translator.finish()
    }

    private mutating func messages(of line: OutputLine, from stream: ScannerStream) -> [ProgressMessage] {
        if let messages = self.translator.messages(of: line, from: stream) { return messages }
        self.errorTail.append(line)
        return []
    }
}
