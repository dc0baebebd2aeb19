/// Each line of standard output is a `line` message.
struct LinesTranslator: OutputTranslator {
    func translate(_ line: OutputLine, from stream: ScannerStream) -> [ProgressMessage]? {
        stream == .standardOutput ? [.line(line)] : nil
    }
}
