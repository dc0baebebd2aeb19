/// How a connection ended.
package struct WebSocketClosure: Sendable, Equatable {
    /// Who spoke of the end first.
    package enum Origin: Sendable {
        /// A close frame of the client's.
        case client
        /// A close frame of the gateway's.
        case gateway
        /// Nobody: the connection was lost.
        case connection
    }

    /// The code of the first close frame; 1005 if it had none, 1006 if there was no close frame.
    package var code: WebSocketCloseCode
    /// The reason in the first close frame.
    ///
    /// A client's is its own text: not to be believed, nor logged unescaped.
    package var reason: String
    /// Who spoke of the end first.
    package var origin: Origin

    package init(code: WebSocketCloseCode, reason: String, origin: Origin) {
        self.code = code
        self.reason = reason
        self.origin = origin
    }

    /// The connection ended without a close frame.
    package static let lost = Self(code: .abnormal, reason: "", origin: .connection)
}
