package import Logging
internal import Synchronization

/// The least level that is written, shared by all loggers and changeable while they log.
package final class LogLevel: Sendable {
    private let severity: Atomic<Int>

    package init(_ level: Logger.Level) {
        self.severity = Atomic(Self.severity(of: level))
    }

    /// The least level that is written.
    ///
    /// Set from any thread; loggers see it with their next line.
    package var current: Logger.Level {
        get {
            let severity = self.severity.load(ordering: .relaxed)
            return Logger.Level.allCases.first { Self.severity(of: $0) == severity } ?? .info
        }
        set {
            self.severity.store(Self.severity(of: newValue), ordering: .relaxed)
        }
    }

    private static func severity(of level: Logger.Level) -> Int {
        switch level {
        case .trace: 0
        case .debug: 1
        case .info: 2
        case .notice: 3
        case .warning: 4
        case .error: 5
        case .critical: 6
        }
    }
}
