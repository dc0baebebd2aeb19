internal import NIOCore
internal import SluiceBase
internal import SluiceRelay

/// The time by which age is counted: it advances with the time that is seen to pass, and never goes back.
///
/// The time of day may be wrong for a while, and messages erased because of that are gone. So if it is more than a
/// minute ahead of the time seen to pass, by a step or because the store was not open, it is followed only after an
/// hour in that state. If it is behind, it is not followed at all.
struct AgeClock {
    enum Event: Equatable {
        /// The time of day jumped by this much.
        case stepped(by: TimeAmount)
        /// It has been ahead by this much for an hour: age has caught up with it.
        case followed(by: TimeAmount)
    }

    /// By how many milliseconds the time of day may differ and is still called right.
    static let toleranceMilliseconds: Int64 = 60_000
    /// How long a time of day must hold before it is followed.
    static let holdTime = TimeAmount.hours(1)
    /// The age catches up with a slightly faster clock by this part of the time that passes: a clock that runs too fast
    /// is not followed on any path.
    private static let catchUpDivisor: Int64 = 16
    private static let nanosecondsPerMillisecond: Int64 = 1_000_000

    /// The time, as milliseconds since 1970 where the time of day was right.
    private(set) var age: WallTime
    private var wall: WallTime
    private var seenAt: NIODeadline
    /// The part of the next millisecond that has passed.
    private var remainder: Int64 = 0
    /// By how much the time of day is ahead, and since when it is so.
    private var lead: (milliseconds: Int64, since: NIODeadline)?

    /// - Parameters:
    ///   - age: The age time that an earlier process had reached; nil if there was none.
    ///   - wall: The time of day.
    ///   - now: The monotonic time.
    init(age: WallTime?, wall: WallTime, now: NIODeadline) {
        self.age = age ?? wall
        self.wall = wall
        self.seenAt = now
        let ahead = Self.difference(wall, self.age)
        if 0...Self.toleranceMilliseconds ~= ahead {
            self.age = wall
        }
        self.followLead(passed: 0, now: now)
    }

    /// By how much the time of day is ahead of this one and waits to be followed; nil if it is not.
    var pendingLead: TimeAmount? {
        self.lead.map { Self.amount($0.milliseconds) }
    }

    /// Time passed.
    mutating func advance(wall: WallTime, now: NIODeadline) -> [Event] {
        let passed = self.takePassed(now: now)
        let expected = self.wall.milliseconds.addingSaturating(passed)
        let step = Self.difference(wall, WallTime(milliseconds: expected))
        self.wall = wall
        self.age = WallTime(milliseconds: self.age.milliseconds.addingSaturating(passed))
        var events: [Event] = []
        if abs(step) > Self.toleranceMilliseconds {
            events.append(.stepped(by: Self.amount(step)))
        }
        if let followed = self.followLead(passed: passed, now: now) {
            events.append(.followed(by: Self.amount(followed)))
        }
        return events
    }

    /// How many milliseconds passed since the last call.
    private mutating func takePassed(now: NIODeadline) -> Int64 {
        let passed = max(0, (now - self.seenAt).nanoseconds).addingSaturating(self.remainder)
        self.seenAt = max(self.seenAt, now)
        self.remainder = passed % Self.nanosecondsPerMillisecond
        return passed / Self.nanosecondsPerMillisecond
    }

    /// Looks whether the time of day is ahead, and for how long.
    ///
    /// Returns by how much it was, if it is followed now.
    @discardableResult
    private mutating func followLead(passed: Int64, now: NIODeadline) -> Int64? {
        let ahead = Self.difference(self.wall, self.age)
        guard ahead > Self.toleranceMilliseconds else {
            self.lead = nil
            let gained = min(max(0, ahead), passed / Self.catchUpDivisor)
            self.age = WallTime(milliseconds: self.age.milliseconds + gained)
            return nil
        }
        guard let lead = self.lead, abs(ahead.subtractingSaturating(lead.milliseconds)) <= Self.toleranceMilliseconds
        else {
            self.lead = (ahead, now)
            return nil
        }
        guard now - lead.since >= Self.holdTime else {
            return nil
        }
        self.age = self.wall
        self.lead = nil
        return ahead
    }

    private static func difference(_ left: WallTime, _ right: WallTime) -> Int64 {
        // Never the least number, which has no absolute value.
        max(-.max, left.milliseconds.subtractingSaturating(right.milliseconds))
    }

    private static func amount(_ milliseconds: Int64) -> TimeAmount {
        let (nanoseconds, overflow) = milliseconds.multipliedReportingOverflow(by: self.nanosecondsPerMillisecond)
        return .nanoseconds(overflow ? (milliseconds < 0 ? -.max : .max) : nanoseconds)
    }
}

extension Int64 {
    fileprivate func addingSaturating(_ other: Int64) -> Int64 {
        let (sum, overflow) = self.addingReportingOverflow(other)
        return overflow ? (other < 0 ? .min : .max) : sum
    }

    fileprivate func subtractingSaturating(_ other: Int64) -> Int64 {
        let (difference, overflow) = self.subtractingReportingOverflow(other)
        return overflow ? (other < 0 ? .max : .min) : difference
    }
}
