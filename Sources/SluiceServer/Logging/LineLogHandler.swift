internal import Logging

/// Writes each event as one line, in the shape and from the level that the operator chose.
struct LineLogHandler: LogHandler {
    let label: String
    let format: GatewayConfiguration.Log.Format
    let sharedLevel: LogLevel
    let output: LogOutput
    var metadata: Logger.Metadata = [:]
    var metadataProvider: Logger.MetadataProvider?
    /// The level of this logger alone, once somebody set one.
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
