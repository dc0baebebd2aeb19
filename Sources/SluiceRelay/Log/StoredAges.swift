package import NIOCore

/// How long ago things happened to a stored scan, by the time of day; never negative.
package struct StoredAges: Sendable, Equatable {
    /// Since it was first heard of.
    package var sinceCreated: TimeAmount
    /// Since it was last heard of.
    package var sinceHeard: TimeAmount
    /// Since it completed; nil while it runs.
    package var sinceCompleted: TimeAmount?

    package init(sinceCreated: TimeAmount, sinceHeard: TimeAmount, sinceCompleted: TimeAmount?) {
        self.sinceCreated = sinceCreated
        self.sinceHeard = sinceHeard
        self.sinceCompleted = sinceCompleted
    }
}
