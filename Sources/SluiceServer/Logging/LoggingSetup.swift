internal import Logging

/// Connects swift-log with standard error.
package enum LoggingSetup {
    /// Makes every logger of the process write as the configuration says.
    ///
    /// To be called once, before the first logger.
    ///
    /// - Parameter log: The level to begin with, and the shape of the lines.
    /// - Returns: The level, to be changed when the configuration is read anew.
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
