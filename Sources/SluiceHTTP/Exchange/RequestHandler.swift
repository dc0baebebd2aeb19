package import NIOCore

/// The handler of one request.
///
/// All calls come on the connection's event loop, in this order: `start` once; then, unless the handler has answered,
/// what `bodyMode` asked for; `aborted` at most once, and nothing after it. A handler may answer at any time from
/// `start` on, also later, but on that event loop.
///
/// The connection holds the handler until the exchange is over; the handler may hold the exchange.
package protocol RequestHandler: AnyObject {
    /// How the connection treats the body; read once, after `start`, if the handler has not answered by then.
    var bodyMode: BodyMode { get }

    /// Whether a client that waits for a 100 before it sends its body gets it from the handler, and not by itself.
    var continuesByItself: Bool { get }

    /// The head has arrived and is valid.
    func start(_ exchange: HTTPExchange)

    /// The whole body, with `BodyMode.collect`; empty if the request has none.
    func receivedBody(_ body: ByteBuffer)

    /// Some bytes of the body, with `BodyMode.stream`.
    func receivedBytes(_ bytes: ByteBuffer)

    /// The trailers of the body, with `BodyMode.stream`; right before `receivedEnd`, if there are any.
    func receivedTrailers(_ trailers: HeaderFields)

    /// The body is complete, with `BodyMode.stream`.
    func receivedEnd()

    /// The client sends nothing more on this connection; it may still read, or be gone.
    func inputClosed()

    /// The connection is about to refuse the request in the handler's place: its body did not come in time, or is
    /// malformed.
    ///
    /// - Parameter problem: The refusal.
    /// - Returns: Whether the handler gives this answer itself, in its own time, because it has something to add. Then
    ///   nothing more of the body comes.
    func refusing(_ problem: Problem) -> Bool

    /// The exchange ended before it was answered; the answer to the peer has been written.
    func aborted(_ reason: AbortReason)

    /// The connection takes bytes again, or no more for now. Only told while a streamed answer is under way.
    func writabilityChanged(isWritable: Bool)

    /// The gateway is about to stop. A handler of an open-ended body should answer now; others may take no notice.
    func draining()
}

extension RequestHandler {
    package var bodyMode: BodyMode { .none }

    package func receivedBody(_ body: ByteBuffer) {}

    package func receivedBytes(_ bytes: ByteBuffer) {}

    package var continuesByItself: Bool { false }

    package func receivedTrailers(_ trailers: HeaderFields) {}

    package func receivedEnd() {}

    package func inputClosed() {}

    package func refusing(_ problem: Problem) -> Bool { false }

    package func aborted(_ reason: AbortReason) {}

    package func writabilityChanged(isWritable: Bool) {}

    package func draining() {}
}

/// Why an exchange ended before its handler had answered, or before its streamed answer was complete.
package enum AbortReason: Sendable, Equatable {
    /// The peer closed or reset the connection.
    case peerClosed
    /// The body did not arrive in time; 408 has been answered.
    case timedOut
    /// The body was longer than the handler said it takes; 413 has been answered.
    case bodyTooLarge
    /// There was no room for the body; 503 has been answered.
    case overloaded
    /// The framing of the body was broken; 400 has been answered.
    case malformed
    /// The gateway closed the connection.
    case connectionClosed
}

/// How the connection treats the body of a request.
///
/// Asked for once, after `start`.
package enum BodyMode: Sendable, Equatable {
    /// A body is not expected: a small one is read and thrown away, a large one ends the connection after the answer.
    case none
    /// The whole body comes at once, by `receivedBody`. A longer one is answered 413 for the handler.
    case collect(maximumBytes: Int)
    /// The body comes as it arrives, by `receivedBytes`, then `receivedEnd`. Silence for that long is answered 408.
    case stream(idleTimeout: TimeAmount)
}

/// Answers each request with the same response.
package final class FixedHandler: RequestHandler {
    private let answer: (HTTPExchange) -> Void

    package init(_ response: HTTPResponse) {
        self.answer = { $0.respond(response) }
    }

    package init(_ problem: Problem) {
        self.answer = { $0.respond(problem: problem) }
    }

    package func start(_ exchange: HTTPExchange) {
        self.answer(exchange)
    }
}
