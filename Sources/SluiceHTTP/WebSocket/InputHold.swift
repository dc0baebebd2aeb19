/// Decides what becomes of a client's messages while it does not take what is sent to it.
///
/// Control frames are heard at all times, or a slow client's pongs would be missed. The first message that comes while
/// the socket takes nothing is held, and nothing is read behind it until the socket takes again. So no more than one
/// message waits here, and with it what was read in the same go.
struct InputHold {
    /// The most bytes that are kept behind a message that is held.
    ///
    /// One read brings much less. Only the end of a connection does away with all that the system held for it: who has
    /// left needs no answer.
    private let maximumBytes: Int
    private var message: WebSocketEvent?
    private var bytesBehind = 0

    init(maximumBytes: Int) {
        self.maximumBytes = maximumBytes
    }

    /// Whether a message is held, and nothing is to be read.
    var isHolding: Bool { self.message != nil }

    /// Something was decoded.
    ///
    /// - Parameters:
    ///   - event: What it is.
    ///   - takesMessages: Whether the socket takes what is written, and the session what comes; of no matter where
    ///     `event` is no message.
    /// - Returns: Whether it is to be acted on now.
    mutating func received(_ event: WebSocketEvent, takesMessages: Bool) -> Bool {
        precondition(self.message == nil, "nothing is decoded behind a message that is held")
        guard event.isMessage, !takesMessages else { return true }
        self.message = event
        self.bytesBehind = 0
        return false
    }

    /// Bytes came from the socket.
    ///
    /// - Returns: Whether they are to be kept; if not, the client has left.
    mutating func received(byteCount: Int) -> Bool {
        guard self.isHolding else { return true }
        self.bytesBehind += byteCount
        return self.bytesBehind <= self.maximumBytes
    }

    /// The message that was held: it is to be acted on now.
    mutating func release() -> WebSocketEvent? {
        self.message.take()
    }
}
