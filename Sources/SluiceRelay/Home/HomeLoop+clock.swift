import DequeModule
import NIOCore
internal import SluiceBase

/// The turns of a home's loop: frames go out at the end of each, and one timer wakes all scans and waiters.
extension HomeLoop {
    /// An alarm due sooner than this rings in the next turn of the loop, after it has polled its sockets.
    private static let leastDelay = TimeAmount.microseconds(50)
    /// The list of touched scans keeps its room for at most so many.
    private static let keptTouchedCount = 64

    /// Marks a scan that did something in this turn of the loop: at its end the scan's frames go out, once.
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
                self.endTurn(now: self.eventLoop.now)
            }
    }

    private func endTurn(now: NIODeadline) {
        // Scans touched from here on have another turn; the list keeps its room.
        swap(&self.touched, &self.ending)
        for scan in self.ending {
            scan.isTouched = false
            // A scan removed in this turn is skipped.
            guard !scan.isRemoved else {
                continue
            }
            scan.endTurn(now: now)
            self.setAlarm(of: scan)
        }
        self.ending.removeAll(keepingCapacity: self.ending.count <= Self.keptTouchedCount)
        self.setClock()
        self.context.turn.reset()
    }

    /// Has a scan woken when it next has something to do; one that is woken early enough anyway is not looked up.
    private func setAlarm(of scan: ScanHome) {
        let deadline = scan.deadline
        if let wakesAt = scan.wakesAt, wakesAt <= deadline {
            return
        }
        scan.wakesAt = deadline
        self.alarms.set(.scan(scan.id), at: deadline)
    }

    /// Sets the timer, unless it rings early enough for the next alarm.
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

    /// Rings the alarms that are due, each once, until the budget of this turn is spent.
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
            case .turn(let id):
                self.append(id)
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
        scan.wakesAt = nil
        scan.ring(now: now)
        let due = scan.lifecycle.due(now: now)
        if case .announceStall(let silentFor) = due {
            scan.apply(.stalled(silentFor: silentFor))
            scan.storeEvents()
        }
        scan.endTurn(now: now)
        guard case .remove(let end) = due else {
            self.setAlarm(of: scan)
            return
        }
        // Waiting messages go out first, and a half-applied record is finished.
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

    /// Sends everything that waits, a part in each turn of the loop, and finishes half-applied records: the gateway is
    /// about to close its connections.
    func flush(promise: EventLoopPromise<Void>) {
        let scans = self.scans
        for scan in scans {
            scan.release()
            self.setAlarm(of: scan)
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
