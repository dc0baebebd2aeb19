internal import NIOCore
internal import NIOHTTP1
internal import SluiceWire

/// How answers are written, and how connections end.
extension HTTPConnectionHandler {
    internal var isWritable: Bool {
        self.context?.channel.isWritable ?? false
    }

    internal func respond(problem: Problem) {
        guard case .exchanging(let active) = self.state, active.machine.answer == .awaited else { return }
        self.router.refused(problem.code)
        self.respond(self.response(problem, active.exchange))
    }

    /// A problem as the answer to a request, which it names.
    internal func response(_ problem: Problem, _ exchange: HTTPExchange) -> HTTPResponse {
        exchange.response(to: problem)
    }

    /// The head of an answer is about to leave: the router is told, and who has sent the trace is told what became of it.
    internal func fields(
        _ headers: [(name: String, value: String)],
        of exchange: HTTPExchange,
        _ status: HTTPResponseStatus
    ) -> [(name: String, value: String)] {
        self.router.answered(exchange, status: status)
        return exchange.fields(headers)
    }

    internal func answer(_ response: HTTPResponse, from source: (any HTTPBodySource)?) {
        self.respond(response, body: source)
    }

    /// Answers with a response; a long body, or a body made by a source, leaves piece by piece.
    internal func respond(
        _ response: HTTPResponse,
        body source: (any HTTPBodySource)? = nil,
        closing: Bool = false
    ) {
        guard case .exchanging(let active) = self.state, active.machine.answer == .awaited else { return }
        guard let context = self.context else { return }
        let persists = !closing && self.persists(active.machine)
        if source == nil, persists, let bytes = self.short(response, active.exchange, now: context.eventLoop.now) {
            self.write(bytes, nil, asAnswerTo: active, persists: true)
            return
        }
        let request = active.exchange.request
        var response = response
        let byteCount = source == nil ? response.body?.readableBytes ?? 0 : source?.byteCount
        let isPacked = ContentCoding.isPacked(&response, byteCount: byteCount, request.headers)
        response.headers = self.fields(response.headers, of: active.exchange, response.status)
        if source != nil || byteCount ?? 0 > HTTPBodyFlow.pieceBytes,
            let source = source ?? HTTPBufferBody(response.body, ifOver: HTTPBodyFlow.pieceBytes)
        {
            self.stream(response, from: source, isPacked: isPacked, persists: persists)
            return
        }
        active.exchange.meter?(byteCount ?? 0)
        if isPacked, let body = response.body {
            response.headers.append(("Content-Encoding", "gzip"))
            response.body = gzip(body, level: ContentCoding.level)
        }
        let (head, body) = self.encoder.encode(
            response,
            persistence: persists ? .keepAlive : .close,
            isVersion10: request.isVersion10,
            isHead: request.method == .HEAD,
            now: context.eventLoop.now
        )
        self.write(head, body, asAnswerTo: active, persists: persists)
    }

    /// The bytes of an answer that nothing is added to; nil for any other.
    private func short(_ response: HTTPResponse, _ exchange: HTTPExchange, now: NIODeadline) -> ByteBuffer? {
        guard response.headers.isEmpty, !exchange.addsFields, !exchange.request.isVersion10,
            exchange.request.method != .HEAD, let body = response.body,
            body.readableBytes < ContentCoding.minimumBytes,
            let bytes = self.encoder.encodeShort(response, body, now: now)
        else {
            return nil
        }
        self.router.answered(exchange, status: response.status)
        exchange.meter?(body.readableBytes)
        return bytes
    }

    private func write(_ head: ByteBuffer, _ body: ByteBuffer?, asAnswerTo active: ActiveExchange, persists: Bool) {
        active.machine.answerEnded()
        active.closesAfterAnswer = !persists
        active.exchange.driver = nil
        _ = active.takeCollected()
        self.write(head)
        if let body {
            self.write(body)
        }
        self.answerEnded(active)
    }

    internal func startResponse(status: HTTPResponseStatus, headers: [(name: String, value: String)]) {
        guard case .exchanging(let active) = self.state, active.machine.answer == .awaited else { return }
        guard let context = self.context else { return }
        let request = active.exchange.request
        active.isChunkedAnswer = !request.isVersion10
        let persists = active.isChunkedAnswer && self.persists(active.machine)
        active.closesAfterAnswer = !persists
        active.machine.answerBegan()
        let head = self.encoder.encodeHead(
            status: status,
            headers: self.fields(headers, of: active.exchange, status),
            framing: active.isChunkedAnswer ? .chunked : .connection,
            persistence: persists ? .keepAlive : .close,
            isVersion10: request.isVersion10,
            now: context.eventLoop.now
        )
        self.write(head)
        self.flushUnlessReading()
    }

    internal func writeStreamed(_ bytes: ByteBuffer) {
        guard case .exchanging(let active) = self.state, active.machine.answer == .streaming else { return }
        guard bytes.readableBytes > 0, active.exchange.request.method != .HEAD else { return }
        self.write(active.isChunkedAnswer ? self.encoder.encodeChunk(bytes) : bytes)
        self.flushUnlessReading()
    }

    internal func finishStreamed() {
        self.finishRelayed(trailers: nil)
    }

