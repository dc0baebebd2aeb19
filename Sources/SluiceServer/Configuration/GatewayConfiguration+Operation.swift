package import Logging
package import NIOCore

extension GatewayConfiguration {
    /// Where history is kept besides memory.
    package struct Storage: Sendable, Equatable {
        /// The promise of a 202 about its messages.
        package enum Durability: String, Sendable, CaseIterable {
            /// Nothing: they are in memory.
            case none
            /// They have been handed to the operating system.
            case batched
            /// They have been synced to the disk.
            case synced
        }

        /// How much the whole store keeps, and for how long.
        package struct Retention: Sendable, Equatable {
            /// How long a message is kept.
            package var age = TimeAmount.hours(7 * 24)
            /// The most bytes on disk.
            package var bytes = 1024 * 1024 * 1024

            package init() {}
        }

        /// The folder of the store; nil keeps everything in memory.
        package var path: String?
        /// The promise of a 202 about its messages.
        package var durability = Durability.batched
        /// How much the whole store keeps, and for how long.
        package var retention = Retention()

        package init() {}
    }

    /// The level and the form of the log.
    package struct Log: Sendable, Equatable {
        /// The shape of a line.
        package enum Format: String, Sendable, CaseIterable {
            /// Time, level, message and `key=value` pairs.
            case text
            /// One JSON object a line.
            case json
        }

        /// The least level that is written.
        package var level = Logger.Level.info
        /// The shape of a line.
        package var format = Format.text
        /// Whether each request is told of.
        package var requests = false

        package init() {}
    }

    /// How the gateway ends.
    package struct Shutdown: Sendable, Equatable {
        /// The time over which subscribers are sent away.
        package var grace = TimeAmount.seconds(10)

        package init() {}
    }
}
