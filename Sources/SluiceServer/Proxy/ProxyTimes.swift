internal import NIOCore

/// How long a request that is passed on may take, and for what.
///
/// The silence of an upload's client is the connection's business. A pure value.
struct ProxyTimes: Sendable {
    /// What is over.
    enum Verdict: Equatable {
        /// Nothing yet.
        case goesOn
        /// The upstream has taken nothing of the body for too long.
        case uploadStuck
        /// The answer did not begin in time.
        case noAnswer
        /// No byte of the answer has come for too long.
        case answerStuck
        /// The client ended its side, and is taken to be gone.
        case clientGone
    }

    /// A client that has ended its side may still read what comes so soon.
    static let farewell = TimeAmount.seconds(2)

    private let timeout: TimeAmount
    private let idle: TimeAmount
    private var blockedAt: NIODeadline?
    private var requestEndedAt: NIODeadline?
    private var hasAnswer = false
    private var answerAt: NIODeadline?
    private var leftAt: NIODeadline?

    init(timeout: TimeAmount, idle: TimeAmount) {
        self.timeout = timeout
        self.idle = idle
    }

    /// The upstream takes no more of the body, or takes it again.
    mutating func uploadBlocked(_ isBlocked: Bool, now: NIODeadline) {
        self.blockedAt = isBlocked ? self.blockedAt ?? now : nil
    }

    /// Some of the body was passed on.
    mutating func uploaded(now: NIODeadline) {
        self.leftAt = self.leftAt == nil ? nil : now
    }

    /// The request is whole.
    mutating func requestEnded(now: NIODeadline) {
        self.uploaded(now: now)
        self.requestEndedAt = now
        self.blockedAt = nil
    }

    /// Something of the final answer came.
    mutating func answered(now: NIODeadline) {
        self.hasAnswer = true
        self.answerAt = now
        self.leftAt = self.leftAt == nil ? nil : now
    }

    /// The client takes no more of the answer, or takes it again: whether it takes it too slowly is the connection's
    /// business.
    mutating func answerPaused(_ isPaused: Bool, now: NIODeadline) {
        self.answerAt = isPaused ? nil : now
    }

    /// The client sends nothing more.
    mutating func clientLeft(now: NIODeadline) {
        self.leftAt = self.leftAt ?? now
    }

    /// When there may be another verdict.
    var deadline: NIODeadline? {
        [
            self.blockedAt.map { $0 + self.idle }, self.hasAnswer ? nil : self.requestEndedAt.map { $0 + self.timeout },
            self.answerAt.map { $0 + self.idle }, self.leftAt.map { $0 + Self.farewell },
        ]
        .compactMap { $0 }.min()
    }

    func verdict(now: NIODeadline) -> Verdict {
        if let leftAt, leftAt + Self.farewell <= now {
            return .clientGone
        }
        if !self.hasAnswer, let requestEndedAt, requestEndedAt + self.timeout <= now {
            return .noAnswer
        }
        if let blockedAt, blockedAt + self.idle <= now {
            return .uploadStuck
        }
        if let answerAt, answerAt + self.idle <= now {
            return .answerStuck
        }
        return .goesOn
    }
}