    /// The answer is written.
    ///
    /// The rest of the request is read first; or the connection ends here.
    internal func answerEnded(_ active: ActiveExchange) {
        if active.machine.requestIsComplete {
            self.flushUnlessReading()
            self.finishIfOver()
        } else if active.closesAfterAnswer {
            self.linger()
        } else {
            self.flushUnlessReading()
            // A handler that had stopped the body no longer has a say in it.
            self.gate.setPaused(false)
        }
    }

    internal func persists(_ machine: ExchangeMachine) -> Bool {
        machine.persistsAfterAnswer && !self.isDraining && !self.isInputClosed && !self.connection.isRefused
    }

    // MARK: Refusals of the HTTP side itself

    internal func refuseTooLarge(limit: Int) {
        self.end(Problem(.bodyTooLarge, "The body has more than \(limit) bytes."), reason: .bodyTooLarge)
    }

    /// All connections together hold as much of requests as they may.
    internal static let overfull = Problem(
        .overloaded,
        "The gateway holds as many bytes of requests as it may.",
        retryAfterSeconds: 1
    )

    /// Bytes received behind the request in progress, or as more of it, had no room and were discarded.
    ///
    /// The pending answer is given, and nothing else.
    internal func refuseHeld() {
        switch self.state {
        case .exchanging(let active) where active.machine.requestIsComplete:
            self.router.refused(Self.overfull.code)
            self.isInputClosed = true
            active.closesAfterAnswer = true
            self.gate.discard()
        case .exchanging: self.end(Self.overfull, reason: .overloaded)
        case .ready: self.refuseConnection(Self.overfull)
        case .handingOver:
            self.router.refused(Self.overfull.code)
            self.close()
        case .lingering, .closed: return
        }
    }

    /// The body's framing is broken.
    internal func refuseBody(_ detail: String) {
        switch self.state {
        case .exchanging: self.end(Problem(.badRequest, detail), reason: .malformed)
        case .ready, .lingering, .handingOver, .closed: return
        }
    }

    /// Answers the request at work in its handler's place, tells the handler, and ends the connection.
    internal func end(_ problem: Problem, reason: AbortReason) {
        guard case .exchanging(let active) = self.state else { return }
        switch active.machine.answer {
        case .awaited:
            guard !active.isRefused else { return }
            guard !active.handler.refusing(problem) else {
                active.isRefused = true
                self.gate.discard()
                return
            }
            self.router.refused(problem.code)
            self.respond(self.response(problem, active.exchange), closing: true)
            active.handler.aborted(reason)
        case .streaming:
            // An answer that is under way can only be cut off, which its framing shows.
            self.abort(reason)
            self.close()
        case .complete:
            self.linger()
        }
    }

    /// Answers bytes that never became a request, and ends the connection.
    internal func refuseConnection(_ problem: Problem) {
        guard case .ready = self.state, let context = self.context else { return }
        self.router.refused(problem.code)
        let (head, _) = self.encoder.encode(
            problem.response(allocator: self.connection.allocator),
            persistence: .close,
            isVersion10: false,
            isHead: false,
            now: context.eventLoop.now
        )
        self.write(head)
        self.linger()
    }

    // MARK: The end of the connection

    /// The handler will not get to answer.
    internal func abort(_ reason: AbortReason) {
        guard case .exchanging(let active) = self.state else { return }
        self.state = .closed
        self.cutsAnswer = active.endsWithConnection && active.machine.answer == .streaming
        active.exchange.driver = nil
        if active.machine.answer != .complete {
            active.handler.aborted(reason)
        }
    }

    /// Ends the gateway's side, and reads on for a while: closing with bytes unread would reset the connection, and
    /// the peer might never see the answer.
    internal func linger() {
        guard let context = self.context else { return }
        self.state = .lingering
        context.flush()
        self.needsFlush = false
        guard !self.isInputClosed else {
            self.gate.discard()
            self.closeAfterFlush()
            return
        }
        context.close(mode: .output, promise: nil)
        self.gate.discard()
    }

    /// Closes once all written bytes have gone out.
    internal func closeAfterFlush() {
        guard let context = self.context else { return }
        self.state = .lingering
        self.needsFlush = false
        let channel = context.channel
        context.writeAndFlush(self.wrapOutboundOut(ByteBuffer())).assumeIsolated()
            .whenComplete { _ in
                channel.close(promise: nil)
            }
        self.settle()
    }

    internal func close() {
        self.abort(.connectionClosed)
        self.state = .closed
        if self.cutsAnswer {
            // An orderly end, TLS's own too, would be the body's.
            self.context?.channel.cut()
        } else {
            self.context?.close(promise: nil)
        }
    }

    // MARK: Bytes

    internal func write(_ bytes: ByteBuffer) {
        self.needsFlush = true
        self.writtenByteCount += bytes.readableBytes
        self.outlet?.write(self.wrapOutboundOut(bytes), promise: nil)
    }

    /// Where bytes leave: behind the gate, which has no part in what is written.
    private var outlet: ChannelHandlerContext? { self.gate.context ?? self.context }

    /// While bytes are being read the flush waits for the end of the turn, so that the answers to pipelined requests
    /// leave in one write.
    internal func flushUnlessReading() {
        if !self.gate.isReading {
            self.flushIfNeeded()
        }
    }

    internal func flushIfNeeded() {
        guard self.needsFlush else { return }
        self.needsFlush = false
        self.outlet?.flush()
    }
}
