package import NIOCore
package import SluiceBase

/// The folded state of a scan.
package struct ScanState: Sendable {
    package var summary: ScanSummary
    package var epoch: String
    package var seq: Seq
    /// How many messages of each type were posted.
    package var counts: [String: Int] { self.summary.fold.counts }
    /// The newest message of each conflated type and key, in the order of their seqs.
    package var latest: [LogEntry]
}

/// A scan in a line of the statistics.
package struct ScanSummary: Sendable {
    package var id: ScanID
    package var owner: String?
    package var name: String?
    package var messageCount: Int
    package var elapsed: TimeAmount
    package var isCompleted: Bool
    package var isStalled: Bool
    package var subscriberCount: Int
    /// What is known out of all its messages.
    package var fold: ScanFold

    /// How the scan stands.
    package var outcome: ScanOutcome {
        guard self.isCompleted else {
            return self.isStalled ? .stalled : .running
        }
        // Whether it is over the lifecycle decides; the fold knows how.
        if case .failed? = self.fold.ending {
            return .failed
        }
        return .completed
    }

    /// What the `error` said that ended it; nil where none did, or it said nothing.
    package var error: String? {
        if self.outcome == .failed, case .failed(let text)? = self.fold.ending { text } else { nil }
    }
}

/// How a scan stands, in a word.
package enum ScanOutcome: String, Sendable, CaseIterable {
    case running
    /// Running, and its scanner is silent.
    case stalled
    case completed
    /// Ended by an `error`.
    case failed
}

/// That a scan exists, or its history, and who owns it.
package struct ScanOwner: Sendable, Equatable {
    /// The owner's user id; nil where none is known.
    package var owner: String?
    /// Whether its channel stands; what is left of a removed scan is its stored history.
    package var isLive: Bool

    package init(owner: String?, isLive: Bool) {
        self.owner = owner
        self.isLive = isLive
    }
}

/// What holds of a scan after its owner or its name was set.
package struct ScanRegistration: Sendable, Equatable {
    /// Whether there was no such scan before.
    package var isNew: Bool
    /// The owner's user id; nil where none is known.
    package var owner: String?
    /// What people call it; nil where none is known.
    package var name: String?
}
