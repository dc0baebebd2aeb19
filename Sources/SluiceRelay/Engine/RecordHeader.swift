package import SluiceBase

/// What a record says of its scan besides messages: enough for a line of the statistics.
package struct RecordHeader: Sendable, Equatable {
    package var id: ScanID
    /// Which life of the log it is of.
    package var epoch: String
    /// Its own place in the log.
    package var place: UInt64
    /// The number of the newest message after it.
    package var head: Seq
    /// How many messages the scan has had.
    package var messageCount: Int
    /// Who owns the scan, and what it is called.
    package var owner: String?
    package var name: String?
    package var times: ScanTimes
    /// Why the scan's channel ended with it; nil where it goes on.
    package var end: ScanEnd?
    /// What is known out of all messages, as far as it fits: the counts by type may be missing.
    package var fold: ScanFold
    /// The place of the record at which reading the scan begins; 0 where that is not said.
    package var base: UInt64 = 0

    /// The header of the record after which a scan stands there.
    package init(id: ScanID, standing: ScanStanding, times: ScanTimes, end: ScanEnd? = nil, fold: ScanFold) {
        self.id = id
        self.epoch = standing.epoch
        self.place = standing.place
        self.head = standing.head
        self.messageCount = standing.messageCount
        self.owner = standing.owner
        self.name = standing.name
        self.times = times
        self.end = end
        self.fold = fold
    }
}

/// What a carry repeats of a scan: enough to continue without the records before it.
package struct ScanImage: Sendable {
    /// Where the scan stands.
    package var standing: ScanStanding
    /// The critical messages, the newest message of each conflated type and key, and the counts by type.
    package var tail: StoredTail
    /// The scan's fold without its counts, which are in `tail`.
    package var fold: ScanFold
    /// The answers that a repeated request may still ask for, oldest first, with their ages when this was made.
    package var answers: [StoredAnswer]
    package var times: ScanTimes

    package init(
        standing: ScanStanding,
        tail: StoredTail,
        fold: ScanFold,
        answers: [StoredAnswer],
        times: ScanTimes
    ) {
        self.standing = standing
        self.tail = tail
        self.fold = fold
        self.answers = answers
        self.times = times
    }
}
