package import NIOCore

/// How an engine is reached, and what it keeps.
package struct EngineConfiguration: Sendable {
    package var connection: NATSConnection.Settings
    package var subjects: Subjects
    package var retention: StreamSetup.Retention
    /// How long a draft is tried.
    package var appendTimeout = TimeAmount.seconds(10)
    /// The time without an answer from any shard's leader after which a node is cut off.
    package var cutOffAfter = TimeAmount.seconds(15)
    /// The most bytes of one message; a record has to hold it.
    package var maximumMessageBytes = 64 * 1024
    /// The node's name and its version.
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
