internal import NIOCore

/// Decides how one request's body and its connection are treated.
///
/// Touches neither.
internal struct ExchangeMachine {
    /// How far the answer is.
    enum Answer: Equatable {
        case awaited
        case streaming
        case complete
    }

    /// The action once the handler has started and has not answered.
    enum StartAction: Equatable {
        /// Send a 100: the client waits for it (RFC 9110, section 10.1.1).
        case sendContinue
        /// The head says already that the body is too long.
        case refuseTooLarge(limit: Int)
        case doNothing
    }

    /// How to treat some bytes of the body.
    enum BodyAction: Equatable {
        case collect
        case stream
        case discard
        /// The body is longer than the handler takes.
        case refuseTooLarge(limit: Int)
        /// The answer is out, and the rest of the body is not worth reading.
        case giveUp
    }

    /// The call to the handler at the end of the body.
    enum EndAction: Equatable {
        case deliverBody
        case deliverEnd
        case doNothing
    }

    private let isKeepAlive: Bool
    private let hasBody: Bool
    private let contentLength: Int?
    private let expectsContinue: Bool
    private let maximumDrainedBytes: Int
    private(set) var mode: BodyMode?
    private(set) var answer = Answer.awaited
    private(set) var requestIsComplete: Bool
    private var bodyByteCount = 0
    private var drainedByteCount = 0

    /// An exchange whose head has been accepted.
    init(_ accepted: RequestHeadCheck.Accepted, limits: HTTPLimits) {
        let request = accepted.request
        // What follows such a request might not be HTTP.
        self.isKeepAlive = request.isKeepAlive && !accepted.asksForUpgrade
        self.hasBody = request.hasBody
        // Without a body the head is all; an answer given at once need not wait to be told so.
        self.requestIsComplete = !request.hasBody
        self.contentLength = request.contentLength
        self.expectsContinue = request.expectsContinue
        self.maximumDrainedBytes = limits.maximumDrainedBytes
    }

    /// Whether request and answer are both complete.
    var isOver: Bool {
        self.requestIsComplete && self.answer == .complete
    }

    /// Whether the connection can be used again after an answer that is about to be written.
    var persistsAfterAnswer: Bool {
        guard self.isKeepAlive else { return false }
        guard !self.requestIsComplete else { return true }
        // A client that waits for a 100 and gets another answer may send the body or leave it, which cannot be told apart.
        if self.expectsContinue, self.bodyByteCount == 0 { return false }
        if case .stream = self.mode { return false }
        guard let contentLength else { return true }
        return contentLength - self.bodyByteCount <= self.maximumDrainedBytes
    }

    /// The handler was started, has not answered, and wants this.
    mutating func started(mode: BodyMode) -> StartAction {
        self.mode = mode
        guard self.hasBody else { return .doNothing }
        if let limit = self.limit(of: mode), let contentLength, contentLength > limit {
            return .refuseTooLarge(limit: limit)
        }
        guard self.expectsContinue else { return .doNothing }
        return mode == .none ? .doNothing : .sendContinue
    }

    /// Some bytes of the body have arrived.
    mutating func receivedBody(byteCount: Int) -> BodyAction {
        self.bodyByteCount += byteCount
        guard self.answer == .awaited || self.isStreamed, let mode else {
            return self.drain(byteCount: byteCount)
        }
        switch mode {
        case .stream:
            return .stream
        case .collect(let limit):
            return self.bodyByteCount <= limit ? .collect : .refuseTooLarge(limit: limit)
        case .none:
            let limit = self.maximumDrainedBytes
            return self.bodyByteCount <= limit ? .discard : .refuseTooLarge(limit: limit)
        }
    }

    /// The request is complete.
    mutating func receivedEnd() -> EndAction {
        self.requestIsComplete = true
        guard self.answer == .awaited || self.isStreamed, let mode else { return .doNothing }
        switch mode {
        case .none: return .doNothing
        case .collect: return .deliverBody
        case .stream: return .deliverEnd
        }
    }

    /// An answer of open length was begun.
    mutating func answerBegan() {
        self.answer = .streaming
    }

    /// The answer is complete.
    mutating func answerEnded() {
        self.answer = .complete
    }

    /// Whether a streamed body still goes to the handler while its streamed answer is under way.
    private var isStreamed: Bool {
        if case .stream = self.mode { self.answer == .streaming } else { false }
    }

    private func limit(of mode: BodyMode) -> Int? {
        switch mode {
        case .none: self.maximumDrainedBytes
        case .collect(let limit): limit
        case .stream: nil
        }
    }

    private mutating func drain(byteCount: Int) -> BodyAction {
        self.drainedByteCount += byteCount
        return self.drainedByteCount <= self.maximumDrainedBytes ? .discard : .giveUp
    }
}
