import Dispatch
import NIOCore

/// One of several event loops that a schedule moves by hand, task by task, so that hops from one to the other can be
/// held back and interleaved.
///
/// Invariant behind `@unchecked Sendable`: a world and all its loops are made, moved and dropped by one thread.
final class ScheduleLoop: EventLoop, @unchecked Sendable {
    private struct Timer {
        var deadline: NIODeadline
        var run: () -> Void
        var cancel: () -> Void
    }

    let index: Int
    private unowned let world: ScheduleWorld
    private var tasks: [() -> Void] = []
    private var timers: [Int: Timer] = [:]
    private var nextTimer = 0

    init(index: Int, world: ScheduleWorld) {
        self.index = index
        self.world = world
    }

    var inEventLoop: Bool { self.world.current === self }

    var now: NIODeadline { self.world.now }

    var isIdle: Bool { self.tasks.isEmpty }

    /// How many timers are set.
    var timerCount: Int { self.timers.count }

    /// When the next timer rings.
    var deadline: NIODeadline? { self.timers.values.map(\.deadline).min() }

    func execute(_ task: @escaping @Sendable () -> Void) {
        self.tasks.append(task)
    }

    func scheduleTask<T>(
        deadline: NIODeadline,
        _ task: @escaping @Sendable () throws -> T
    ) -> Scheduled<T> {
        let promise = self.makePromise(of: T.self)
        let number = self.nextTimer
        self.nextTimer += 1
        self.timers[number] = Timer(
            deadline: deadline,
            run: { promise.assumeIsolated().completeWith(Result { try task() }) },
            cancel: { promise.fail(EventLoopError.cancelled) }
        )
        return Scheduled(promise: promise) { self.timers[number] = nil }
    }

    func scheduleTask<T>(in delay: TimeAmount, _ task: @escaping @Sendable () throws -> T) -> Scheduled<T> {
        self.scheduleTask(deadline: self.now + delay, task)
    }

    /// Runs the task that has waited longest.
    func runOne() {
        let task = self.tasks.removeFirst()
        self.world.on(self) { task() }
    }

    /// The timers that are due become tasks.
    func ring() {
        let due = self.timers.filter { $0.value.deadline <= self.now }
        for (number, timer) in due.sorted(by: { ($0.value.deadline, $0.key) < ($1.value.deadline, $1.key) }) {
            self.timers[number] = nil
            self.tasks.append(timer.run)
        }
    }

    /// Nothing more will run here.
    func cancelAll() {
        let timers = self.timers.values
        self.timers.removeAll()
        self.world.on(self) {
            for timer in timers {
                timer.cancel()
            }
        }
    }

    func shutdownGracefully(queue: DispatchQueue, _ callback: @escaping @Sendable ((any Error)?) -> Void) {
        self.cancelAll()
        queue.async { callback(nil) }
    }
}
