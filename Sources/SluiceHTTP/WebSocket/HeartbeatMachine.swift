import NIOCore

/// Decides when a client is pinged and when it has been silent for too long, and measures how far away it is.
///
/// A client on a slow line cannot answer a ping that is still queued behind other bytes: while its queued bytes shrink,
/// it is not silent, up to four times the timeout. (This machine does not judge a socket that takes nothing at all.)
struct HeartbeatMachine {
    enum Action: Equatable {
        case doNothing
        /// Send a ping with this number as its payload.
        case sendPing(UInt64)
        /// No whole frame for too long.
        case timedOut
    }

    private let interval: TimeAmount
    private let timeout: TimeAmount
    /// Ticks come at their own pace; a ping goes out at the tick that is nearest to its time.
    private let slack: TimeAmount
    /// After this long the slowest usable line has brought an answer.
    private let longestSilence: TimeAmount

    private var lastFrameAt: NIODeadline
    private var lastDrainAt = NIODeadline.distantPast
    private var waitingBytes = 0
    /// Whether nothing has waited for the client at some time since it fell quiet.
    private var isReached = false
    private var nextPingAt: NIODeadline
    private var lastPing: (number: UInt64, sentAt: NIODeadline)?
    private var lastNumber: UInt64 = 0

    /// How long the last ping that was answered took there and back; nil before the first.
    private(set) var roundTrip: TimeAmount?

    init(configuration: WebSocketConfiguration, now: NIODeadline) {
        self.interval = configuration.heartbeatInterval
        self.timeout = configuration.timeout
        self.slack = .nanoseconds(configuration.tickInterval.nanoseconds / 2)
        self.longestSilence = .nanoseconds(4 * configuration.timeout.nanoseconds)
        self.lastFrameAt = now
        self.nextPingAt = now + configuration.heartbeatInterval
    }

    /// A whole frame of any kind arrived.
    mutating func receivedFrame(now: NIODeadline) {
        self.lastFrameAt = now
        self.isReached = false
    }

    /// The client's bytes are left in its socket for now, so it is not to blame for its silence.
    mutating func notListening(now: NIODeadline) {
        self.receivedFrame(now: now)
    }

    /// A pong arrived.
    ///
    /// Only one for the last ping says how long it took; unasked ones are allowed, and say nothing (RFC 6455 section
    /// 5.5.3).
    mutating func receivedPong(_ payload: ByteBuffer, now: NIODeadline) {
        guard let ping = self.lastPing, payload.readableBytes == 8,
            payload.getInteger(at: payload.readerIndex, as: UInt64.self) == ping.number
        else {
            return
        }
        self.roundTrip = now - ping.sentAt
        self.lastPing = nil
    }

    /// Whether the client has been silent for so long that the bytes waiting for it matter.
    func isQuiet(now: NIODeadline) -> Bool {
        now - self.lastFrameAt >= .nanoseconds(self.timeout.nanoseconds / 2)
    }

    /// Some time has passed.
    ///
    /// - Parameters:
    ///   - now: The time.
    ///   - isWritable: Whether the socket takes bytes; pings do not pile up in front of a full socket.
    ///   - waitingBytes: How many bytes wait for the socket; may be 0 unless the client is quiet.
    /// - Returns: The action to take.
    mutating func tick(now: NIODeadline, isWritable: Bool, waitingBytes: Int = 0) -> Action {
        if waitingBytes == 0, self.isQuiet(now: now) {
            // It has been sent its ping, and can answer it.
            self.isReached = true
        }
        if !self.isReached, waitingBytes < self.waitingBytes {
            self.lastDrainAt = now
        }
        self.waitingBytes = waitingBytes
        let silentSince = max(self.lastFrameAt, self.lastDrainAt)
        if now - silentSince >= self.timeout || now - self.lastFrameAt >= self.longestSilence {
            return .timedOut
        }
        guard isWritable, now + self.slack >= self.nextPingAt else {
            return .doNothing
        }
        // From the time that was due, so that the rhythm does not drift; from now, if it is far behind.
        self.nextPingAt = self.nextPingAt + self.interval
        if self.nextPingAt <= now + self.slack {
            self.nextPingAt = now + self.interval
        }
        self.lastNumber += 1
        self.lastPing = (self.lastNumber, now)
        return .sendPing(self.lastNumber)
    }
}
