package import NIOCore

extension GatewayConfiguration {
    /// The gateway's demands on subscribers, and the memory for each.
    package struct Clients: Sendable, Equatable {
        /// How often a WebSocket is pinged.
        package var heartbeatInterval = TimeAmount.seconds(5)
        /// How long a client may be silent, or take nothing, before it is closed.
        package var timeout = TimeAmount.seconds(30)
        /// The most bytes handed to a client's socket and not yet taken.
        package var maxBuffered = 1024 * 1024
        /// The most scans followed on one socket.
        package var maxSubscriptions = 100

        package init() {}
    }

    /// When frames and answers are compressed.
    package struct Compression: Sendable, Equatable {
        /// The WebSocket extension of RFC 7692.
        package struct PermessageDeflate: Sendable, Equatable {
            /// Whether the extension is agreed to when a client offers it.
            package var enabled = true
            /// zlib's level, 0 (store) to 9 (smallest).
            package var level = 6
            /// The base-two logarithm of the window, 9 to 15.
            package var windowBits = 15
            /// Frames of fewer bytes go as they are.
            package var minBytes = 256

            package init() {}
        }

        /// Binary frames of gzip, for clients that ask by `encoding=gzip`.
        package struct Gzip: Sendable, Equatable {
            /// Frames of fewer bytes, or just as many, go as they are.
            package var minBytes = 10_240

            package init() {}
        }

        package var permessageDeflate = PermessageDeflate()
        package var gzip = Gzip()
        /// The most bytes that all compressors together may hold.
        package var memory = 256 * 1024 * 1024

        package init() {}
    }
}
