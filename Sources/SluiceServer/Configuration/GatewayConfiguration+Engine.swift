package import NIOCore
package import SluiceBase

extension GatewayConfiguration {
    /// The log that several gateways share; without servers the gateway is alone.
    package struct Engine: Sendable, Equatable {
        /// How its servers are spoken to by TLS.
        package struct TLS: Sendable, Equatable {
            /// The authorities that are believed, as a PEM file; nil for the system's.
            package var ca: String?
            /// What the gateway shows of itself; nil for nothing.
            package var certificate: String?
            package var privateKey: String?

            /// Whether any of it is given: then nothing is said to servers without TLS.
            package var isGiven: Bool { self.ca != nil || self.certificate != nil || self.privateKey != nil }

            package init() {}
        }

        package struct NATS: Sendable, Equatable {
            /// Any of the cluster's servers; more of them for when one is away.
            package var servers: [ServerAddress] = []
            /// The prefix of subjects and streams.
            package var name = "sl"
            /// A `.creds` file.
            package var credentials: String?
            package var user: String?
            package var passwordFile: String?
            package var tls = TLS()
            /// How many servers have each record.
            package var replicas = 3
            /// How many streams share the scans; fixed once they are made.
            package var shards = 6
            /// How long a post waits for the engine.
            package var appendTimeout = TimeAmount.seconds(10)
            /// After how long without a word of the engine the gateway refuses and closes.
            package var cutOffAfter = TimeAmount.seconds(15)

            package init() {}
        }

        package var nats = NATS()

        package init() {}
    }

    /// What the gateway is called among others.
    package struct Node: Sendable, Equatable {
        /// Nil: the host's name and a random part.
        package var name: String?

        package init() {}
    }
}
