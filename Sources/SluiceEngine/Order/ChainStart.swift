/// Finds where a chain begins whose beginning is gone.
///
/// Of the records that are left the first ones may be void, and nothing before them says so. One that a later record
/// names counts, for whoever wrote that had read it so. Where none names another, all of them raced for one place or
/// the places that they name are gone: then the newest of those was the last that counted, and the first that names it
/// follows it.
package struct ChainStart: Sendable, Equatable {
    /// The most records that are looked at, and the most bytes of them; then it is taken as if they were all.
    package static let maximumCount = 64
    package static let maximumBytes = 4 * 1024 * 1024

    private struct Link: Equatable {
        var sequence: UInt64
        var prev: UInt64
    }

    private var links: [Link] = []
    private var bytes = 0

    package init() {}

    /// How many records were looked at.
    package var count: Int { self.links.count }
    /// The last of them; 0 before the first.
    package var last: UInt64 { self.links.last?.sequence ?? 0 }

    /// The next record.
    ///
    /// - Returns: Which of those that were taken begins the chain, counted from 0; nil while that is not known.
    package mutating func take(_ sequence: UInt64, prev: UInt64, bytes: Int) -> Int? {
        let named = self.links.firstIndex { $0.sequence == prev }
        self.links.append(Link(sequence: sequence, prev: prev))
        self.bytes += bytes
        if let named {
            return named
        }
        return self.links.count >= Self.maximumCount || self.bytes >= Self.maximumBytes ? self.best : nil
    }

    /// Which one begins the chain where no more come; nil where none was taken.
    package var best: Int? {
        let newest = self.links.map(\.prev).max()
        return self.links.firstIndex { $0.prev == newest }
    }

    /// The record that one of those taken names.
    package func prev(of index: Int) -> UInt64 { self.links[index].prev }

    /// The sequence of one of those taken.
    package func sequence(of index: Int) -> UInt64 { self.links[index].sequence }
}
