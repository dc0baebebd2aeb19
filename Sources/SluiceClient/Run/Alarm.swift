import NIOPosix
import Synchronization

/// A sleep that any thread can end.
///
/// One task sleeps; a ring while it is awake ends its next sleep at once.
final class Alarm: Sendable {
    private enum State {
        case idle
        case rung
        case sleeping(Task<Void, Never>)
    }

    private let state = Mutex(State.idle)

    /// Ends the sleep.
    func ring() {
        let sleeper: Task<Void, Never>? = self.state.withLock { state in
            guard case .sleeping(let task) = state else {
                state = .rung
                return nil
            }
            state = .idle
            return task
        }
        sleeper?.cancel()
    }

    /// Sleeps until `deadline` or a ring.
    func sleep(until deadline: ContinuousClock.Instant) async {
        let sleeper: Task<Void, Never>? = self.state.withLock { state in
            if case .rung = state {
                state = .idle
                return nil
            }
            let task = Task<Void, Never> { try? await Task.sleep(until: deadline, clock: .continuous) }
            state = .sleeping(task)
            return task
        }
        guard let sleeper else { return }
        await sleeper.value
        self.state.withLock { state in
            if case .sleeping = state { state = .idle }
        }
    }
}

/// Calls that block, kept off the threads that tasks share.
enum Blocking {
    /// Runs `body` on a thread of `pool`, to its end, also in a cancelled task.
    static func run<Result: Sendable>(
        on pool: NIOThreadPool,
        _ body: @escaping @Sendable () -> Result
    ) async -> Result {
        await withCheckedContinuation { continuation in
            pool.submit { _ in continuation.resume(returning: body()) }
        }
    }
}
