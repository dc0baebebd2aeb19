internal import NIOCore

/// How long the connection may stay in the phase that it is in.
///
/// A phase that continues keeps its deadline, so that a peer gains nothing by sending a byte now and then.
internal struct HTTPDeadline {
    /// What the connection waits for.
    ///
    /// The numbers tell one request, or one piece of a body, from the next.
    enum Phase: Equatable {
        /// The first request's head, from the connection's start.
        case firstHead
        /// A later request's head, from its first byte.
        case head(request: Int)
        /// A request's body, as a whole.
        case body(request: Int)
        /// The next bytes of a streamed body.
        case stream(idleTimeout: TimeAmount, byteCount: Int)
        /// A request after this many.
        case idle(requests: Int)
        /// The peer's end of a connection that the gateway has ended.
        case linger
        /// The handler; it looks after its time itself.
        case handler
    }

    private let limits: HTTPLimits
    private(set) var phase = Phase.handler
    /// When the phase must be over.
    private(set) var instant: NIODeadline?

    /// A deadline for one connection.
    init(limits: HTTPLimits) {
        self.limits = limits
    }

    /// The connection is in this phase; `now` is asked for only if it was not before.
    mutating func enter(_ phase: Phase, now: @autoclosure () -> NIODeadline) {
        guard phase != self.phase else { return }
        self.phase = phase
        self.instant = self.timeout(of: phase).map { now() + $0 }
    }

    /// The phase may take as long again.
    mutating func extend(now: NIODeadline) {
        self.instant = self.timeout(of: self.phase).map { now + $0 }
    }

    /// Whether the phase has gone on for too long.
    func isOver(now: NIODeadline) -> Bool {
        self.instant.map { $0 <= now } ?? false
    }

    private func timeout(of phase: Phase) -> TimeAmount? {
        switch phase {
        case .firstHead, .head: self.limits.headTimeout
        case .body: self.limits.bodyTimeout
        case .stream(let idleTimeout, _): idleTimeout
        case .idle: self.limits.keepAliveTimeout
        case .linger: self.limits.lingerTimeout
        case .handler: nil
        }
    }
}
