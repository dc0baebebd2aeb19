package import NIOCore

/// The application side of a WebSocket connection, which gets its whole messages.
///
/// All calls come on the connection's event loop: `opened` first, `closing` at most once, `closed` exactly once and
/// last. The connection holds its session until then; the session may hold the connection.
package protocol WebSocketSession: AnyObject {
    /// The connection is open, and may be written to.
    func opened(_ socket: WebSocketHandler)

    /// A text message, which is UTF-8.
    func receivedText(_ text: ByteBuffer)

    /// A binary message.
    func receivedBinary(_ bytes: ByteBuffer)

    /// The socket takes bytes again, or no more for now.
    func writabilityChanged(isWritable: Bool)

    /// A close frame is about to be written, of either side's wish: from now on nothing else may be.
    func closing()

    /// The connection is over.
    func closed(_ closure: WebSocketClosure)

    /// About once a second, or more often where the times configured are short.
    func tick(now: NIODeadline)
}

/// How a connection ended.
package struct WebSocketClosure: Sendable, Equatable {
    /// The side that started the end.
    package enum Origin: Sendable {
        /// A close frame of the client's.
        case client
        /// A close frame of the gateway's.
        case gateway
        /// Neither: the connection was lost.
        case connection
    }

    /// The code of the first close frame; 1005 if it had none, 1006 if there was no close frame.
    package var code: WebSocketCloseCode
    /// The reason in the first close frame.
    ///
    /// A client's is its own text: not to be believed, nor logged unescaped.
    package var reason: String
    /// The side that started the end.
    package var origin: Origin

    package init(code: WebSocketCloseCode, reason: String, origin: Origin) {
        self.code = code
        self.reason = reason
        self.origin = origin
    }

    /// The connection ended without a close frame.
    package static let lost = Self(code: .abnormal, reason: "", origin: .connection)
}
