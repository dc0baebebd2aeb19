package import NIOCore
internal import Synchronization

/// Counts how often event loops have looked at their sockets, for work in slices that continues only after that.
///
/// A loop runs every due task before it looks, including tasks that came due while others ran, so a short delay alone
/// is not a turn. One count for the process, as the loops are; of a loop that is not watched, such as a test's, the
/// delay has to do.
package enum LoopTurns {
    /// How long work waits at least.
    private static let delay = TimeAmount.microseconds(50)
    /// After this long, the rest of a turn's work continues in the next turn.
    private static let longestTurn = TimeAmount.milliseconds(4)

    /// A piece of work, and the turn that it was asked for in.
    private struct Waiting {
        let turn: UInt64
        let body: () -> Void
    }

    /// The work that waits for one loop, in order, with one timer for all of it.
    private struct Queue {
        var waiting: [Waiting] = []
        var isArmed = false
    }

    private struct Loop {
        let queue: NIOLoopBoundBox<Queue>
        var turn: UInt64 = 0
    }

    private static let loops = Mutex<[ObjectIdentifier: Loop]>([:])
    /// For how many loops work waits; turns are counted only while there is some.
    private static let armedCount = Atomic<Int>(0)

    /// The loops' group tells of each turn from now on.
    package static func watch(_ eventLoops: [any EventLoop]) {
        self.loops.withLock { loops in
            for eventLoop in eventLoops {
                let queue = NIOLoopBoundBox.makeBoxSendingValue(Queue(), eventLoop: eventLoop)
                loops[ObjectIdentifier(eventLoop)] = Loop(queue: queue)
            }
        }
    }

    /// The loops are about to end.
    package static func forget(_ eventLoops: [any EventLoop]) {
        self.loops.withLock { loops in
            for eventLoop in eventLoops {
                loops[ObjectIdentifier(eventLoop)] = nil
            }
        }
    }

    /// A loop has run all tasks that were due, and looks at its sockets next.
    package static func ended(_ eventLoop: ObjectIdentifier) {
        guard self.armedCount.load(ordering: .relaxed) > 0 else { return }
        self.loops.withLock { $0[eventLoop]?.turn += 1 }
    }

    /// Runs something in the loop's next turn.
    static func run(on eventLoop: any EventLoop, _ body: @escaping () -> Void) {
        guard let loop = self.loop(eventLoop) else {
            eventLoop.assumeIsolated().scheduleTask(in: self.delay, body)
            return
        }
        loop.queue.value.waiting.append(Waiting(turn: loop.turn, body: body))
        if !loop.queue.value.isArmed {
            loop.queue.value.isArmed = true
            self.armedCount.add(1, ordering: .relaxed)
            self.arm(loop.queue, on: eventLoop)
        }
    }

    private static func arm(_ queue: NIOLoopBoundBox<Queue>, on eventLoop: any EventLoop) {
        eventLoop.assumeIsolated().scheduleTask(in: self.delay) { self.ring(queue, on: eventLoop) }
    }

    /// Runs the work that was requested before the loop last looked at its sockets.
    private static func ring(_ queue: NIOLoopBoundBox<Queue>, on eventLoop: any EventLoop) {
        let turn = self.loop(eventLoop)?.turn
        let end = eventLoop.now + self.longestTurn
        var due = queue.value.waiting[...]
        queue.value.waiting = []
        while let first = due.first, first.turn != turn, eventLoop.now < end {
            due.removeFirst()
            first.body()
        }
        queue.value.waiting.insert(contentsOf: due, at: 0)
        if queue.value.waiting.isEmpty {
            queue.value.isArmed = false
            self.armedCount.subtract(1, ordering: .relaxed)
        } else {
            self.arm(queue, on: eventLoop)
        }
    }

    private static func loop(_ eventLoop: any EventLoop) -> Loop? {
        self.loops.withLock { $0[ObjectIdentifier(eventLoop)] }
    }
}
