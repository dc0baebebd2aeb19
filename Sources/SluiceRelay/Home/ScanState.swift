package import NIOCore
package import SluiceBase

/// The folded state of a scan.
package struct ScanState: Sendable {
    package var summary: ScanSummary
    package var epoch: String
    package var seq: Seq
    /// The number of messages posted of each type.
    package var counts: [String: Int] { self.summary.fold.counts }
    /// The newest message of each conflated type and key, in order of seq.
    package var latest: [LogEntry]
}

/// One row of the statistics.
package struct ScanSummary: Sendable {
    package var id: ScanID
    package var owner: String?
    package var name: String?
    package var messageCount: Int
    package var elapsed: TimeAmount
    package var isCompleted: Bool
    package var isStalled: Bool
    package var subscriberCount: Int
    /// The fold of all its messages.
    package var fold: ScanFold

    /// The state of the scan in one word.
    package var outcome: ScanOutcome {
        guard self.isCompleted else {
            return self.isStalled ? .stalled : .running
        }
        // The lifecycle decides whether it is over; the fold knows how it ended.
        if case .failed? = self.fold.ending {
            return .failed
        }
        return .completed
    }

    /// The text of the `error` that ended it; nil where none did, or it had no text.
    package var error: String? {
        if self.outcome == .failed, case .failed(let text)? = self.fold.ending { text } else { nil }
    }
}

/// The state of a scan.
package enum ScanOutcome: String, Sendable, CaseIterable {
    case running
    /// Running, and its scanner is silent.
    case stalled
    case completed
    /// Ended by an `error`.
    case failed
}

/// The owner of a scan that exists, or of its history.
package struct ScanOwner: Sendable, Equatable {
    /// The owner's user id; nil where none is known.
    package var owner: String?
    /// Whether its channel is open; otherwise only its stored history is left.
    package var isLive: Bool

    package init(owner: String?, isLive: Bool) {
        self.owner = owner
        self.isLive = isLive
    }
}

/// The values of a scan after its owner or its name was set.
package struct ScanRegistration: Sendable, Equatable {
    /// Whether the scan did not exist before.
    package var isNew: Bool
    /// The owner's user id; nil where none is known.
    package var owner: String?
    /// The scan's display name; nil where none is known.
    package var name: String?
}
