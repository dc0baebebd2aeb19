import NIOCore

/// What a decoder found in a client's bytes.
enum WebSocketEvent: Equatable {
    /// A whole message, which is UTF-8.
    case text(ByteBuffer)
    /// A whole message.
    case binary(ByteBuffer)
    /// A ping, with what is to be in the pong.
    case ping(ByteBuffer)
    case pong(ByteBuffer)
    /// The client's close frame. Nothing comes after it.
    case close(code: WebSocketCloseCode?, reason: String)
    /// The client broke a rule. Nothing comes after it.
    case failed(WebSocketFault)
}
