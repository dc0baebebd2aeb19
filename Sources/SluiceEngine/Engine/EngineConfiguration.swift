package import NIOCore

/// How an engine is reached, and what is kept there.
package struct EngineConfiguration: Sendable {
    package var connection: NATSConnection.Settings
    package var subjects: Subjects
    package var retention: StreamSetup.Retention
    /// How long a draft is tried.
    package var appendTimeout = TimeAmount.seconds(10)
    /// After how long without a word of any leader a node is cut off.
    package var cutOffAfter = TimeAmount.seconds(15)
    /// The most bytes of one message, which has to fit in a record.
    package var maximumMessageBytes = 64 * 1024
    /// What the node is called, and which version it is.
    package var nodeName: String
    package var version: String

    package init(
        connection: NATSConnection.Settings,
        subjects: Subjects,
        retention: StreamSetup.Retention,
        nodeName: String,
        version: String
    ) {
        self.connection = connection
        self.subjects = subjects
        self.retention = retention
        self.nodeName = nodeName
        self.version = version
    }
}
