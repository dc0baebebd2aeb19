internal import Logging
internal import SluiceSystem
internal import Synchronization

/// Writes whole lines to a descriptor, one at a time, each by one `write(2)` if the system takes it at once.
final class LogOutput: Sendable {
    /// Standard error, where the gateway's log goes.
    static let standardError = LogOutput(descriptor: STDERR_FILENO)

    /// How long a line waits for a reader that does not read, before the rest of it is lost, in milliseconds.
    private static let patience: CInt = 100

    private let descriptor: CInt
    /// Held while a line is written, so that a line written in two parts is not cut by another.
    private let turn = Mutex(())

    init(descriptor: CInt) {
        self.descriptor = descriptor
    }

    /// Writes a line that ends in a newline.
    ///
    /// A log that cannot be written is no reason to stop: errors mean nothing.
    func write(_ line: String) {
        var line = line
        self.turn.withLock { _ in
            // The string's own UTF-8, alive for the closure.
            line.withUTF8 { bytes in
                unsafe self.write(UnsafeRawBufferPointer(bytes))
            }
        }
    }

    private func write(_ bytes: UnsafeRawBufferPointer) {
        var rest = unsafe bytes[...]
        while unsafe !rest.isEmpty {
            let part = unsafe UnsafeRawBufferPointer(rebasing: rest)
            let count = unsafe SluiceSystem.write(self.descriptor, part.baseAddress, part.count)
            if count > 0 {
                unsafe rest = rest.dropFirst(count)
            } else if !self.mayTryAgain() {
                return
            }
        }
    }

    /// Whether a failed write is worth another: a signal came, or a non-blocking descriptor is ready again in time.
    private func mayTryAgain() -> Bool {
        switch errno {
        case EINTR:
            return true
        case EAGAIN:
            var waiting = pollfd(fd: self.descriptor, events: Int16(POLLOUT), revents: 0)
            return unsafe poll(&waiting, 1, Self.patience) == 1 && waiting.revents & Int16(POLLOUT) != 0
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
}
