package import NIOCore
package import SluiceBase

/// What requests of one scan are to be, as one record of its log: all of it counts, or nothing.
package struct RecordDraft: Sendable {
    /// What each request does, in one run: each judged behind the one before.
    ///
    /// There is at least one. All of them have the place of the record behind which they stand as ``LogRecord/prev``; the place that they
    /// get is the engine's to give, and ``LogRecord/place`` says nothing yet.
    package var records: [LogRecord]
    /// How the scan stands after them in time.
    package var times: ScanTimes
    /// What is known of the scan after them out of all its messages.
    package var fold: ScanFold
    /// When the oldest of the requests came, by the loop's clock: ``ScanEngine/appendTimeout`` counts from here.
    package var since: NIODeadline

    package init(records: [LogRecord], times: ScanTimes, fold: ScanFold, since: NIODeadline) {
        precondition(!records.isEmpty, "a draft says something")
        self.records = records
        self.times = times
        self.fold = fold
        self.since = since
    }
}

/// When things happened to a scan, by the time of day of the process that wrote it.
package struct ScanTimes: Sendable, Equatable {
    /// When it was first heard of.
    package var created: WallTime
    /// When it was last heard of.
    package var heard: WallTime
    /// When it completed; nil while it runs.
    package var completed: WallTime?

    package init(created: WallTime, heard: WallTime, completed: WallTime? = nil) {
        self.created = created
        self.heard = heard
        self.completed = completed
    }

    /// A record comes after what they say.
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

    /// How long ago things happened, by another process's time of day: nothing lies ahead.
    package func ages(now: WallTime) -> StoredAges {
        func age(_ time: WallTime) -> TimeAmount { .milliseconds(max(0, now.milliseconds - time.milliseconds)) }
        return StoredAges(
            sinceCreated: age(self.created),
            sinceHeard: age(self.heard),
            sinceCompleted: self.completed.map(age)
        )
    }
}

/// What became of a draft.
package enum AppendOutcome: Sendable, Equatable {
    /// It counts, and the follower was told of it.
    case confirmed
    /// Another record stands in its place, and the follower was told of that: the same requests are to be judged again.
    case overtaken
    /// The engine has not said in time; it may still turn up, and is told then like any other.
    case unavailable
    /// It is larger than a record may be; nothing was written.
    case tooLarge
}
