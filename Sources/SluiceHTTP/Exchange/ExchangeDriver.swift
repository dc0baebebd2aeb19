internal import NIOCore
internal import NIOHTTP1

/// The carrier of an exchange: the only request in progress on a connection of HTTP/1.1, or one stream of a later
/// version.
///
/// Belongs to the connection's event loop. An exchange releases it when it is over.
internal protocol ExchangeDriver: AnyObject {
    /// Whether the socket takes more bytes of a streamed answer for now.
    var isWritable: Bool { get }

    /// Answers; the body is the response's own, or comes from the source while it drains.
    func answer(_ response: HTTPResponse, from source: (any HTTPBodySource)?)

    /// Answers with a problem, which is counted.
    func respond(problem: Problem)

    /// Begins an answer whose length is not known.
    func startResponse(status: HTTPResponseStatus, headers: [(name: String, value: String)])

    /// Writes a piece of an answer that was begun.
    func writeStreamed(_ bytes: ByteBuffer)

    /// Ends an answer that was begun.
    func finishStreamed()

    /// Passes on an interim answer (RFC 9110, section 15.2).
    func inform(_ answer: RelayedAnswer)

    /// Begins an answer that another server gave; its body follows by `writeStreamed`.
    func startRelayed(_ answer: RelayedAnswer)

    /// Ends an answer that was begun, with trailers where its framing has a place for them.
    func finishRelayed(trailers: HeaderFields?)

    /// Ends the exchange so that the peer knows its answer for incomplete.
    func abortRelayed()

    /// Pauses or resumes taking a streamed body.
    func setReading(isPaused: Bool)

    /// Writes a head, and hands the carrier of the exchange over to another protocol.
    func takeOver(
        status: HTTPResponseStatus,
        headers: [(name: String, value: String)],
        then: @escaping (any Channel) -> Void
    )

    /// Writes the head of another server's answer, and hands the carrier of the exchange over to another protocol.
    func takeOver(_ answer: RelayedAnswer, then: @escaping (any Channel) -> Void)
}

/// A connection whose peer may leave its answers unread.
internal protocol SlowReader: AnyObject {
    /// Since when its socket takes no more; nil while it does.
    var blockedSince: NIODeadline? { get }

    /// Ends it.
    func cutSlowReader()
}
