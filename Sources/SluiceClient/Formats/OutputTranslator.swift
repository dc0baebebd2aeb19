/// Turns a scanner's output, line by line, into messages.
///
/// No translator decides that a scan is over: only the scanner's exit does.
protocol OutputTranslator: Sendable {
    /// Takes the next line of one stream, and returns the messages that it makes.
    mutating func translate(_ line: OutputLine, from stream: ScannerStream) -> [ProgressMessage]

    /// Both streams have ended: returns what had been held back.
    mutating func finish() -> [ProgressMessage]
}

extension OutputTranslator {
    mutating func finish() -> [ProgressMessage] { [] }
}
