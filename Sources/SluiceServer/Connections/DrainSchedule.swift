internal import NIOCore

/// When a gateway that stops ends its connections, and when it asks clients to come back.
///
/// No client is asked to come back before the gateway is gone, and clients that are sent away at the same moment get
/// different times. A pure value.
struct DrainSchedule: Sendable, Equatable {
    /// How much later than the end clients are asked to come back, at least.
    static let margin = TimeAmount.milliseconds(500)
    /// The least time over which the returns are spread.
    static let leastSpread = TimeAmount.seconds(1)

    /// When the gateway is gone at the latest.
    let endsAt: NIODeadline
    /// Over how long the returns are spread.
    private let spread: TimeAmount

    init(now: NIODeadline, grace: TimeAmount) {
        self.endsAt = now + grace
        self.spread = max(Self.leastSpread, .nanoseconds(grace.nanoseconds / 2))
    }

    /// How long to wait before ending one of so many connections: evenly over the first half of the remaining time.
    func delay(of index: Int, among count: Int, now: NIODeadline) -> TimeAmount {
        let left = max(0, (self.endsAt - now).nanoseconds)
        return .nanoseconds(left / 2 / Int64(max(1, count)) * Int64(index))
    }

    /// How long a client that is sent away now should stay away, in milliseconds.
    ///
    /// - Parameters:
    ///   - now: The loop's time.
    ///   - share: Where in the spread of the returns, 0 to 1000; drawn for each anew.
    /// - Returns: More than the time that is left.
    func retryAfterMilliseconds(now: NIODeadline, share: Int64 = .random(in: 0...1000)) -> Int {
        let left = max(.zero, self.endsAt - now) + Self.margin
        let later = self.spread.nanoseconds / 1000 * share
        return Int((left.nanoseconds + later + 999_999) / 1_000_000)
    }
}
