package import NIOCore
internal import SluiceBase

/// The limits of a WebSocket connection, and its heartbeat.
package struct WebSocketConfiguration: Sendable, Equatable {
    /// The most bytes of a client's message, inflated; more is closed with 1009.
    package var maximumMessageBytes = 16 * 1024
    /// The most fragments of a client's message; more is closed with 1009.
    package var maximumFragmentCount = 1024
    /// The most control frames of a client in one second; more wait in its socket for the next second.
    package var maximumControlFrameCount = 1000
    /// How often the client is pinged.
    package var heartbeatInterval = TimeAmount.seconds(5)
    /// How long a client may be silent.
    ///
    /// Only whole frames count as a sign of life.
    package var timeout = TimeAmount.seconds(30)
    /// How long a close handshake may take before the connection is cut.
    package var closeTimeout = TimeAmount.seconds(5)
    /// Above this many bytes that the socket has not taken, the connection is not writable.
    package var highWatermark = 1024 * 1024
    /// Below this many bytes it is writable again.
    package var lowWatermark = 512 * 1024
    /// The most bytes of the gateway's own answers that wait for the client; more is closed with 1013.
    package var maximumAnswerBytes = 64 * 1024
    /// Bytes read from the socket in one go.
    ///
    /// Fixed and small: clients say little, and there are many of them.
    package var receiveBufferBytes = 1024

    package init() {}

    /// How often a connection must be checked so that all its times are kept well enough.
    package var tickInterval: TimeAmount {
        let shortest = min(
            self.heartbeatInterval.nanoseconds / 2,
            self.timeout.nanoseconds / 4,
            self.closeTimeout.nanoseconds / 2,
            TimeAmount.seconds(1).nanoseconds
        )
        return .nanoseconds(max(shortest, TimeAmount.milliseconds(10).nanoseconds))
    }

    /// The share of `maximumControlFrameCount` that a tick has.
    var controlFrameCountPerTick: Int {
        let share = Double(self.tickInterval.nanoseconds) / Double(TimeAmount.seconds(1).nanoseconds)
        return max(1, Int(clamping: (Double(self.maximumControlFrameCount) * share).rounded(.down)))
    }
}
