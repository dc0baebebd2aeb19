package import NIOHTTP1

/// Chooses the handler of a request, and learns of each connection's life and of each refusal.
///
/// It also chooses the handlers for 404, 405 and `OPTIONS`. All calls come on the connection's event loop; a router
/// that serves several loops must be safe for that.
package protocol RequestRouter: AnyObject {
    /// A connection is open. The router may leave a refusal in `connection.refusal` for its own use in `route`.
    func connectionOpened(_ connection: HTTPConnectionInfo)

    /// The connection is gone. Called once for each `connectionOpened`, also after it was taken over.
    func connectionClosed(_ connection: HTTPConnectionInfo)

    /// The handler of this request. The head has been checked; nothing of the body has been seen.
    func route(_ request: HTTPRequest, on connection: HTTPConnectionInfo) -> any RequestHandler

    /// The handler of another request with the same head as an earlier one.
    ///
    /// - Parameters:
    ///   - kept: What the earlier request's handler has left in its `headNote`.
    ///   - connection: The connection of both.
    /// - Returns: Nil if `route` is to choose it.
    func routeAgain(_ kept: AnyObject, on connection: HTTPConnectionInfo) -> (any RequestHandler)?

    /// Fields that every answer to this request has, the refusals of the HTTP side included. Asked where the request names
    /// its `Origin`; others have none.
    func answerFields(_ request: HTTPRequest, on connection: HTTPConnectionInfo) -> [(name: String, value: String)]

    /// The head of the answer to a request is about to leave: for the log.
    func answered(_ exchange: HTTPExchange, status: HTTPResponseStatus)

    /// A connection's TLS handshake is over, in one way or another: count it.
    func handshakeEnded(_ outcome: HandshakeOutcome)

    /// A problem was answered, by a handler or by the HTTP side itself: count it.
    func refused(_ code: ProblemCode)

    /// A stream beyond the most that a connection of HTTP/2 may have open was refused: count it.
    func streamRefused()

    /// A connection was ended because its client made more of HTTP/2 than any use of it needs: count it.
    func connectionAbused()

    /// A connection speaks HTTP/2 from now on: count it.
    func http2Began()

    /// A connection that spoke HTTP/2 is over. Called once for each `http2Began`.
    func http2Ended()

    /// A connection was cut because it did not take its answers, or took them slowest when memory was short: count it.
    func slowReaderCut()
}

extension RequestRouter {
    package func connectionOpened(_ connection: HTTPConnectionInfo) {}

    package func connectionClosed(_ connection: HTTPConnectionInfo) {}

    package func routeAgain(_ kept: AnyObject, on connection: HTTPConnectionInfo) -> (any RequestHandler)? { nil }

    package func slowReaderCut() {}

    package func streamRefused() {}

    package func connectionAbused() {}

    package func http2Began() {}

    package func http2Ended() {}

    package func handshakeEnded(_ outcome: HandshakeOutcome) {}

    package func answered(_ exchange: HTTPExchange, status: HTTPResponseStatus) {}

    package func answerFields(
        _ request: HTTPRequest,
        on connection: HTTPConnectionInfo
    ) -> [(name: String, value: String)] {
        []
    }
}
