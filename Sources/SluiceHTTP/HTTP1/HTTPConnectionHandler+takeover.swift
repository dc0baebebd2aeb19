internal import NIOCore
internal import NIOHTTP1

/// How another protocol gets the connection.
extension HTTPConnectionHandler {
    internal func takeOver(
        status: HTTPResponseStatus,
        headers: [(name: String, value: String)],
        then: @escaping (any Channel) -> Void
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
        let head = self.encoder.encodeHead(
            status: status,
            headers: self.fields(headers, of: active.exchange, status),
            framing: .connection,
            persistence: status == .switchingProtocols ? .upgrade : .close,
            isVersion10: active.exchange.request.isVersion10,
            now: context.eventLoop.now
        )
        active.exchange.driver = nil
        // No further request comes on this connection.
        self.connection.note = nil
        self.state = .handingOver
        self.gate.hold()
        self.cancelTimer()
        self.write(head)
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
