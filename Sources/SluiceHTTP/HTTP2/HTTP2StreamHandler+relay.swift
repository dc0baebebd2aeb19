internal import NIOCore
internal import NIOHPACK
internal import NIOHTTP1
internal import NIOHTTP2

/// How answers of other servers are passed on, and how another protocol gets the stream.
extension HTTP2StreamHandler {
    func inform(_ answer: RelayedAnswer) {
        guard case .exchanging(let active) = self.state, active.machine.answer == .awaited else { return }
        self.write(.headers(.init(headers: HTTP2ResponseHead.fields(of: answer, adding: []))))
        self.context?.flush()
    }

    func startRelayed(_ answer: RelayedAnswer) {
        guard case .exchanging(let active) = self.state, active.machine.answer == .awaited else { return }
        guard !self.isConnect || answer.status.code >= 300 else {
            // To the client, success would be the other protocol's beginning (RFC 9110, section 9.3.6).
            self.respond(problem: Problem(.notFound, "Nothing at this path speaks this protocol."))
            return
        }
        self.relayPatience = answer.patience
        let isWhole = answer.framing == .none || active.exchange.request.method == .HEAD
        self.writeRelayedHead(answer, of: active.exchange, endsStream: isWhole)
        active.machine.answerBegan()
        self.context?.flush()
    }

    func finishRelayed(trailers: HeaderFields?) {
        guard case .exchanging(let active) = self.state, active.machine.answer == .streaming else { return }
        active.exchange.driver = nil
        if let trailers, trailers.count > 0, !self.isOutputEnded {
            self.write(.headers(.init(headers: HTTP2ResponseHead.fields(of: trailers), endStream: true)))
            self.outputEnded()
        } else {
            self.endOutput()
        }
        self.answerEnded(active)
    }

    /// Resets the stream.
    func abortRelayed() {
        guard case .exchanging = self.state else { return }
        self.abort(.connectionClosed)
        self.state = .closed
        self.context?.close(promise: nil)
    }

    func takeOver(
        status: HTTPResponseStatus,
        headers: [(name: String, value: String)],
        then: @escaping (any Channel) -> Void
    ) {
        guard !self.isConnect || status == .switchingProtocols else {
            guard case .exchanging(let active) = self.state, active.machine.answer == .awaited else { return }
            self.respond(problem: Problem(.notFound, "Nothing at this path speaks this protocol."))
            active.handler.aborted(.connectionClosed)
            return
        }
        self.takeOver(then: then) { exchange in
            // RFC 8441, section 5: what is 101 elsewhere.
            let status = status == .switchingProtocols ? HTTPResponseStatus.ok : status
            self.writeHead(HTTPResponse(status: status, headers: headers), of: exchange, byteCount: nil)
        }
    }

    func takeOver(_ answer: RelayedAnswer, then: @escaping (any Channel) -> Void) {
        self.takeOver(then: then) { exchange in
            // RFC 8441, section 5: what is 101 elsewhere. The key's proof is of HTTP/1.1 alone.
            let fields = answer.fields.keeping { answer.fields.lowercasedName(at: $0) != "sec-websocket-accept" }
            self.writeRelayedHead(
                RelayedAnswer(status: .ok, fields: fields, framing: .open, patience: answer.patience),
                of: exchange,
                endsStream: false
            )
        }
    }

    private func writeRelayedHead(_ answer: RelayedAnswer, of exchange: HTTPExchange, endsStream: Bool) {
        guard let connection = self.connection, let context = self.context else { return }
        connection.router.answered(exchange, status: answer.status)
        var common = exchange.commonFields
        if !answer.fields.contains(name: "Date") {
            // RFC 9110, section 6.6.1.
            common.append(("date", connection.loopContext.dateText(now: context.eventLoop.now)))
        }
        self.write(
            .headers(.init(headers: HTTP2ResponseHead.fields(of: answer, adding: common), endStream: endsStream))
        )
        if endsStream {
            self.outputEnded()
        }
    }
}

extension HTTP2ResponseHead {
    /// The fields of another server's answer.
    ///
    /// - Parameters:
    ///   - answer: The head.
    ///   - common: Fields that it gets besides.
    /// - Returns: The fields, none of them forbidden.
    static func fields(of answer: RelayedAnswer, adding common: [(name: String, value: String)]) -> HPACKHeaders {
        var fields: HPACKHeaders = [":status": String(answer.status.code)]
        for (name, value, _) in Self.fields(of: answer.fields) {
            fields.add(name: name, value: value, indexing: .nonIndexable)
        }
        for (name, value) in common where ResponseEncoder.isSafe(value) {
            fields.add(name: name.lowercased(), value: value, indexing: .nonIndexable)
        }
        return fields
    }

    /// Fields in lower case, without those of an HTTP/1.1 connection (RFC 9113, section 8.2.2).
    static func fields(of lines: HeaderFields) -> HPACKHeaders {
        var fields = HPACKHeaders()
        for index in 0..<lines.count {
            let name = lines.lowercasedName(at: index)
            if !Self.connectionNames.contains(name), name != "te" {
                fields.add(name: name, value: lines.value(at: index), indexing: .nonIndexable)
            }
        }
        return fields
    }
}
