internal import NIOCore
internal import SluiceBase

/// How late the event loops are: each has a timer that rings some times a second, and looks by how much it is late.
///
/// A delay of a loop by more than the interval is always seen.
final class LoopLag: Sendable {
    private struct Meter {
        var lags = Histogram(bounds: Histogram.timeBounds)
        var timer: Scheduled<Void>?
    }

    /// How often each loop is looked at.
    static let interval = TimeAmount.milliseconds(250)

    private let eventLoops: [any EventLoop]
    private let meters: [NIOLoopBoundBox<Meter>]

    init(_ eventLoops: [any EventLoop]) {
        self.eventLoops = eventLoops
        self.meters = eventLoops.map { NIOLoopBoundBox.makeBoxSendingValue(Meter(), eventLoop: $0) }
    }

    /// Begins to look.
    func start() {
        for (eventLoop, meter) in zip(self.eventLoops, self.meters) {
            eventLoop.execute { Self.setTimer(of: meter, on: eventLoop) }
        }
    }

    /// Stops checking.
    func stop() {
        for (eventLoop, meter) in zip(self.eventLoops, self.meters) {
            eventLoop.execute {
                meter.value.timer?.cancel()
                meter.value.timer = nil
            }
        }
    }

    /// By how much the timers of all loops were late, in seconds.
    func lags(on eventLoop: any EventLoop) -> EventLoopFuture<Histogram> {
        let lags = zip(self.eventLoops, self.meters).map { loop, meter in loop.submit { meter.value.lags } }
        return EventLoopFuture.whenAllSucceed(lags, on: eventLoop)
            .map { lags in
                lags.reduce(into: Histogram(bounds: Histogram.timeBounds)) { $0.add($1) }
            }
    }

    private static func setTimer(of meter: NIOLoopBoundBox<Meter>, on eventLoop: any EventLoop) {
        let due = eventLoop.now + Self.interval
        meter.value.timer = eventLoop.scheduleTask(deadline: due) {
            meter.value.lags.observe(Double((eventLoop.now - due).nanoseconds) / 1_000_000_000)
            Self.setTimer(of: meter, on: eventLoop)
        }
    }
}
