/// What a client did wrong, and the close that it gets for it.
struct WebSocketFault: Error, Equatable {
    let code: WebSocketCloseCode
    let reason: String

    static func protocolError(_ reason: String) -> Self {
        Self(code: .protocolError, reason: reason)
    }

    static func invalidPayload(_ reason: String) -> Self {
        Self(code: .invalidPayload, reason: reason)
    }

    static func tooBig(_ reason: String) -> Self {
        Self(code: .messageTooBig, reason: reason)
    }
}
