import NIOCore

/// Both streams of a scanner's output: bytes in, messages out.
struct OutputReader: Sendable {
    /// About how many bytes of messages are made at once: a document makes many.
    private static let sliceBytes = 256 * 1024

    /// How much of a line of standard output is kept, in bytes: a record of nuclei holds whole responses.
    private static let maximumLineBytes = 16 * 1024 * 1024

    /// How much of a line of standard error is kept, in bytes.
    private static let maximumErrorLineBytes = 256 * 1024

    private var translator: any OutputTranslator
    private var output = LineSplitter(maximumBytes: Self.maximumLineBytes)
    private var error = LineSplitter(maximumBytes: Self.maximumErrorLineBytes)
    /// Lines that wait for the messages of those before them.
    private var waiting = CircularBuffer<(line: OutputLine, stream: ScannerStream)>()

    /// The last lines of standard error, except those that became messages.
    private(set) var errorTail = ErrorTail()

    /// A reader that has not seen anything.
    init(translator: any OutputTranslator) {
        self.translator = translator
    }

    /// Takes the next bytes of one stream; the first messages of what they complete.
    mutating func append(_ bytes: ArraySlice<UInt8>, from stream: ScannerStream) -> [ProgressMessage] {
        let lines =
            switch stream {
            case .standardOutput: self.output.append(bytes)
            case .standardError: self.error.append(bytes)
            }
        for line in lines { self.waiting.append((line, stream)) }
        return self.more()
    }

    /// A stream has ended; the first messages of its last line.
    mutating func end(_ stream: ScannerStream) -> [ProgressMessage] {
        let line = stream == .standardOutput ? self.output.finish() : self.error.finish()
        if let line { self.waiting.append((line, stream)) }
        return self.more()
    }

    /// Whether there are more messages of what was taken.
    var hasMore: Bool { self.translator.hasMore || !self.waiting.isEmpty }

    /// Makes the next of them.
    mutating func more() -> [ProgressMessage] {
        var messages: [ProgressMessage] = []
        var byteCount = 0
        while byteCount < Self.sliceBytes {
            let next: [ProgressMessage]
            if self.translator.hasMore {
                next = self.translator.more()
            } else if let (line, stream) = self.waiting.popFirst() {
                next = self.messages(of: line, from: stream)
            } else {
                break
            }
            byteCount += next.reduce(0) { $0 + $1.bytes.count }
            messages += next
        }
        return messages
    }

    /// Both streams have ended: all that is left.
    mutating func finish() -> [ProgressMessage] {
        var messages = self.end(.standardOutput) + self.end(.standardError)
        while self.hasMore { messages += self.more() }
        return messages + self.translator.finish()
    }

    private mutating func messages(of line: OutputLine, from stream: ScannerStream) -> [ProgressMessage] {
        if let messages = self.translator.messages(of: line, from: stream) { return messages }
        self.errorTail.append(line)
        return []
    }
}

/// The last lines that a scanner wrote to standard error: why it failed, in its own words.
struct ErrorTail: Sendable {
    /// How many lines are kept, and how much of each and of all of them, in bytes.
    private static let maximumCount = 10
    private static let maximumLineBytes = 500
    private static let maximumBytes = 2000

    private var lines: [String] = []

    /// Takes a line; an empty one says nothing.
    mutating func append(_ line: OutputLine) {
        // Cut before it is looked at: of a long line only its beginning is shown.
        let text = String(decoding: line.bytes.prefix(4 * Self.maximumLineBytes), as: UTF8.self)
        let shown = DisplayText.withoutColours(text).split { $0 == " " || $0 == "\t" }.joined(separator: " ")
        guard !shown.isEmpty else { return }
        if self.lines.count == Self.maximumCount { self.lines.removeFirst() }
        self.lines.append(DisplayText.escaped(shown).prefix(bytes: Self.maximumLineBytes))
    }

    /// The lines, one below the other, control characters written out; nothing if there was none.
    var text: String? {
        var kept = self.lines[...]
        while kept.reduce(kept.count, { $0 + $1.utf8.count }) > Self.maximumBytes, kept.count > 1 { kept.removeFirst() }
        return kept.isEmpty ? nil : kept.joined(separator: "\n")
    }
}
