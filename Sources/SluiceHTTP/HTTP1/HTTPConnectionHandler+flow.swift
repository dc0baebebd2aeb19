internal import NIOCore
internal import NIOHTTP1
internal import SluiceBase

/// How long answers begin; `HTTPBodySender` says how they go on.
extension HTTPConnectionHandler {
    internal var exchangeAtWork: ActiveExchange? {
        guard case .exchanging(let active) = self.state else { return nil }
        return active
    }

    internal var place: (eventLoop: any EventLoop, packer: LoopPacker)? {
        self.context.map { ($0.eventLoop, self.encoder.context.packer) }
    }

    internal func flushPieces() {
        self.flushUnlessReading()
    }

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
}
