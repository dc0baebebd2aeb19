import DequeModule
import NIOCore
internal import SluiceBase

/// The turns of a home's loop: what was made in one goes out at its end, and one timer wakes all scans and waiters.
extension HomeLoop {
    /// Where something is due sooner, the loop looks at its sockets first.
    private static let leastDelay = TimeAmount.microseconds(50)

    /// The scan did something in this loop turn: at its end what was made goes out, once.
    func touch(_ scan: ScanHome) {
        guard !scan.isTouched else {
            return
        }
        scan.isTouched = true
        self.touched.append(scan)
        guard self.touched.count == 1 else {
            return
        }
        self.eventLoop.assumeIsolated()
            .execute {
                let touched = self.touched
                self.touched = []
                let now = self.eventLoop.now
                for scan in touched {
                    scan.isTouched = false
                    // A scan removed in this turn is skipped.
                    guard self.live(scan.id)?.scan === scan else {
                        continue
                    }
                    scan.endTurn(now: now)
                    self.alarms.set(.scan(scan.id), at: scan.deadline)
                }
                self.setClock()
                self.context.turn.reset()
            }
    }

    /// Sets the timer, if the next one is to be woken sooner than it rings.
    func setClock() {
        guard let next = self.alarms.next else {
            return
        }
        let soonest = self.eventLoop.now + Self.leastDelay
        if let clock = self.clock {
            guard max(next, soonest) < clock.at else {
                return
            }
            clock.task?.cancel()
        }
        guard next > soonest else {
            self.clock = (.distantPast, nil)
            self.eventLoop.nextTurn { self.ring() }
            return
        }
        self.clock = (next, self.eventLoop.assumeIsolated().scheduleTask(deadline: next) { self.ring() })
    }

    /// Wakes whose time has come, each once, as far as this turn of the loop has room.
    private func ring() {
        self.clock = nil
        self.context.turn.reset()
        let now = self.eventLoop.now
        for alarm in self.alarms.popAllDue(now: now) {
            guard self.context.turn.hasRoom else {
                self.alarms.set(alarm, at: now)
                continue
            }
            switch alarm {
            case .scan(let id):
                self.wake(id, now: now)
            case .waiter(let scanID, let id):
                self.waitIsOver(id, scanID: scanID)
            }
        }
        self.setClock()
    }

    private func wake(_ id: ScanID, now: NIODeadline) {
        switch self.presence[id] {
        case .live(let live):
            self.wake(live, now: now)
        case .dormant(let dormant):
            self.wake(dormant, now: now)
        case .awaited, .loading, nil:
            break
        }
    }

    private func wake(_ live: LiveScan, now: NIODeadline) {
        let scan = live.scan
        scan.ring(now: now)
        let due = scan.lifecycle.due(now: now)
        if case .announceStall(let silentFor) = due {
            scan.apply(.stalled(silentFor: silentFor))
            scan.storeEvents()
        }
        scan.endTurn(now: now)
        guard case .remove(let end) = due else {
            self.alarms.set(.scan(scan.id), at: scan.deadline)
            return
        }
        // First what waits goes out, and a record that is half applied is finished.
        if !scan.isApplying, !scan.isFlushing {
            scan.release()
        }
        guard !scan.isApplying, !scan.isFlushing else {
            self.alarms.set(.scan(scan.id), at: now)
            return
        }
        if self.context.engine != nil {
            self.writeEnd(of: live, end)
        } else {
            self.end(live, end)
        }
    }

    /// Everything that waits goes out, a part in each turn of the loop, and records that are half applied are finished:
    /// the gateway is about to close its connections.
    func flush(promise: EventLoopPromise<Void>) {
        let scans = self.scans
        for scan in scans {
            scan.release()
            self.alarms.set(.scan(scan.id), at: scan.deadline)
        }
        self.setClock()
        self.flushed(scans, promise)
    }

    private func flushed(_ scans: [ScanHome], _ promise: EventLoopPromise<Void>) {
        let rest = scans.filter { self.live($0.id)?.scan === $0 && $0.isFlushing }
        guard !rest.isEmpty || !self.openScans.isEmpty else {
            promise.succeed()
            return
        }
        self.eventLoop.nextTurn { self.flushed(rest, promise) }
    }
}
