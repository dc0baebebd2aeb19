package import NIOCore
package import SluiceAdmission

extension GatewayConfiguration {
    /// The limits of bad or excessive input.
    package struct Limits: Sendable, Equatable {
        /// How many connections there may be.
        package var connections = ConnectionLimits.Configuration()
        /// The resident memory at which the gateway accepts no new connections.
        package var memory = Memory.automatic
        /// TCP connections, from each address, before TLS.
        package var accepts = Bucket(rate: 50, burst: 200)
        /// The most bytes of one message.
        package var maxMessageBytes = 256 * 1024
        /// The most bytes of one request's body; NDJSON streams excepted.
        package var maxBodyBytes = 8 * 1024 * 1024
        /// WebSocket and event stream handshakes, for each user and each address.
        package var handshakes = Bucket(rate: 10, burst: 20)
        /// Messages, for each producer.
        package var ingest = Bucket(rate: 5000, burst: 10_000)
        /// Other requests, for each user.
        package var requests = Bucket(rate: 20, burst: 40)
        /// Frames from a client, for each connection.
        package var clientFrames = Bucket(rate: 10, burst: 20)
        /// Requests and tunnels under way on routes.
        package var proxyRequests = 10_000
        /// The limits of deliveries that wait for receivers of `hooks`.
        package var hooks = Hooks()
        /// The limits of findings that are counted for those who ask.
        package var facets = Facets()
        /// How long each part of an exchange may take.
        package var timeouts = Timeouts()

        package init() {}
    }
}

extension GatewayConfiguration.Limits {
    /// The resident memory at which the gateway accepts no new connections.
    package enum Memory: Sendable, Equatable {
        /// Three quarters of the memory that the process's control group grants, or the machine has.
        case automatic
        /// This many bytes.
        case bytes(Int)
        /// There is no such mark.
        case unlimited

        /// The mark in bytes; nil for none.
        ///
        /// - Parameter available: The most memory that the process may have, if that is known.
        /// - Returns: Three quarters of it, or the configured size.
        func mark(available: Int?) -> Int? {
            switch self {
            case .automatic: available.map { $0 / 4 * 3 }
            case .bytes(let bytes): bytes
            case .unlimited: nil
            }
        }
    }

    /// The limits of deliveries that wait for all receivers of `hooks`; beyond them the receiver with the most loses its
    /// oldest.
    package struct Hooks: Sendable, Equatable {
        /// The most deliveries.
        package var count = 10_000
        /// The most bytes of them.
        package var bytes = 4 * 1024 * 1024

        package init() {}
    }

    /// The limits of findings that are counted by host, port and tag.
    package struct Facets: Sendable, Equatable {
        /// The most distinct hosts of a scan that are counted one by one; ports and tags likewise.
        package var values = 10_000
        /// The most bytes of the counts of all scans; beyond it those least recently asked for are forgotten.
        package var bytes = 32 * 1024 * 1024

        package init() {}
    }

    /// A token bucket: it holds `burst` tokens at most, and gains `rate` of them a second.
    package struct Bucket: Sendable, Equatable {
        /// Tokens gained in a second; above 0.
        package var rate: Double
        /// The most tokens held; at least 1.
        package var burst: Int

        package init(rate: Double, burst: Int) {
            self.rate = rate
            self.burst = burst
        }
    }

    /// How long each part of an exchange may take, over the whole of it and not per read.
    package struct Timeouts: Sendable, Equatable {
        /// The TLS handshake.
        package var handshake = TimeAmount.seconds(10)
        /// A request's head.
        package var headers = TimeAmount.seconds(10)
        /// A request's body; NDJSON streams excepted.
        package var body = TimeAmount.seconds(30)
        /// An NDJSON stream without a byte.
        package var streamIdle = TimeAmount.minutes(5)
        /// A connection between two requests.
        package var keepAlive = TimeAmount.seconds(60)
        /// The peer's half of a WebSocket's close handshake.
        package var close = TimeAmount.seconds(5)

        package init() {}
    }
}
