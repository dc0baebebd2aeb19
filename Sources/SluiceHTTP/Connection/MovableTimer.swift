internal import NIOCore

/// A timer that is moved only when it would fire too late: what waits less and less long costs no timer each time.
struct MovableTimer {
    private var task: Scheduled<Void>?
    private var instant: NIODeadline?

    /// Whether it would fire behind this instant, or not at all.
    func isLate(for instant: NIODeadline) -> Bool {
        self.instant.map { $0 > instant } ?? true
    }

    /// Sets it anew; `fire` tells it by `fired()`.
    mutating func set(to instant: NIODeadline, on eventLoop: any EventLoop, fire: @escaping () -> Void) {
        self.task?.cancel()
        self.instant = instant
        self.task = eventLoop.assumeIsolated().scheduleTask(deadline: instant, fire)
    }

    mutating func fired() {
        self.task = nil
        self.instant = nil
    }

    mutating func cancel() {
        self.task?.cancel()
        self.fired()
    }
}
