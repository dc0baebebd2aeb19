/// Both streams of a scanner's output: bytes in, messages out.
struct OutputReader: Sendable {
    /// How much of a line is kept, in bytes: as much as the gateway takes as one message.
    private static let maximumLineBytes = NDJSONTranslator.maximumMessageBytes

    private var translator: any OutputTranslator
    private var output = LineSplitter(maximumBytes: Self.maximumLineBytes)
    private var error = LineSplitter(maximumBytes: Self.maximumLineBytes)

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
        var messages: [ProgressMessage] = []
        for line in lines { messages += self.translator.translate(line, from: stream) }
        return messages
    }

    /// Both streams have ended.
    mutating func finish() -> [ProgressMessage] {
        var messages: [ProgressMessage] = []
        if let line = self.output.finish() { messages += self.translator.translate(line, from: .standardOutput) }
        if let line = self.error.finish() { messages += self.translator.translate(line, from: .standardError) }
        return messages + self.translator.finish()
    }
}
