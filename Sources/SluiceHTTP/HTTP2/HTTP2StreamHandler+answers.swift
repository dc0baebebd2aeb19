internal import NIOCore
internal import NIOHTTP1
internal import NIOHTTP2
internal import SluiceBase
internal import SluiceWire

/// How answers are written on a stream, and how it ends.
extension HTTP2StreamHandler {
    func respond(problem: Problem) {
        guard case .exchanging(let active) = self.state, active.machine.answer == .awaited else { return }
        self.connection?.router.refused(problem.code)
        self.respond(active.exchange.response(to: problem))
    }

    func answer(_ response: HTTPResponse, from source: (any HTTPBodySource)?) {
        self.respond(response, body: source)
    }

    /// Answers with a response; a long body, or a body made by a source, leaves piece by piece.
    private func respond(_ response: HTTPResponse, body source: (any HTTPBodySource)? = nil) {
        guard case .exchanging(let active) = self.state, active.machine.answer == .awaited else { return }
        guard !self.isConnect || response.status.code >= 300 else {
            // To the client, success would be the other protocol's beginning (RFC 9110, section 9.3.6).
            self.respond(problem: Problem(.notFound, "Nothing at this path speaks this protocol."))
            return
        }
        var response = response
        let byteCount = source == nil ? response.body?.readableBytes ?? 0 : source?.byteCount
        let isPacked = ContentCoding.isPacked(&response, byteCount: byteCount, active.exchange.request.headers)
        if let source = source ?? HTTPBufferBody(response.body, ifOver: HTTPBodyFlow.pieceBytes) {
            self.stream(response, from: source, isPacked: isPacked, active)
            return
        }
        active.exchange.meter?(byteCount ?? 0)
        if isPacked, let body = response.body {
            response.headers.append(("Content-Encoding", "gzip"))
            response.body = gzip(body, level: ContentCoding.level)
        }
        let hasLength = response.status.code >= 200 && response.status != .noContent && response.status != .notModified
        let isWhole = active.exchange.request.method == .HEAD || !hasLength
        let body = isWhole ? nil : response.body.flatMap { $0.readableBytes > 0 ? $0 : nil }
        self.writeHead(
            response,
            of: active.exchange,
            byteCount: hasLength ? response.body?.readableBytes ?? 0 : nil,
            endsStream: body == nil
        )
        if let body {
            self.write(.data(.init(data: .byteBuffer(body), endStream: true)))
            self.outputEnded()
        }
        active.exchange.driver = nil
        _ = active.takeCollected()
        self.answerEnded(active)
    }

    /// Begins an answer whose body a source makes.
    private func stream(
        _ response: HTTPResponse,
        from source: any HTTPBodySource,
        isPacked: Bool,
        _ active: ActiveExchange
    ) {
        guard let connection = self.connection else { return }
        let isHead = active.exchange.request.method == .HEAD
        let packer =
            isPacked && !isHead
            ? HTTPBodyPacker(level: ContentCoding.level, memory: connection.loopContext.memory) : nil
        let isCoded = packer != nil || isPacked && isHead
        var response = response
        if isCoded {
            response.headers.append(("Content-Encoding", "gzip"))
        }
        active.exchange.driver = nil
        _ = active.takeCollected()
        let byteCount = isCoded ? nil : source.byteCount
        self.writeHead(response, of: active.exchange, byteCount: byteCount, endsStream: isHead)
        guard !isHead else {
            self.answerEnded(active)
            return
        }
        active.machine.answerBegan()
        active.flow = HTTPBodyFlow(source, packer: packer, meter: active.exchange.meter)
        self.pumpBody()
    }

    func startResponse(status: HTTPResponseStatus, headers: [(name: String, value: String)]) {
        guard case .exchanging(let active) = self.state, active.machine.answer == .awaited else { return }
        guard !self.isConnect || status.code >= 300 else {
            self.respond(problem: Problem(.notFound, "Nothing at this path speaks this protocol."))
            return
        }
        let isHead = active.exchange.request.method == .HEAD
        self.writeHead(
            HTTPResponse(status: status, headers: headers),
            of: active.exchange,
            byteCount: nil,
            endsStream: isHead
        )
        active.machine.answerBegan()
        self.context?.flush()
    }

