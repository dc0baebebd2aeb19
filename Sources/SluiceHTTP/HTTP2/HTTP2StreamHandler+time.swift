internal import NIOCore

/// How a stream's time is kept, and whether its client takes what waits for it.
extension HTTP2StreamHandler {
    /// Judges whether the client takes the bytes that wait for it.
    ///
    /// - Returns: Whether to look again.
    func lookAtDraining(now: NIODeadline) -> Bool {
        self.isWatched = false
        // The other protocol looks after its clients itself.
        if case .handedOver = self.state { return false }
        guard let connection = self.connection else { return false }
        let isStuck = self.drainMachine.isStuck(
            writtenBytes: self.writtenByteCount,
            waitingBytes: self.waitingBytes,
            patience: self.relayPatience ?? connection.limits.drainTimeout,
            anyByteCounts: self.relayPatience != nil,
            now: now
        )
        if isStuck {
            self.cutSlowReader()
            return false
        }
        self.isWatched = self.drainMachine.deadline != nil
        return self.isWatched
    }

    private var phase: HTTPDeadline.Phase {
        guard case .exchanging(let active) = self.state, !active.machine.requestIsComplete, !active.isRefused,
            !self.isResetAfterAnswer
        else {
            return .handler
        }
        guard case .stream(let idleTimeout) = active.machine.mode, active.machine.answer != .complete else {
            return .body(request: 1)
        }
        // While the handler takes nothing, the silence is not the client's.
        guard !active.isReadingPaused else { return .handler }
        return .stream(idleTimeout: idleTimeout, byteCount: active.streamedByteCount)
    }

    /// Looks at what the stream waits for now, and has the timer fire in time for it.
    func settle() {
        guard let context = self.context, self.connection != nil else { return }
        self.deadline.enter(self.phase, now: context.eventLoop.now)
        guard let instant = self.deadline.instant else { return }
        guard self.timer.isLate(for: instant) else { return }
        self.timer.set(to: instant, on: context.eventLoop) {
            self.timer.fired()
            self.tick(now: instant)
            self.settle()
        }
    }

    private func tick(now: NIODeadline) {
        guard self.deadline.isOver(now: now) else { return }
        switch self.deadline.phase {
        case .body:
            self.end(Problem(.requestTimeout, "The request's body did not arrive in time."), reason: .timedOut)
        case .stream:
            self.end(Problem(.requestTimeout, "No byte of the body arrived for too long."), reason: .timedOut)
        case .firstHead, .head, .idle, .linger, .handler:
            return
        }
    }

    func cancelTimer() {
        self.timer.cancel()
    }
}
