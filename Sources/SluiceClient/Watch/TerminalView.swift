import Foundation
import SluiceSystem
import Synchronization

/// Shows a watcher's events on standard output.
package final class TerminalView: Sendable {
    private let screen: Mutex<TerminalScreen>
    private let write: @Sendable ([UInt8]) -> Void
    private let report: @Sendable (String) -> Void

    /// A view of standard output, coloured and with a bar if that is a terminal.
    ///
    /// - Parameters:
    ///   - isRaw: Whether messages are written as they came, one a line.
    ///   - report: Takes lines for standard error.
    package convenience init(isRaw: Bool = false, report: @escaping @Sendable (String) -> Void) {
        let environment = ProcessInfo.processInfo.environment
        let isTerminal = isatty(STDOUT_FILENO) == 1 && environment["TERM"] != "dumb"
        // https://no-color.org: set and not empty.
        let usesColor = isTerminal && (environment["NO_COLOR"] ?? "").isEmpty
        self.init(
            style: TerminalScreen.Style(isTerminal: isTerminal && !isRaw, usesColor: usesColor, isRaw: isRaw),
            write: { _ = isRaw ? PassThrough.show(json: $0) : PassThrough.write($0[...], to: .standardOutput) },
            report: report
        )
    }

    init(
        style: TerminalScreen.Style,
        write: @escaping @Sendable ([UInt8]) -> Void,
        report: @escaping @Sendable (String) -> Void
    ) {
        self.screen = Mutex(TerminalScreen(style: style))
        self.write = write
        self.report = report
    }

    /// Shows an event.
    package func show(_ event: WatchEvent) {
        let (output, notice) = self.screen.withLock { $0.show(event, width: Self.width) }
        if !output.isEmpty { self.write(output) }
        if let notice { self.report(notice) }
    }

    /// Takes the bar away.
    package func close() {
        let output = self.screen.withLock { $0.clear() }
        if !output.isEmpty { self.write(output) }
    }

    private static var width: Int {
        var size = winsize()
        guard unsafe ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
        return Int(size.ws_col)
    }
}
