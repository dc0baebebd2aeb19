package import NIOCore

/// How the connection's time is kept: one timer that is moved only when it would fire too late.
extension HTTPConnectionHandler {
    /// Looks at what the connection waits for now, and has the timer fire in time for it.
    internal func settle() {
        guard let context = self.context, context.channel.isActive else { return }
        if self.isInputClosed, self.endAfterInput() {
            return
        }
        if case .lingering = self.state, self.gate.discardedByteCount > self.limits.maximumLingerBytes {
            self.close()
            return
        }
        self.deadline.enter(self.phase, now: context.eventLoop.now)
        self.armTimer(context)
    }

    /// Ends the connection if it has been in its phase for too long.
    package func tick(now: NIODeadline) {
        if let drainLookAt, drainLookAt <= now {
            self.lookAtDraining(now: now)
        }
        guard self.deadline.isOver(now: now), !self.isBeingRead(now: now) else { return }
        switch self.deadline.phase {
        case .firstHead, .head:
            guard self.gate.isWithinHead else {
                self.close()
                return
            }
            self.refuseConnection(Problem(.requestTimeout, "The request's head did not arrive in time."))
        case .body:
            self.end(Problem(.requestTimeout, "The request's body did not arrive in time."), reason: .timedOut)
        case .stream:
            self.end(Problem(.requestTimeout, "No byte of the body arrived for too long."), reason: .timedOut)
        case .idle, .linger:
            self.close()
        case .handler:
            return
        }
    }

    /// After the peer's last byte: ends the connection if it cannot continue.
    ///
    /// - Returns: Whether the connection was ended.
    private func endAfterInput() -> Bool {
        switch self.state {
        case .ready:
            guard !self.gate.awaitsTurn else { return false }
            // No request can follow, and an incomplete request will not be finished.
            self.closeAfterFlush()
            return true
        case .exchanging(let active):
            // Bytes that a paused handler has not seen yet may hold the body's end.
            guard !active.machine.requestIsComplete, self.gate.heldByteCount == 0 else { return false }
            self.abort(.peerClosed)
            self.close()
            return true
        case .lingering, .handingOver, .closed:
            return false
        }
    }

    /// Whether the time is up only because the peer takes an answer slowly.
    ///
    /// Then it gets as much time again, and it is watched whether it takes enough.
    private func isBeingRead(now: NIODeadline) -> Bool {
        switch self.deadline.phase {
        case .idle, .linger: break
        case .firstHead, .head, .body, .stream, .handler: return false
        }
        guard let channel = self.context?.channel, channel.waitingBytes > 0 else { return false }
        self.deadline.extend(now: now)
        if self.drainLookAt == nil {
            self.lookAtDraining(now: now)
        }
        return true
    }

    // MARK: Peers that take nothing

    /// The socket is full, or takes bytes again.
    internal func noteWritability(_ isWritable: Bool, now: NIODeadline) {
        self.blockedSince = isWritable ? nil : (self.blockedSince ?? now)
        self.encoder.context.note(self, isFull: !isWritable)
        guard !isWritable, self.drainLookAt == nil else { return }
        self.lookAtDraining(now: now)
        if let context = self.context {
            self.armTimer(context)
        }
    }

    /// Checks the bytes that wait for the peer, and sets the time of the next check.
    private func lookAtDraining(now: NIODeadline) {
        guard let channel = self.context?.channel else { return }
        let isStuck = self.drainMachine.isStuck(
            writtenBytes: self.writtenByteCount,
            waitingBytes: channel.waitingBytes,
            patience: self.relayPatience ?? self.limits.drainTimeout,
            anyByteCounts: self.relayPatience != nil,
            now: now
        )
        self.drainLookAt = self.drainMachine.deadline.map { min($0, now + Self.drainInterval) }
        if isStuck {
            self.cutSlowReader()
        }
    }

    /// Ends the connection of a peer that does not take its answers.
    internal func cutSlowReader() {
        guard let channel = self.context?.channel else { return }
        self.router.slowReaderCut()
        self.encoder.context.note(self, isFull: false)
        self.abort(.connectionClosed)
        self.state = .closed
        channel.cut()
    }

    /// How often to check whether a peer takes the bytes that wait for it.
    private static var drainInterval: TimeAmount { .seconds(1) }

    internal func cancelTimer() {
        self.timer.cancel()
    }

    private var phase: HTTPDeadline.Phase {
        switch self.state {
        case .ready:
            if self.requestCount == 0 { return .firstHead }
            return self.gate.isWithinHead && self.isWritable
                ? .head(request: self.requestCount + 1) : .idle(requests: self.requestCount)
        case .exchanging(let active):
            guard !active.machine.requestIsComplete, !active.isRefused else { return .handler }
            guard case .stream(let idleTimeout) = active.machine.mode, active.machine.answer != .complete else {
                return .body(request: self.requestCount)
            }
            // While the handler takes nothing, the silence is not the peer's.
            guard !active.isReadingPaused else { return .handler }
            return .stream(idleTimeout: idleTimeout, byteCount: active.streamedByteCount)
        case .lingering:
            return .linger
        case .handingOver, .closed:
            return .handler
        }
    }

    private func armTimer(_ context: ChannelHandlerContext) {
        guard let instant = Self.earlier(self.deadline.instant, self.drainLookAt) else { return }
        if self.timer.isLate(for: instant) {
            self.timer.set(to: instant, on: context.eventLoop) { self.timerFired() }
        }
    }

    private static func earlier(_ one: NIODeadline?, _ other: NIODeadline?) -> NIODeadline? {
        guard let one, let other else { return one ?? other }
        return min(one, other)
    }

    private func timerFired() {
        self.timer.fired()
        guard let context = self.context else { return }
        self.tick(now: context.eventLoop.now)
        self.settle()
    }
}
