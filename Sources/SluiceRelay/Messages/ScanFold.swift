package import SluiceBase

/// The facts about a scan from all its messages, however few of them are kept: counted and folded as they come.
///
/// Bounded whatever a producer posts: distinct types in number and bytes, severities in number (and each
/// by `MessageSeverity`), texts by `MessageProgress`. Plain data: no clock.
package struct ScanFold: Sendable, Equatable {
    /// How a scan ended.
    package enum Ending: Sendable, Equatable {
        /// By a terminal message that tells of no failure.
        case completed
        /// By an `error`, with its text.
        case failed(text: String?)
    }

    /// The most distinct types counted one by one, and the most bytes of their names; the rest count as `other`.
    static let maximumTypes = 1000
    static let maximumTypeBytes = 64 * 1024
    /// The most distinct severities counted one by one; the rest count as `other`.
    static let maximumSeverities = 32
    /// The name under which types and severities beyond the bounds are counted.
    package static let other = "(other)"

    /// When the scan was first heard of; nil if unknown.
    package var startedAt: WallTime?
    /// When its newest message came; nil before the first.
    package var lastMessageAt: WallTime?
    /// How many messages of each type were posted.
    package private(set) var counts: [String: Int] = [:]
    /// How many messages of each `severity` were posted.
    package internal(set) var severities: [String: Int] = [:]
    /// How the scan ended; nil while no terminal message is the newest that matters.
    package internal(set) var ending: Ending?
    /// The phase that began or was heard of last; nil if none was named since the scan started.
    package internal(set) var phase: String?
    /// How much of it is done, 0 to 100; nil if not reported since it began.
    package internal(set) var percent: Double?
    /// Bytes of the names in `counts`.
    private var typeBytes = 0

    /// Before the first message.
    package init(startedAt: WallTime? = nil) {
        self.startedAt = startedAt
    }

    /// Takes the next message.
    mutating func note(_ message: Message, at: WallTime) {
        self.startedAt = self.startedAt ?? at
        self.lastMessageAt = at
        self.count(message.type)
        if let severity = message.severity {
            if let place = self.severities.index(forKey: severity) {
                self.severities.values[place] += 1
            } else {
                let isCounted = self.severities.count < Self.maximumSeverities
                self.severities[isCounted ? severity : Self.other, default: 0] += 1
            }
        }
        if message.isTerminal {
            let isFailure = message.type == MessageProgress.failureType
            self.ending = isFailure ? .failed(text: message.progress?.text) : .completed
        } else if self.ending != nil {
            self.ending = nil
        }
        self.follow(message)
    }

    /// The counts that a store kept.
    package mutating func restore(counts: [String: Int]) {
        self.counts = counts
        self.typeBytes = counts.keys.reduce(0) { $0 + $1.utf8.count }
    }

    private mutating func count(_ type: String) {
        if let place = self.counts.index(forKey: type) {
            self.counts.values[place] += 1
        } else if self.counts.count < Self.maximumTypes, self.typeBytes + type.utf8.count <= Self.maximumTypeBytes {
            self.counts[type] = 1
            self.typeBytes += type.utf8.count
        } else {
            self.counts[Self.other, default: 0] += 1
        }
    }

    /// The phase is the newest one named, the percentage the newest one given in it: a percentage without a phase
    /// belongs to the current phase.
    private mutating func follow(_ message: Message) {
        switch message.type {
        case "scanStarted":
            (self.phase, self.percent) = (nil, nil)
        case "phaseStarted":
            (self.phase, self.percent) = (message.progress?.phase ?? self.phase, nil)
        default:
            guard let progress = message.progress else {
                return
            }
            if let phase = progress.phase, phase != self.phase {
                (self.phase, self.percent) = (phase, nil)
            }
            self.percent = progress.percent ?? self.percent
        }
    }
}
