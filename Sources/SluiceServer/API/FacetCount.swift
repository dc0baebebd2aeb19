internal import NIOCore
internal import SluiceBase
internal import SluiceRelay

/// One request's part of the counting: on from where the last one ended, in slices.
final class FacetCount {
    struct Outcome {
        /// What is kept; nil where there is no such scan, or nothing was counted yet.
        var tally: FacetTally?
        var answer: Result<FacetTally?, any Error>
    }

    private let limits: FacetBoard.Limits
    private let read: (HistoryRequest) -> EventLoopFuture<HistoryPage?>
    private let eventLoop: any EventLoop
    private let done: (Outcome) -> Void
    private var tally: FacetTally?
    private var remainingBytes = FacetBoard.maximumBytes

    init(
        _ tally: FacetTally?,
        _ limits: FacetBoard.Limits,
        read: @escaping (HistoryRequest) -> EventLoopFuture<HistoryPage?>,
        on eventLoop: any EventLoop,
        done: @escaping (Outcome) -> Void
    ) {
        self.tally = tally
        self.limits = limits
        self.read = read
        self.eventLoop = eventLoop
        self.done = done
    }

    func run() {
        var request = HistoryRequest(maximumCount: FacetBoard.sliceCount, maximumBytes: FacetBoard.sliceBytes)
        request.after = self.tally?.through ?? 0
        self.read(request).assumeIsolated()
            .whenComplete { result in
                switch result {
                case .success(let page?):
                    self.take(page, after: request.after)
                case .success(nil):
                    self.done(Outcome(tally: nil, answer: .success(nil)))
                case .failure(let error):
                    self.done(Outcome(tally: self.tally, answer: .failure(error)))
                }
            }
    }

    private func take(_ page: HistoryPage, after: Seq) {
        var tally = self.tally.take() ?? FacetTally(epoch: page.epoch)
        if tally.epoch != page.epoch {
            // Another life of the scan: what was read of it lies somewhere in the middle.
            tally = FacetTally(epoch: page.epoch)
            if after > 0 {
                self.tally = tally
                return self.goOn(after: FacetBoard.sliceBytes)
            }
        }
        tally.take(page, maximumValues: self.limits.values)
        self.tally = tally
        guard !tally.isComplete else {
            return self.done(Outcome(tally: tally, answer: .success(tally)))
        }
        // A slice without any messages cost something, too.
        self.goOn(after: max(page.entries.reduce(0) { $0 + $1.message.byteCount }, FacetBoard.sliceBytes / 16))
    }

    private func goOn(after byteCount: Int) {
        self.remainingBytes -= byteCount
        guard self.remainingBytes > 0 else {
            return self.done(Outcome(tally: self.tally, answer: .success(self.tally)))
        }
        self.eventLoop.nextTurn { self.run() }
    }
}
