/// Counts the answers of the gateway's own that a client has not taken, and says when that is too much.
///
/// A client makes the gateway speak by what it sends: acks, errors, pongs. While any of it waits, its next message is
/// held (`InputHold`), and from half of the limit on only its newest ping is answered, later. What scans send is not
/// counted here: it has a bound of its own.
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
    /// - Returns: Whether it fits; one that does not is not to be written, and the connection is to end.
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
