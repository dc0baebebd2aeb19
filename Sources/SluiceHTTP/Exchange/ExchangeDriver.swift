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

    /// Pauses or resumes taking a streamed body.
    func setReading(isPaused: Bool)

    /// Writes a head, and hands the carrier of the exchange over to another protocol.
    func takeOver(
        status: HTTPResponseStatus,
        headers: [(name: String, value: String)],
        then: @escaping (any Channel) -> Void
    )
}

/// A connection whose peer may leave its answers unread.
internal protocol SlowReader: AnyObject {
    /// Since when its socket takes no more; nil while it does.
    var blockedSince: NIODeadline? { get }

    /// Ends it.
    func cutSlowReader()
}
