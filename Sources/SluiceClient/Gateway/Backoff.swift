/// How long to wait before the next try: twice as long after each failure, and never in step with other clients.
struct Backoff: Sendable {
    private let base: Duration
    private let maximum: Duration
    private(set) var failureCount = 0

    /// A backoff without a failure.
    ///
    /// - Parameters:
    ///   - base: The wait after the first failure, before jitter.
    ///   - maximum: No wait is longer than this, but what the gateway asks for.
    init(base: Duration, maximum: Duration) {
        self.base = base
        self.maximum = maximum
    }

    /// Something worked: the next failure is a first one.
    mutating func succeeded() {
        self.failureCount = 0
    }

    /// Something failed: how long to wait.
    ///
    /// - Parameters:
    ///   - jitter: A random number from 0 to 1; the wait is between half and the whole of its length.
    ///   - atLeast: What the gateway asks for; the jitter then comes on top of it.
    /// - Returns: The wait.
    mutating func failed(jitter: Double, atLeast: Duration? = nil) -> Duration {
        let doubled = min(self.base * (1 << min(self.failureCount, 16)), self.maximum)
        self.failureCount += 1
        if let atLeast { return atLeast + self.base * jitter }
        return doubled * (0.5 + 0.5 * min(max(jitter, 0), 1))
    }
}
