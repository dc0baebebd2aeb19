internal import NIOCore
internal import SluiceBase

/// What sends long answers piece by piece, as the peer takes them: a connection of HTTP/1.1, or a stream of HTTP/2.
///
/// No more of a body is made than there is room for, and no more in one turn of the loop than `HTTPBodyFlow` says;
/// packed bodies take turns (`LoopPacker`). In between the loop looks after the others.
protocol HTTPBodySender: ExchangeDriver {
    /// The exchange at work.
    var exchangeAtWork: ActiveExchange? { get }
    /// Where it runs, and who has packed bodies take turns there; nil once the channel is gone.
    var place: (eventLoop: any EventLoop, packer: LoopPacker)? { get }
    /// Whether the peer takes more.
    var isWritable: Bool { get }
    /// Sends what was written, for a pause.
    func flushPieces()
}

extension HTTPBodySender {
    /// Writes the next piece of a long answer, if it is its time.
    ///
    /// - Parameter isCounted: Whether a piece that is packed counts in this turn of the loop already.
    func pumpBody(isCounted: Bool = false) {
        guard let active = self.exchangeAtWork, let flow = active.flow, !flow.isWaiting, let place = self.place else {
            return
        }
        // Also for the writability that changes within the flush.
        flow.isWaiting = true
        guard isCounted || !flow.isPacked || place.packer.mayPack(HTTPBodyFlow.pieceBytes) else {
            self.packLater(flow)
            return
        }
        switch flow.next() {
        case .bytes(let piece):
            self.writeStreamed(piece)
            self.goOn(with: flow)
        case .later(let future):
            self.flushPieces()
            future.assumeIsolated().whenComplete { _ in self.resume(flow) }
        case .end:
            if let rest = flow.finish() {
                self.writeStreamed(rest)
            }
            active.flow = nil
            self.finishStreamed()
        }
    }

    /// Continues in a later turn of the loop, or when the peer takes bytes again.
    private func goOn(with flow: HTTPBodyFlow) {
        guard let place = self.place else { return }
        if !self.isWritable {
            flow.isWaiting = false
        } else if flow.isPacked {
            self.packLater(flow)
        } else {
            place.eventLoop.nextTurn { self.resume(flow) }
        }
    }

    private func packLater(_ flow: HTTPBodyFlow) {
        self.place?.packer.later(HTTPBodyFlow.pieceBytes) { self.resume(flow, isCounted: true) }
    }

    private func resume(_ flow: HTTPBodyFlow, isCounted: Bool = false) {
        flow.isWaiting = false
        guard self.exchangeAtWork?.flow === flow, self.isWritable else { return }
        self.pumpBody(isCounted: isCounted)
    }
}
