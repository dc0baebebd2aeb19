package import NIOCore

/// What stands behind a WebSocket connection and gets its whole messages.
///
/// All calls come on the connection's event loop: `opened` first, `closing` at most once, `closed` exactly once and
/// last. The connection holds its session until then; the session may hold the connection.
package protocol WebSocketSession: AnyObject {
    /// The connection stands, and may be written to.
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
