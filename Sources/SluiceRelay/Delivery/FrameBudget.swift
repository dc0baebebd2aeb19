import DequeModule
package import NIOCore

/// How many frames may go out in any second, sliding.
///
/// At a rate of one or more, at most that many (rounded down) in any second; below one, one frame in each
/// `1 / rate` seconds. The times of the last frames are kept, so the promise holds for every second and not just for
/// those that begin on the clock.
package struct FrameBudget: Sendable {
    /// Added to the window, so that a receiver whose own clock and network jitter a little still counts right.
    static let margin = TimeAmount.milliseconds(5)

    /// Frames a second; 0 is without limit.
    package let framesPerSecond: Double
    private let capacity: Int
    private let window: TimeAmount
    private var sentAt: Deque<NIODeadline> = []

    /// A fresh budget.
    package init(framesPerSecond: Double) {
        precondition(framesPerSecond >= 0, "a frame rate is not negative")
        self.framesPerSecond = framesPerSecond
        self.capacity = framesPerSecond == 0 ? .max : max(1, Int(min(framesPerSecond, 1_000_000)))
        let seconds = framesPerSecond > 0 && framesPerSecond < 1 ? 1 / framesPerSecond : 1
        self.window = .nanoseconds(Int64(seconds * 1_000_000_000)) + Self.margin
    }

    /// A budget of another rate that has not forgotten the frames already sent.
    package init(framesPerSecond: Double, continuing other: FrameBudget) {
        self.init(framesPerSecond: framesPerSecond)
        guard self.capacity != .max else {
            return
        }
        self.sentAt = Deque(other.sentAt.suffix(self.capacity))
    }

    /// Spends one frame, if there is one.
    package mutating func take(now: NIODeadline) -> Bool {
        guard self.capacity != .max else {
            return true
        }
        if self.sentAt.count >= self.capacity {
            guard let oldest = self.sentAt.first, oldest + self.window <= now else {
                return false
            }
            self.sentAt.removeFirst()
        }
        self.sentAt.append(now)
        return true
    }

    /// When there is a frame to spend; in the past if there is one now.
    package var availableAt: NIODeadline {
        guard self.capacity != .max, self.sentAt.count >= self.capacity, let oldest = self.sentAt.first else {
            return .distantPast
        }
        return oldest + self.window
    }
}
