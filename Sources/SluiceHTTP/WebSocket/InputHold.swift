/// Decides when a client's messages are handled while the client does not take its own data.
///
/// Control frames are handled at all times, or a slow client's pongs would be missed. The first message that arrives
/// while the socket takes nothing is held, and nothing is read behind it until the socket takes bytes again. So at most
/// one message waits here, together with the bytes of the same read.
struct InputHold {
    /// The most bytes that are kept behind a message that is held.
    ///
    /// One read brings much less. Only the end of a connection delivers everything that the system held for it: a
    /// client that has left needs no answer.
    private let maximumBytes: Int
    private var message: WebSocketEvent?
    private var bytesBehind = 0

    init(maximumBytes: Int) {
        self.maximumBytes = maximumBytes
    }

    /// Whether a message is held, so that nothing may be read.
    var isHolding: Bool { self.message != nil }

    /// Something was decoded.
    ///
    /// - Parameters:
    ///   - event: The event.
    ///   - takesMessages: Whether the socket takes writes and the session takes messages; without effect where
    ///     `event` is no message.
    /// - Returns: Whether to act on it now.
    mutating func received(_ event: WebSocketEvent, takesMessages: Bool) -> Bool {
        precondition(self.message == nil, "nothing is decoded behind a message that is held")
        guard event.isMessage, !takesMessages else { return true }
        self.message = event
        self.bytesBehind = 0
        return false
    }

    /// Bytes came from the socket.
    ///
    /// - Returns: Whether to keep them; if not, the client has left.
    mutating func received(byteCount: Int) -> Bool {
        guard self.isHolding else { return true }
        self.bytesBehind += byteCount
        return self.bytesBehind <= self.maximumBytes
    }

    /// The held message, to be acted on now.
    mutating func release() -> WebSocketEvent? {
        self.message.take()
    }
}
