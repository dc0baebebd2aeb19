internal import NIOCore
internal import NIOHTTP1

/// How answers of other servers are passed on.
extension HTTPConnectionHandler {
    internal func inform(_ answer: RelayedAnswer) {
        guard case .exchanging(let active) = self.state, active.machine.answer == .awaited,
            !active.exchange.request.isVersion10
        else {
            return
        }
        self.write(self.encoder.encodeInterim(answer))
        self.flushUnlessReading()
    }

    internal func startRelayed(_ answer: RelayedAnswer) {
        guard case .exchanging(let active) = self.state, active.machine.answer == .awaited else { return }
        guard let context = self.context else { return }
        let request = active.exchange.request
        let framing: ResponseEncoder.Framing
        switch answer.framing {
        case .none, .length: framing = .length(nil)
        case .open: framing = request.isVersion10 ? .connection : .chunked
        }
        if case .chunked = framing {
            active.isChunkedAnswer = true
        }
        if case .connection = framing {
            active.closesAfterAnswer = true
            active.endsWithConnection = true
            // Until it is whole: whatever cuts it off must not look like its end.
            context.channel.setReset(true)
        } else {
            active.closesAfterAnswer = !self.persists(active.machine)
        }
        active.machine.answerBegan()
        self.relayPatience = answer.patience
        self.router.answered(active.exchange, status: answer.status)
        let head = self.encoder.encodeRelayed(
            answer,
            common: active.exchange.commonFields,
            framing: framing,
            persistence: active.closesAfterAnswer ? .close : .keepAlive,
            isVersion10: request.isVersion10,
            now: context.eventLoop.now
        )
        self.write(head)
        self.flushUnlessReading()
    }

    internal func finishRelayed(trailers: HeaderFields?) {
        guard case .exchanging(let active) = self.state, active.machine.answer == .streaming else { return }
        if active.endsWithConnection {
            self.context?.channel.setReset(false)
        }
        active.machine.answerEnded()
        active.exchange.driver = nil
        if active.isChunkedAnswer, active.exchange.request.method != .HEAD {
            var end = ByteBuffer(string: "0\r\n")
            trailers?.write(into: &end)
            end.writeStaticString("\r\n")
            self.write(end)
        }
        self.answerEnded(active)
    }

    internal func abortRelayed() {
        guard case .exchanging = self.state else { return }
        self.flushIfNeeded()
        self.close()
    }
}
