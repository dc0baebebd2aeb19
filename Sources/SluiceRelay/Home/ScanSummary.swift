package import NIOCore
package import SluiceBase

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
