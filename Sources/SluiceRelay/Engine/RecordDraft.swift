package import NIOCore
package import SluiceBase

/// The effect of one or more requests on a scan, to be written as one record: all of it counts, or none.
package struct RecordDraft: Sendable {
    /// The effect of each request, in order: each is judged behind the one before.
    ///
    /// There is at least one. ``LogRecord/prev`` of each is the place of the record that the draft follows. The engine
    /// assigns the draft's own place, so ``LogRecord/place`` is not set yet.
    package var records: [LogRecord]
    /// The scan's times after these requests.
    package var times: ScanTimes
    /// The scan's fold after these requests.
    package var fold: ScanFold
    /// When the oldest of the requests arrived, by the loop's clock; ``ScanEngine/appendTimeout`` counts from here.
    package var since: NIODeadline

    package init(records: [LogRecord], times: ScanTimes, fold: ScanFold, since: NIODeadline) {
        precondition(!records.isEmpty, "a draft says something")
        self.records = records
        self.times = times
        self.fold = fold
        self.since = since
    }
}

/// The times of a scan's life, by the wall clock of the process that wrote them.
package struct ScanTimes: Sendable, Equatable {
    /// When the scan was opened.
    package var created: WallTime
    /// When the scanner was last heard from; the opening counts.
    package var heard: WallTime
    /// When it completed; nil while it runs.
    package var completed: WallTime?

    package init(created: WallTime, heard: WallTime, completed: WallTime? = nil) {
        self.created = created
        self.heard = heard
        self.completed = completed
    }

    /// Brings the times up to date with the record that follows.
    package mutating func note(_ record: LogRecord) {
        guard let at = record.at else {
            return
        }
        if record.isHeard {
            self.heard = max(self.heard, at)
        }
        for message in record.messages {
            self.completed = message.isTerminal ? self.completed ?? at : nil
        }
    }

    /// The ages of these times by this process's wall clock; a time in the future has age zero.
    package func ages(now: WallTime) -> StoredAges {
        func age(_ time: WallTime) -> TimeAmount { .milliseconds(max(0, now.milliseconds - time.milliseconds)) }
        return StoredAges(
            sinceCreated: age(self.created),
            sinceHeard: age(self.heard),
            sinceCompleted: self.completed.map(age)
        )
    }
}

/// The outcome of a draft.
package enum AppendOutcome: Sendable, Equatable {
    /// The record counts, and the follower has been told of it.
    case confirmed
    /// Another record took its place, and the follower has been told of that one: the requests are to be judged again.
    case overtaken
    /// Not confirmed in time. It may still count later; the follower is then told as of any other record.
    case unavailable
    /// Larger than a record may be; nothing was written.
    case tooLarge
}
