internal import Dispatch
internal import Logging
internal import SluiceSystem
internal import Synchronization

/// Writes whole lines to a descriptor, in their order, on a thread of its own, so a slow reader of the log delays nothing.
///
/// Lines wait up to a bound in bytes; lines beyond it are dropped, counted, and reported in the log once it is read again.
final class LogOutput: Sendable {
    /// Standard error, where the gateway's log goes.
    static let standardError = LogOutput(descriptor: STDERR_FILENO)

    private struct State {
        var waiting: [UInt8] = []
        /// Whether the thread is at work, or about to be.
        var isWriting = false
        /// The lines dropped since the start, and those of them that the log does not report yet.
        var droppedCount = 0
        var untoldCount = 0
        var format = GatewayConfiguration.Log.Format.text
    }

    private let descriptor: CInt
    private let maximumBytes: Int
    private let state = Mutex(State())
    private let dispatch = DispatchQueue(label: "sluice.log", qos: .utility)

    /// - Parameters:
    ///   - descriptor: Where lines go; blocking or not.
    ///   - maximumBytes: The most bytes of lines that wait; while some are being written, as many again.
    init(descriptor: CInt, maximumBytes: Int = 1 << 20) {
        self.descriptor = descriptor
        self.maximumBytes = maximumBytes
    }

    /// Sets the form of the line that reports dropped lines.
    func use(_ format: GatewayConfiguration.Log.Format) {
        self.state.withLock { $0.format = format }
    }

    /// How many lines were dropped since the start.
    var droppedCount: Int { self.state.withLock { $0.droppedCount } }

    /// Writes a line that ends in a newline, soon.
    ///
    /// A log that cannot be written is no reason to stop: errors drop the line.
    func write(_ line: String) {
        let bytes = line.utf8
        let begins = self.state.withLock { state in
            guard state.waiting.count + bytes.count <= self.maximumBytes else {
                state.droppedCount += 1
                state.untoldCount += 1
                return false
            }
            state.waiting += bytes
            defer { state.isWriting = true }
            return !state.isWriting
        }
        if begins {
            self.dispatch.async { self.writeWaiting() }
        }
    }

    /// Returns once all waiting lines are written, or the time is over.
    ///
    /// Blocks.
    func flush(milliseconds: Int) {
        let done = DispatchSemaphore(value: 0)
        self.dispatch.async { done.signal() }
        _ = done.wait(timeout: .now() + .milliseconds(milliseconds))
    }

    private func writeWaiting() {
        while let bytes = self.takeWaiting() {
            let count = self.write(bytes)
            let lostCount = bytes[count...].count { $0 == UInt8(ascii: "\n") }
            if lostCount > 0 {
                self.state.withLock { $0.droppedCount += lostCount }
            }
        }
    }

    /// The lines that wait; nil where there are none, and then the thread is done.
    private func takeWaiting() -> [UInt8]? {
        self.state.withLock { state in
            if state.untoldCount > 0 {
                let notice = LogLine(
                    time: .now(),
                    level: .warning,
                    label: "sluice",
                    message: "log lines dropped",
                    metadata: ["lines": .stringConvertible(state.untoldCount)]
                )
                state.waiting += notice.text(state.format).utf8
                state.untoldCount = 0
            }
            defer { state.waiting = [] }
            state.isWriting = !state.waiting.isEmpty
            return state.isWriting ? state.waiting : nil
        }
    }

    /// Writes as many bytes as the descriptor takes, however long that takes; returns how many.
    private func write(_ bytes: [UInt8]) -> Int {
        var count = 0
        while count < bytes.count {
            let written = unsafe bytes.withUnsafeBytes { all in
                let rest = unsafe UnsafeRawBufferPointer(rebasing: all[count...])
                return unsafe SluiceSystem.write(self.descriptor, rest.baseAddress, rest.count)
            }
            if written > 0 {
                count += written
            } else if !self.mayTryAgain() {
                break
            }
        }
        return count
    }

    /// Whether a failed write is worth another: a signal came, or a non-blocking descriptor is ready again.
    private func mayTryAgain() -> Bool {
        switch errno {
        case EINTR:
            return true
        case EAGAIN:
            var waiting = pollfd(fd: self.descriptor, events: Int16(POLLOUT), revents: 0)
            let answer = unsafe poll(&waiting, 1, -1)
            return answer == 1 ? waiting.revents & Int16(POLLOUT) != 0 : answer < 0 && errno == EINTR
        default:
            return false
        }
    }
}

/// Connects swift-log with standard error.
package enum LoggingSetup {
    /// Makes every logger of the process write as the configuration says.
    ///
    /// To be called once, before the first logger.
    ///
    /// - Parameter log: The level to begin with, and the shape of the lines.
    /// - Returns: The level, which changes when the configuration is read again.
    package static func bootstrap(_ log: GatewayConfiguration.Log) -> LogLevel {
        let level = LogLevel(log.level)
        LogOutput.standardError.use(log.format)
        LoggingSystem.bootstrap(
            { label, provider in
                LineLogHandler(
                    label: label,
                    format: log.format,
                    sharedLevel: level,
                    output: .standardError,
                    metadataProvider: provider
                )
            },
            metadataProvider: nil
        )
        return level
    }

    /// Writes lines that are no events, in their place among those that are.
    package static func write(_ text: String) {
        LogOutput.standardError.write(text + "\n")
    }

    /// Waits a moment until what was logged is written: the process is about to end.
    ///
    /// Blocks.
    package static func flush() {
        LogOutput.standardError.flush(milliseconds: 1000)
    }
}
