internal import NIOCore
internal import NIOHTTP1
internal import SluiceBase

/// How long answers leave: piece by piece, as the peer takes them.
///
/// No more of a body is made than the socket has room for, and no more in one turn of the loop than `HTTPBodyFlow`
/// says; packed bodies take turns (`LoopPacker`). In between the loop looks after the others.
extension HTTPConnectionHandler {
    /// Begins an answer whose body a source makes.
    internal func stream(_ response: HTTPResponse, from source: any HTTPBodySource, isPacked: Bool, persists: Bool) {
        guard case .exchanging(let active) = self.state, let context = self.context else { return }
        let request = active.exchange.request
        let isHead = request.method == .HEAD
        let packer =
            isPacked && !isHead
            ? HTTPBodyPacker(level: ContentCoding.level, memory: self.encoder.context.memory) : nil
        let isCoded = packer != nil || isPacked && isHead
        var response = response
        if isCoded {
            response.headers.append(("Content-Encoding", "gzip"))
        }
        let framing = Self.framing(isCoded ? nil : source.byteCount, isHead: isHead, isVersion10: request.isVersion10)
        if case .chunked = framing {
            active.isChunkedAnswer = true
        }
        if case .connection = framing {
            active.closesAfterAnswer = true
        } else {
            active.closesAfterAnswer = !persists
        }
        active.machine.answerBegan()
        active.exchange.driver = nil
        _ = active.takeCollected()
        let head = self.encoder.encodeHead(
            of: response,
            framing: framing,
            persistence: active.closesAfterAnswer ? .close : .keepAlive,
            isVersion10: request.isVersion10,
            now: context.eventLoop.now
        )
        self.write(head)
        guard !isHead else {
            self.finishStreamed()
            return
        }
        active.flow = HTTPBodyFlow(source, packer: packer, meter: active.exchange.meter)
        self.pumpBody()
    }

    private static func framing(_ byteCount: Int?, isHead: Bool, isVersion10: Bool) -> ResponseEncoder.Framing {
        if byteCount != nil || isHead {
            return .length(byteCount)
        }
        return isVersion10 ? .connection : .chunked
    }

    /// Writes the next piece of a long answer, if it is its time.
    ///
    /// - Parameter isCounted: Whether a piece that is packed counts in this turn of the loop already.
    internal func pumpBody(isCounted: Bool = false) {
        guard case .exchanging(let active) = self.state, let flow = active.flow, !flow.isWaiting else { return }
        // Also for the writability that changes within the flush.
        flow.isWaiting = true
        guard isCounted || !flow.isPacked || self.encoder.context.packer.mayPack(HTTPBodyFlow.pieceBytes) else {
            self.packLater(flow)
            return
        }
        switch flow.next() {
        case .bytes(let piece):
            self.writeStreamed(piece)
            self.goOn(with: flow)
        case .later(let future):
            self.flushUnlessReading()
            future.assumeIsolated().whenComplete { _ in self.resume(flow) }
        case .end:
            if let rest = flow.finish() {
                self.writeStreamed(rest)
            }
            active.flow = nil
            self.finishStreamed()
        }
    }

    /// Continues in a later turn of the loop, or when a full socket takes bytes again.
    private func goOn(with flow: HTTPBodyFlow) {
        guard let context = self.context else { return }
        if context.channel.isWritable {
            if flow.isPacked {
                self.packLater(flow)
            } else {
                context.eventLoop.nextTurn { self.resume(flow) }
            }
        } else {
            flow.isWaiting = false
        }
    }

    private func packLater(_ flow: HTTPBodyFlow) {
        self.encoder.context.packer.later(HTTPBodyFlow.pieceBytes) { self.resume(flow, isCounted: true) }
    }

    private func resume(_ flow: HTTPBodyFlow, isCounted: Bool = false) {
        flow.isWaiting = false
        guard case .exchanging(let active) = self.state, active.flow === flow, self.isWritable else { return }
        self.pumpBody(isCounted: isCounted)
    }
}
