package import NIOCore

/// When a scan runs, is complete, falls silent, comes back, and goes.
///
/// Time is an argument.
package struct ScanLifecycle: Sendable {
    /// Why a scan's channel is removed.
    package enum Removal: Sendable, Equatable {
        /// It completed and the delay for late readers is over.
        case completed
        /// Nothing was heard of it for too long.
        case idle
    }

    /// What time asks for.
    package enum Action: Sendable, Equatable {
        case doNothing
        /// Tell the subscribers that the scanner fell silent, for so many whole seconds.
        case announceStall(silentFor: Int64)
        /// Close the subscribers and forget the scan.
        case remove(Removal)
    }

    private var cleanupDelay: TimeAmount
    private var idleTimeout: TimeAmount
    private var stallAfter: TimeAmount

    /// When the scan was first heard of.
    package let createdAt: NIODeadline
    /// When its scanner was last heard of.
    package private(set) var lastHeardAt: NIODeadline
    /// When it completed; nil while it runs.
    package private(set) var completedAt: NIODeadline?
    /// Whether the subscribers were told that the scanner is silent.
    package private(set) var isStalled = false

    /// A running scan.
    package init(configuration: RelayConfiguration, now: NIODeadline) {
        self.cleanupDelay = configuration.cleanupDelay
        self.idleTimeout = configuration.idleTimeout
        self.stallAfter = configuration.stallAfter
        self.createdAt = now
        self.lastHeardAt = now
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
        (self.completedAt ?? now) - self.createdAt
    }

    /// A message was posted.
    ///
    /// Returns whether the subscribers are to be told that the scanner is back.
    package mutating func messagePosted(isTerminal: Bool, now: NIODeadline) -> Bool {
        if isTerminal {
            self.completedAt = self.completedAt ?? now
        } else {
            self.completedAt = nil
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

    /// Time passed.
    package mutating func tick(now: NIODeadline) -> Action {
        if let completedAt = self.completedAt {
            return now >= completedAt + self.cleanupDelay ? .remove(.completed) : .doNothing
        }
        if now >= self.lastHeardAt + self.idleTimeout {
            return .remove(.idle)
        }
        if !self.isStalled, now >= self.lastHeardAt + self.stallAfter {
            self.isStalled = true
            return .announceStall(silentFor: self.silentFor(now: now))
        }
        return .doNothing
    }

    /// How many whole seconds the scanner has been silent.
    package func silentFor(now: NIODeadline) -> Int64 {
        (now - self.lastHeardAt).nanoseconds / 1_000_000_000
    }

    /// When `tick` next has something to do, if nothing is posted before.
    package var deadline: NIODeadline {
        if let completedAt = self.completedAt {
            return completedAt + self.cleanupDelay
        }
        let idle = self.lastHeardAt + self.idleTimeout
        return self.isStalled ? idle : min(idle, self.lastHeardAt + self.stallAfter)
    }
}
