/// Lines that scroll, and on a terminal a bar that stays below them.
///
/// Decides the text to write, and leaves the writing to its caller.
struct TerminalScreen: Sendable {
    /// How the output looks.
    struct Style: Sendable {
        /// Whether a bar is drawn: only on a terminal.
        var isTerminal: Bool
        var usesColor: Bool

        /// Whether messages are written as they came, one a line, and nothing else.
        var isRaw: Bool
    }

    private let style: Style
    private let line: MessageLine
    private var bar = ProgressBar()
    private var drawnBar: String?

    init(style: Style) {
        self.style = style
        self.line = MessageLine(usesColor: style.usesColor)
    }

    /// The text to write for an event.
    ///
    /// - Parameters:
    ///   - event: The event.
    ///   - width: How many columns the terminal has.
    /// - Returns: Bytes for standard output, and a line for standard error.
    mutating func show(_ event: WatchEvent, width: Int) -> (output: [UInt8], notice: String?) {
        switch event {
        case .message(let message):
            return (self.style.isRaw ? message.bytes + [0x0A] : Array(self.show(message, width: width).utf8), nil)
        case .subscribed(_, let recovered):
            return ([], recovered ? nil : "some earlier messages are no longer kept")
        case .interrupted(let reason, let delay):
            let seconds = (delay / .milliseconds(100)).rounded() / 10
            return (self.clear(), "\(reason); trying again in \(seconds) s")
        case .unreadable:
            return (self.clear(), "the gateway sent something that is not JSON")
        }
    }

    /// The text to write when nothing more comes.
    mutating func clear() -> [UInt8] {
        guard self.drawnBar != nil else { return [] }
        self.drawnBar = nil
        return Array("\r\u{1B}[K".utf8)
    }

    private mutating func show(_ message: WatchedMessage, width: Int) -> String {
        let isInBar = self.bar.update(with: message)
        guard self.style.isTerminal else { return self.line.text(of: message) + "\n" }
        let bar = self.bar.text(width: width)
        if isInBar, bar == self.drawnBar { return "" }
        let erase = self.drawnBar == nil ? "" : "\r\u{1B}[K"
        self.drawnBar = bar
        return erase + (isInBar ? "" : self.line.text(of: message) + "\n") + (bar ?? "")
    }
}
