package import Instrumentation
package import NIOCore
package import NIOHTTP1

/// One request and its answer, as its handler sees them.
///
/// Belongs to the connection's event loop.
///
/// Whatever a handler does after the exchange has ended (it was answered, or `aborted` came) has no effect: an answer
/// that was on its way when the peer left need not be guarded.
package final class HTTPExchange {
    /// The request's head.
    package let request: HTTPRequest
    /// The facts known about the connection.
    package let connection: HTTPConnectionInfo
    /// The connection's event loop, on which all of this must be called.
    package let eventLoop: any EventLoop
    /// Fields that every answer to this request has, by the router's choice.
    package var commonFields: [(name: String, value: String)] = []
    /// Which request this is, for the log and for who has sent it; made when it is first asked for.
    package private(set) lazy var trace: TraceContext = {
        var generator = SystemRandomNumberGenerator()
        return TraceContext(self.context.callerTrace, using: &generator)
    }()
    /// What the caller says of its trace; read when it is first asked for.
    package private(set) lazy var context = InstrumentationContext(of: self.request.headers)
    /// What it is called in the log and in problems, where that is not the trace's name for it.
    private var givenRequestID: String?
    /// What it is called in the log and in problems.
    package var requestID: String {
        get { self.givenRequestID ?? self.trace.requestID }
        set { self.givenRequestID = newValue }
    }
    /// When its head was there.
    package let startedAt: NIODeadline
    /// What is known of its head from earlier requests that had the same; nil where that is not looked for.
    package let headNote: HeadNote?
    /// Told how many bytes of a body are answered, before packing, as they are made, so that they can be charged for.
    package var meter: ((Int) -> Void)?
    /// The way back to the connection; gone when the exchange is over, which the connection sees to.
    ///
    /// Not weak: that would make every use of the connection's handler dearer.
    internal var driver: (any ExchangeDriver)?

    internal init(
        request: HTTPRequest,
        connection: HTTPConnectionInfo,
        eventLoop: any EventLoop,
        driver: any ExchangeDriver,
        headNote: HeadNote? = nil
    ) {
        self.request = request
        self.connection = connection
        self.eventLoop = eventLoop
        self.startedAt = eventLoop.now
        self.driver = driver
        self.headNote = headNote
    }

    /// Whether an answer can still be given.
    package var isOpen: Bool {
        self.driver != nil
    }

    /// Whether the socket takes more bytes of a streamed answer for now.
    package var isWritable: Bool {
        self.driver?.isWritable ?? false
    }

    /// Answers with a whole response.
    package func respond(_ response: HTTPResponse) {
        self.eventLoop.assertInEventLoop()
        self.driver?.answer(response, from: nil)
    }

    /// Answers with a response whose body is made while it drains.
    ///
    /// - Parameters:
    ///   - response: The answer but for its body.
    ///   - source: Makes the body; held until the answer is over or the peer is gone.
    package func respond(_ response: HTTPResponse, body source: any HTTPBodySource) {
        self.eventLoop.assertInEventLoop()
        self.driver?.answer(response, from: source)
    }

    /// Answers with a problem, which is counted.
    package func respond(problem: Problem) {
        self.eventLoop.assertInEventLoop()
        self.driver?.respond(problem: problem)
    }

    /// Begins an answer whose length is not known: in chunks, or up to the end of the connection for HTTP/1.0.
    package func startResponse(
        status: HTTPResponseStatus,
        headers: [(name: String, value: String)] = []
    ) {
        self.eventLoop.assertInEventLoop()
        self.driver?.startResponse(status: status, headers: headers)
    }

    /// Writes a piece of an answer that was begun by `startResponse`.
    ///
    /// It is flushed with the event loop's turn.
    package func write(_ bytes: ByteBuffer) {
        self.eventLoop.assertInEventLoop()
        self.driver?.writeStreamed(bytes)
    }

    /// Ends an answer that was begun by `startResponse`.
    package func finish() {
        self.eventLoop.assertInEventLoop()
        self.driver?.finishStreamed()
    }

    /// Passes on an interim answer of another server; a client of HTTP/1.0 gets none (RFC 9110, section 15.2).
    package func inform(_ answer: RelayedAnswer) {
        self.eventLoop.assertInEventLoop()
        self.driver?.inform(answer)
    }

    /// Begins an answer that another server gave; `write` and `finish(trailers:)` follow.
    package func relay(_ answer: RelayedAnswer) {
        self.eventLoop.assertInEventLoop()
        self.driver?.startRelayed(answer)
    }

    /// Ends an answer that was begun by `relay`.
    package func finish(trailers: HeaderFields?) {
        self.eventLoop.assertInEventLoop()
        self.driver?.finishRelayed(trailers: trailers)
    }

    /// Ends the exchange without an answer, or in the middle of one, so that the client cannot take it for whole.
    package func abort() {
        self.eventLoop.assertInEventLoop()
        self.driver?.abortRelayed()
    }

    /// Takes no more of a streamed body for now: the socket is not read, so the peer's writes stop.
    package func pauseReading() {
        self.eventLoop.assertInEventLoop()
        self.driver?.setReading(isPaused: true)
    }

    /// Takes a streamed body again.
    package func resumeReading() {
        self.eventLoop.assertInEventLoop()
        self.driver?.setReading(isPaused: false)
    }

    /// Ends HTTP on this connection: writes a head, takes the HTTP handlers out of the pipeline, and hands it over.
    ///
    /// Bytes that were read but not parsed reach whatever `then` has added, right after it returns. If the connection
    /// closes before the pipeline is clear, `then` is not called and the handler is told `aborted`.
    ///
    /// - Parameters:
    ///   - status: 101 for an upgrade (`Connection: upgrade` is added); any other for a body that ends with the
    ///     connection, such as an event stream.
    ///   - headers: Further fields; for 101 with `Upgrade`.
    ///   - then: Adds handlers to the end of the pipeline, on the event loop.
    package func takeOver(
        status: HTTPResponseStatus,
        headers: [(name: String, value: String)],
        then: @escaping (any Channel) -> Void
    ) {
        self.eventLoop.assertInEventLoop()
        self.driver?.takeOver(status: status, headers: headers, then: then)
    }

    /// The same with the head of another server's answer, which has agreed to another protocol.
    package func takeOver(_ answer: RelayedAnswer, then: @escaping (any Channel) -> Void) {
        self.eventLoop.assertInEventLoop()
        self.driver?.takeOver(answer, then: then)
    }
}

/// What all versions' answers have in common.
extension HTTPExchange {
    /// A problem as the answer to this request, which it names.
    internal func response(to problem: Problem) -> HTTPResponse {
        problem.adding([("requestId", .string(self.requestID))]).response(allocator: self.connection.allocator)
    }

    /// Whether its answer gets fields because of the request.
    internal var addsFields: Bool { !self.commonFields.isEmpty || self.hasTrace }

    private var hasTrace: Bool { self.headNote?.hasTrace ?? self.request.headers.contains(name: "traceparent") }

    /// An answer's fields, and those that it gets because of the request.
    internal func fields(_ headers: [(name: String, value: String)]) -> [(name: String, value: String)] {
        // Most answers have none: two empty lists need not be joined.
        var fields = self.commonFields.isEmpty ? headers : headers + self.commonFields
        if self.hasTrace, let header = self.trace.header {
            fields.append(("traceparent", header))
        }
        return fields
    }
}

@available(*, unavailable)
extension HTTPExchange: Sendable {}
