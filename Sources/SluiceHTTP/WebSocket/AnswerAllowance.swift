/// Counts the gateway's own answers that a client has not taken, and says when they are too many.
///
/// A client's frames cause acks, errors and pongs. While any of these waits, the client's next message is held
/// (`InputHold`), and from half of the limit on only its newest ping is answered, later. Scan messages are not counted
/// here: they have a limit of their own.
struct AnswerAllowance {
    private let limit: Int
    /// Bytes of answers that were written and not taken by the socket.
    private(set) var waitingBytes = 0

    init(limit: Int) {
        self.limit = limit
    }

    /// Whether pongs may be added, which the client can ask for at all times.
    var hasRoomForPongs: Bool { self.waitingBytes <= self.limit / 2 }

    /// An answer is about to be written.
    ///
    /// - Returns: Whether it fits; if not, the caller does not write it and ends the connection.
    mutating func add(_ byteCount: Int) -> Bool {
        guard byteCount <= self.limit - self.waitingBytes else { return false }
        self.waitingBytes += byteCount
        return true
    }

    /// The socket has taken an answer, or never will.
    mutating func taken(_ byteCount: Int) {
        self.waitingBytes -= byteCount
    }
}
