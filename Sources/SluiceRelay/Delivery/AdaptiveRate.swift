import DequeModule
package import NIOCore

/// Slows a subscriber that keeps losing messages, and lets it come back: more than so many lag frames within the
/// window halve its rate, each window without one doubles it again.
package struct AdaptiveRate: Sendable {
    private let configuration: RelayConfiguration.Adaptive
    /// The rate that the subscriber asked for or that is configured; 0 is without limit.
    package private(set) var baseRate: Double
    /// The reduced rate; nil at full rate.
    private var reducedRate: Double?
    private var lags: Deque<NIODeadline> = []
    private var lastChangeAt = NIODeadline.distantPast
    private var lastHalvingAt: NIODeadline?

    /// A subscriber at its full rate.
    package init(configuration: RelayConfiguration.Adaptive, baseRate: Double) {
        self.configuration = configuration
        self.baseRate = baseRate
    }

    /// Frames a second that the subscriber gets now; 0 is without limit.
    package var framesPerSecond: Double {
        min(self.reducedRate ?? self.baseRate, self.baseRate)
    }

    /// Whether the subscriber is slowed.
    package var isReduced: Bool { self.reducedRate != nil }

    /// The subscriber asked for another rate; its reduction stays.
    package mutating func rebase(_ baseRate: Double) {
        self.baseRate = baseRate
    }

    /// A lag frame was sent to it.
    ///
    /// Returns whether its rate changed.
    ///
    /// However many lag frames one write holds, they halve the rate once.
    package mutating func lagSent(now: NIODeadline) -> Bool {
        self.lastChangeAt = now
        guard self.baseRate > 0, self.lastHalvingAt != now else {
            return false
        }
        self.lags.append(now)
        while let oldest = self.lags.first, oldest + self.configuration.window <= now {
            self.lags.removeFirst()
        }
        guard self.lags.count > self.configuration.lagCount else {
            return false
        }
        self.lags.removeAll()
        self.lastHalvingAt = now
        let before = self.framesPerSecond
        let halved = max(before / 2, self.configuration.minimumRate)
        guard halved < before else {
            return false
        }
        self.reducedRate = halved
        return true
    }

    /// Time passed.
    ///
    /// Returns whether its rate changed.
    package mutating func tick(now: NIODeadline) -> Bool {
        guard let reducedRate = self.reducedRate, now >= self.lastChangeAt + self.configuration.window else {
            return false
        }
        self.lastChangeAt = now
        self.reducedRate = reducedRate * 2 < self.baseRate ? reducedRate * 2 : nil
        return true
    }

    /// When `tick` has something to do, if no lag frame is sent before; nil at full rate.
    package var deadline: NIODeadline? {
        self.isReduced ? self.lastChangeAt + self.configuration.window : nil
    }
}
