import NIOPosix

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
