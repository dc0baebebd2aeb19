package import Logging
internal import Synchronization

/// Writes each event as one line, in the shape and from the level that the operator chose.
struct LineLogHandler: LogHandler {
    let label: String
    let format: GatewayConfiguration.Log.Format
    let sharedLevel: LogLevel
    let output: LogOutput
    var metadata: Logger.Metadata = [:]
    var metadataProvider: Logger.MetadataProvider?
    /// The level of this logger alone, once one was set.
    private var ownLevel: Logger.Level?

    init(
        label: String,
        format: GatewayConfiguration.Log.Format,
        sharedLevel: LogLevel,
        output: LogOutput,
        metadataProvider: Logger.MetadataProvider? = nil
    ) {
        self.label = label
        self.format = format
        self.sharedLevel = sharedLevel
        self.output = output
        self.metadataProvider = metadataProvider
    }

    var logLevel: Logger.Level {
        get { self.ownLevel ?? self.sharedLevel.current }
        set { self.ownLevel = newValue }
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { self.metadata[key] }
        set { self.metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        var metadata = self.metadata
        if let provided = self.metadataProvider?.get() {
            metadata.merge(provided) { _, later in later }
        }
        if let given = event.metadata {
            metadata.merge(given) { _, later in later }
        }
        if let error = event.error {
            metadata["error"] = "\(error)"
        }
        let line = LogLine(
            time: .now(),
            level: event.level,
            label: self.label,
            message: event.message.description,
            metadata: metadata
        )
        self.output.write(line.text(self.format))
    }
}

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
