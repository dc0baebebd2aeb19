internal import NIOCore
internal import NIOHTTP1

/// How another protocol gets the connection.
extension HTTPConnectionHandler {
    private typealias Fields = [(name: String, value: String)]

    internal func takeOver(
        status: HTTPResponseStatus,
        headers: [(name: String, value: String)],
        then: @escaping (any Channel) -> Void
    ) {
        self.takeOver(status, then: then) { context, request, fields in
            self.encoder.encodeHead(
                status: status,
                headers: fields(headers),
                framing: .connection,
                persistence: status == .switchingProtocols ? .upgrade : .close,
                isVersion10: request.isVersion10,
                now: context.eventLoop.now
            )
        }
    }

    internal func takeOver(_ answer: RelayedAnswer, then: @escaping (any Channel) -> Void) {
        guard case .exchanging(let active) = self.state else { return }
        let common = active.exchange.commonFields
        self.tellsInputClosed = true
        self.takeOver(answer.status, then: then) { context, request, _ in
            self.router.answered(active.exchange, status: answer.status)
            return self.encoder.encodeRelayed(
                answer,
                common: common,
                framing: .length(nil),
                persistence: .upgrade,
                isVersion10: request.isVersion10,
                now: context.eventLoop.now
            )
        }
    }

    private func takeOver(
        _ status: HTTPResponseStatus,
        then: @escaping (any Channel) -> Void,
        head: (ChannelHandlerContext, HTTPRequest, (_ headers: Fields) -> Fields) -> ByteBuffer
    ) {
        guard case .exchanging(let active) = self.state, active.machine.answer == .awaited else { return }
        guard let context = self.context else { return }
        guard !active.closesAfterAnswer else {
            // Bytes received behind the request were discarded and counted then: the other protocol would begin with a
            // hole.
            self.respond(self.response(Self.overfull, active.exchange), closing: true)
            active.handler.aborted(.overloaded)
            return
        }
        let bytes = head(context, active.exchange.request) { self.fields($0, of: active.exchange, status) }
        active.exchange.driver = nil
        // No further request comes on this connection.
        self.connection.note = nil
        self.state = .handingOver
        self.gate.hold()
        self.cancelTimer()
        self.write(bytes)
        self.flushUnlessReading()
        let handler = active.handler
        // The gate may be in the middle of what it has read: until the next turn of the loop it keeps what arrives.
        context.eventLoop.assumeIsolated()
            .execute {
                self.handOver(handler, then: then)
            }
    }

    private func handOver(_ handler: any RequestHandler, then: (any Channel) -> Void) {
        guard case .handingOver = self.state, let context = self.context, context.channel.isActive else {
            handler.aborted(.peerClosed)
            return
        }
        self.flushIfNeeded()
        // The next protocol has its own rules for a peer that stops sending.
        try? context.channel.syncOptions?.setOption(.allowRemoteHalfClosure, value: false)
        let channel = context.channel
        context.pipeline.syncOperations.removeHandler(self, promise: nil)
        then(channel)
        self.gate.release()
    }
}
