import NIOCore

/// How long a subscriber waits for messages that it saw and that the log's leader does not know, and when the leader is
/// asked again.
///
/// A leader that was cut off notices that within ten seconds, and then its answers stop. Whoever only claims to have seen
/// messages costs nine questions.
struct AheadWait: Equatable {
    private static let lifetime = TimeAmount.seconds(12)
    private static let longestDelay = TimeAmount.seconds(2)

    private let end: NIODeadline
    private var delay = TimeAmount.milliseconds(250)

    init(now: NIODeadline) {
        self.end = now + Self.lifetime
    }

    /// When to ask again; nil once the leader's word holds.
    mutating func next(now: NIODeadline) -> TimeAmount? {
        guard now < self.end else {
            return nil
        }
        let delay = min(self.delay, self.end - now)
        self.delay = min(self.delay * 2, Self.longestDelay)
        return delay
    }
}
