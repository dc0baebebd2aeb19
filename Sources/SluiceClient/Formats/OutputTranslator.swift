/// Turns a scanner's output, line by line, into messages.
///
/// No translator decides that a scan is over: only the scanner's exit does.
protocol OutputTranslator: Sendable {
    /// Takes the next line of one stream.
    ///
    /// - Parameters:
    ///   - line: The line.
    ///   - stream: Where it was written.
    /// - Returns: The messages that it makes, none where all of it is said already; nil where the format does not
    ///   know it.
    mutating func translate(_ line: OutputLine, from stream: ScannerStream) -> [ProgressMessage]?

    /// Whether messages of what was taken are still to be made; a next line makes all of them at once.
    var hasMore: Bool { get }

    /// Makes some of them.
    mutating func more() -> [ProgressMessage]

    /// Both streams have ended: returns what had been held back.
    mutating func finish() -> [ProgressMessage]
}

extension OutputTranslator {
    var hasMore: Bool { false }

    mutating func more() -> [ProgressMessage] { [] }

    mutating func finish() -> [ProgressMessage] { [] }

    /// Takes the next line of one stream, and has none of standard output vanish.
    ///
    /// - Parameters:
    ///   - line: The line. One that was cut off is not translated: what is missing may say the opposite.
    ///   - stream: Where it was written.
    /// - Returns: The messages that it makes: where the format does not know a line of standard output, the JSON objects in
    ///   it, else a `line`. Of standard error nil means that it was not known.
    mutating func messages(of line: OutputLine, from stream: ScannerStream) -> [ProgressMessage]? {
        if !line.isTruncated, let messages = self.translate(line, from: stream) {
            // One that the gateway does not take would end as a loss.
            return messages.map { $0.bytes.count <= NDJSONLine.maximumMessageBytes ? $0 : .line(line) }
        }
        guard stream == .standardOutput else { return nil }
        return line.isBlank ? [] : KeptRecord.messages(of: line) ?? [.line(line)]
    }
}

/// The stream that a scanner wrote to.
package enum ScannerStream: Sendable, Hashable {
    case standardOutput
    case standardError
}

/// Makes a `line` message of each line of standard output.
struct LinesTranslator: OutputTranslator {
    func translate(_ line: OutputLine, from stream: ScannerStream) -> [ProgressMessage]? {
        stream == .standardOutput ? [.line(line)] : nil
    }
}
