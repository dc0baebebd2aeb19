package import NIOCore

/// Why a scan's channel is removed.
package enum ScanEnd: Sendable, Equatable {
    /// It completed and the delay for late readers is over.
    case completed
    /// Nothing was heard of it for too long.
    case idle
    /// It was deleted, and its history with it.
    case deleted
}

/// When a scan runs, is complete, falls silent, comes back, and goes.
///
/// Time is an argument.
package struct ScanLifecycle: Sendable {
    /// An action that is due.
    package enum Action: Sendable, Equatable {
        case doNothing
        /// Tell the subscribers that the scanner has been silent for this many whole seconds.
        case announceStall(silentFor: Int64)
        /// Close the subscribers and forget the scan.
        case remove(ScanEnd)
    }

    private var cleanupDelay: TimeAmount
    private var idleTimeout: TimeAmount
    private var stallAfter: TimeAmount

    /// When the scan was first heard of, in this process.
    package let createdAt: NIODeadline
    /// How long it had run before, or in all where it is complete, when its log was taken over from the store.
    private let earlier: TimeAmount
    /// Whether it was complete when it was taken over: then only `earlier` counts.
    private var wasCompleted = false
    /// When its scanner was last heard of.
    package private(set) var lastHeardAt: NIODeadline
    /// When it completed; nil while it runs.
    package private(set) var completedAt: NIODeadline?
    /// Whether the subscribers were told that the scanner is silent.
    package private(set) var isStalled = false
    /// Before this it is not removed for being idle.
    private var graceUntil = NIODeadline.uptimeNanoseconds(0)

    /// A running scan.
    package init(configuration: RelayConfiguration, now: NIODeadline) {
        self.cleanupDelay = configuration.cleanupDelay
        self.idleTimeout = configuration.idleTimeout
        self.stallAfter = configuration.stallAfter
        self.createdAt = now
        self.lastHeardAt = now
        self.earlier = .zero
    }

    /// A scan that an earlier process knew.
    ///
    /// - Parameters:
    ///   - ages: How long ago things happened, by the time of day.
    ///   - configuration: The relay's rules.
    ///   - isAway: Whether no scanner could be heard meanwhile: a running one then gets the time to report again.
    ///   - now: The loop's time.
    package init(
        resuming ages: StoredAges,
        configuration: RelayConfiguration,
        isAway: Bool = true,
        now: NIODeadline
    ) {
        self.cleanupDelay = configuration.cleanupDelay
        self.idleTimeout = configuration.idleTimeout
        self.stallAfter = configuration.stallAfter
        self.createdAt = now
        // A machine's clock may have begun after the scan did: a time before its zero counts as zero.
        self.lastHeardAt = now - min(ages.sinceHeard, .nanoseconds(Int64(now.uptimeNanoseconds)))
        if let sinceCompleted = ages.sinceCompleted {
            self.completedAt = now - min(sinceCompleted, .nanoseconds(Int64(now.uptimeNanoseconds)))
            self.earlier = ages.sinceCreated - sinceCompleted
            self.wasCompleted = true
        } else {
            self.earlier = ages.sinceCreated
            self.graceUntil = isAway ? now + configuration.stallAfter : self.graceUntil
            self.isStalled = ages.sinceHeard >= configuration.stallAfter
        }
    }

    /// The operator wants other times from now on.
    package mutating func reconfigure(_ configuration: RelayConfiguration) {
        self.cleanupDelay = configuration.cleanupDelay
        self.idleTimeout = configuration.idleTimeout
        self.stallAfter = configuration.stallAfter
    }

    /// Whether a terminal message was the last that changed the state.
    package var isCompleted: Bool {
        self.completedAt != nil
    }

    /// How long the scan has run; a completed one's time stands still.
    package func elapsed(now: NIODeadline) -> TimeAmount {
        self.wasCompleted ? self.earlier : self.earlier + ((self.completedAt ?? now) - self.createdAt)
    }

    /// A message was posted.
    ///
    /// Returns whether the subscribers are to be told that the scanner is back.
    package mutating func messagePosted(isTerminal: Bool, now: NIODeadline) -> Bool {
        if isTerminal {
            self.completedAt = self.completedAt ?? now
        } else {
            self.completedAt = nil
            self.wasCompleted = false
        }
        return self.keptAlive(now: now)
    }

    /// The scanner said that it is there.
    ///
    /// Returns whether the subscribers are to be told that it is back.
    package mutating func keptAlive(now: NIODeadline) -> Bool {
        self.lastHeardAt = now
        defer { self.isStalled = false }
        return self.isStalled
    }

    /// The action that is due; it is returned again until it is done.
    package func due(now: NIODeadline) -> Action {
        if let completedAt = self.completedAt {
            return now >= completedAt + self.cleanupDelay ? .remove(.completed) : .doNothing
        }
        if now >= self.idleAt {
            return .remove(.idle)
        }
        if !self.isStalled, now >= self.lastHeardAt + self.stallAfter {
            return .announceStall(silentFor: self.silentFor(now: now))
        }
        return .doNothing
    }

    /// The subscribers were told that the scanner is silent.
    package mutating func fellSilent() {
        self.isStalled = true
    }

    /// How many whole seconds the scanner has been silent.
    package func silentFor(now: NIODeadline) -> Int64 {
        (now - self.lastHeardAt).nanoseconds / 1_000_000_000
    }

    /// When `due` next asks for something, if nothing is posted before.
    package var deadline: NIODeadline {
        if let completedAt = self.completedAt {
            return completedAt + self.cleanupDelay
        }
        return self.isStalled ? self.idleAt : min(self.idleAt, self.lastHeardAt + self.stallAfter)
    }

    private var idleAt: NIODeadline {
        max(self.lastHeardAt + self.idleTimeout, self.graceUntil)
    }
}