    func writeStreamed(_ bytes: ByteBuffer) {
        guard case .exchanging(let active) = self.state, active.machine.answer == .streaming else { return }
        guard bytes.readableBytes > 0, active.exchange.request.method != .HEAD else { return }
        self.write(.data(.init(data: .byteBuffer(bytes))))
        self.context?.flush()
    }

    func finishStreamed() {
        self.finishRelayed(trailers: nil)
    }

    /// The answer is written; the stream is over once the client has read it and has sent all of its request.
    func answerEnded(_ active: ActiveExchange) {
        let persists = active.machine.persistsAfterAnswer && !self.isConnect && !active.isRefused
        let wasComplete = active.machine.requestIsComplete
        active.machine.answerEnded()
        self.context?.flush()
        // A handler that had stopped the body no longer has a say in it.
        self.setReading(isPaused: false)
        // Of a request that was complete before its stream ended, nothing is awaited that could be timed.
        if !persists || wasComplete, !self.isInputEnded {
            self.resetAfterAnswer()
        }
        self.settle()
    }

    /// Writes the head of an answer, of which the router is told.
    func writeHead(_ response: HTTPResponse, of exchange: HTTPExchange, byteCount: Int?, endsStream: Bool = false) {
        guard let connection = self.connection else { return }
        connection.router.answered(exchange, status: response.status)
        var response = response
        response.headers = exchange.fields(response.headers)
        self.writeHead(response, byteCount: byteCount, endsStream: endsStream)
    }

    private func writeHead(_ response: HTTPResponse, byteCount: Int?, endsStream: Bool) {
        guard let connection = self.connection, let context = self.context else { return }
        let fields = HTTP2ResponseHead.fields(
            of: response,
            byteCount: byteCount,
            common: connection.loopContext.commonFields(now: context.eventLoop.now)
        )
        self.write(.headers(.init(headers: fields, endStream: endsStream)))
        if endsStream {
            self.outputEnded()
        }
    }

    // MARK: Long answers

    var exchangeAtWork: ActiveExchange? {
        guard case .exchanging(let active) = self.state else { return nil }
        return active
    }

    var place: (eventLoop: any EventLoop, packer: LoopPacker)? {
        guard let context = self.context, let connection = self.connection else { return nil }
        return (context.eventLoop, connection.loopContext.packer)
    }

    func flushPieces() {
        self.context?.flush()
    }

    // MARK: Refusals of the HTTP side itself

    func refuseTooLarge(limit: Int) {
        self.end(Problem(.bodyTooLarge, "The body has more than \(limit) bytes."), reason: .bodyTooLarge)
    }

    /// Answers a head that never became a request.
    func refuseUnread(_ problem: Problem, endsStream: Bool) {
        guard case .ready = self.state, let connection = self.connection else { return }
        connection.router.refused(problem.code)
        self.state = .answered
        let response = problem.response(allocator: connection.info.allocator)
        self.writeHead(response, byteCount: response.body?.readableBytes ?? 0, endsStream: response.body == nil)
        if let body = response.body {
            self.write(.data(.init(data: .byteBuffer(body), endStream: true)))
            self.outputEnded()
        }
        self.context?.flush()
        if !endsStream {
            self.resetAfterAnswer()
        }
    }

    /// Answers the request at work in its handler's place, and tells the handler.
    func end(_ problem: Problem, reason: AbortReason) {
        guard case .exchanging(let active) = self.state else { return }
        switch active.machine.answer {
        case .awaited:
            guard !active.isRefused else { return }
            active.isRefused = true
            guard !active.handler.refusing(problem) else { return }
            self.connection?.router.refused(problem.code)
            self.respond(active.exchange.response(to: problem))
            active.handler.aborted(reason)
        case .streaming:
            // An answer that is under way can only be cut off.
            self.abort(reason)
            self.context?.close(promise: nil)
        case .complete:
            self.resetAfterAnswer()
        }
    }

    /// The handler will not get to answer.
    func abort(_ reason: AbortReason) {
        guard case .exchanging(let active) = self.state else { return }
        self.state = .closed
        active.exchange.driver = nil
        if active.machine.answer != .complete {
            active.handler.aborted(reason)
        }
    }

    /// Ends the stream of a client that does not take its answers.
    func cutSlowReader() {
        guard let context = self.context else { return }
        self.connection?.router.slowReaderCut()
        self.abort(.connectionClosed)
        self.state = .closed
        context.close(promise: nil)
    }
}
