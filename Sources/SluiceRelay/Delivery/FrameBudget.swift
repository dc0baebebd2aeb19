import DequeModule
package import NIOCore
import SluiceBase

/// How many frames may go out in any second, sliding.
///
/// At a rate of one or more, at most that many (rounded down) in any second; below one, one frame in each
/// `1 / rate` seconds. The times of the last frames are kept, so the promise holds for every second and not just for
/// those that begin on the clock.
package struct FrameBudget: Sendable {
    /// Added to the window, so that a receiver whose own clock and network jitter a little still counts right.
    static let margin = TimeAmount.milliseconds(5)

    /// The window of every rate of one or more; no frame is forgotten sooner, since the rate may change.
    private static let fullSecond = TimeAmount.seconds(1) + Self.margin

    /// No window is longer, in seconds, however low the rate.
    private static let longestWindow = 86_400.0

    /// Frames a second; 0 is without limit.
    package let framesPerSecond: Double
    private let capacity: Int
    private let window: TimeAmount
    /// When the last frames were sent, oldest first: those that count, and those that would at another rate.
    private var sentAt: Deque<NIODeadline> = []
    /// How many of the last ones have not been handed over yet.
    private var freshCount = 0

    /// A fresh budget.
    package init(framesPerSecond: Double) {
        precondition(framesPerSecond >= 0, "a frame rate is not negative")
        self.framesPerSecond = framesPerSecond
        self.capacity =
            framesPerSecond == 0 ? .max : max(1, Int(clamping: min(framesPerSecond, 1_000_000).rounded(.down)))
        let seconds = framesPerSecond > 0 && framesPerSecond < 1 ? min(1 / framesPerSecond, Self.longestWindow) : 1
        self.window = .nanoseconds(Int64(clamping: seconds * 1_000_000_000)) + Self.margin
    }

    /// A budget of another rate that has not forgotten the frames already sent.
    package init(framesPerSecond: Double, continuing other: FrameBudget) {
        self.init(framesPerSecond: framesPerSecond)
        guard self.capacity != .max else {
            return
        }
        self.sentAt = other.sentAt
    }

    /// Spends frames that go out together, if the budget has that many.
    ///
    /// More than a window ever has cost a whole window.
    package mutating func take(_ count: Int = 1, now: NIODeadline) -> Bool {
        guard self.capacity != .max else {
            return true
        }
        guard self.availableAt(count) <= now else {
            return false
        }
        self.charge(count, now: now)
        return true
    }

    /// Spends frames, whether the budget has that many or not.
    package mutating func charge(_ count: Int = 1, now: NIODeadline) {
        guard self.capacity != .max else {
            return
        }
        let count = min(count, self.capacity)
        while let oldest = self.sentAt.first, oldest + max(self.window, Self.fullSecond) <= now {
            self.sentAt.removeFirst()
        }
        self.sentAt.append(contentsOf: repeatElement(now, count: count))
        self.freshCount = min(self.freshCount + count, self.capacity)
    }

    /// Whether a receiver that was sent the frames of another budget can continue with the frames of this one.
    ///
    /// It can if for each of them that still counts there is one here that is no older: whatever this budget allows
    /// from now on, the other would have allowed.
    package func covers(_ other: FrameBudget, now: NIODeadline) -> Bool {
        guard self.capacity != .max else {
            return true
        }
        var own = self.sentAt.reversed().makeIterator()
        for time in other.sentAt.reversed() where time + self.window > now {
            guard let latest = own.next(), latest >= time else {
                return false
            }
        }
        return true
    }

    /// The spent frames go out now: otherwise work between the two would shorten the second that a receiver sees.
    package mutating func handedOver(now: NIODeadline) {
        for index in self.sentAt.indices.suffix(self.freshCount) {
            self.sentAt[index] = max(self.sentAt[index], now)
        }
        self.freshCount = 0
    }

    /// When the budget will have that many frames; in the past if it has them now.
    package func availableAt(_ count: Int = 1) -> NIODeadline {
        let missing = self.capacity == .max ? 0 : self.sentAt.count + min(count, self.capacity) - self.capacity
        return missing > 0 ? self.sentAt[missing - 1] + self.window : .distantPast
    }
}
