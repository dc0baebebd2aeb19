/// A stretch of a log, and from which end it is read.
package struct LogStretch: Sendable, Equatable {
    package enum Order: Sendable {
        case ascending
        case descending
    }

    /// The seq before its first.
    package var after: Seq
    /// Its last seq.
    package var through: Seq
    package var order: Order

    package init(after: Seq, through: Seq, order: Order = .ascending) {
        self.after = after
        self.through = through
        self.order = order
    }

    package var isEmpty: Bool { self.after >= self.through }

    /// The place of a reader that has read nothing of it: the value of ``StoredPage/through`` then.
    package var start: Seq {
        self.order == .ascending ? self.after : self.through
    }

    /// The place of a reader that has read all of it.
    package var end: Seq {
        guard !self.isEmpty else {
            return self.start
        }
        return self.order == .ascending ? self.through : self.after
    }

    /// The rest of it for a reader at this place.
    package func rest(from place: Seq) -> LogStretch {
        switch self.order {
        case .ascending: LogStretch(after: max(self.after, place), through: self.through, order: self.order)
        case .descending: LogStretch(after: self.after, through: min(self.through, place), order: self.order)
        }
    }
}
