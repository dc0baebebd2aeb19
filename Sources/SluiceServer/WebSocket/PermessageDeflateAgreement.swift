/// What both ends agreed on about permessage-deflate (RFC 7692 section 7.1).
package struct PermessageDeflateAgreement: Sendable, Equatable {
    /// Whether the server may not refer back to its earlier messages: the client asked for it.
    package var serverNoContextTakeover = false
    /// Whether the client may not refer back to its earlier messages.
    package var clientNoContextTakeover = false
    /// The largest window that the server may use as its base-2 logarithm, 9 to 15.
    package var serverWindowBits = 15
    /// The largest window that the client may use as its base-2 logarithm, 9 to 15.
    package var clientWindowBits = 15
    /// The value of the server's `Sec-WebSocket-Extensions`.
    package var answer: String

    package init(answer: String) {
        self.answer = answer
    }
}
