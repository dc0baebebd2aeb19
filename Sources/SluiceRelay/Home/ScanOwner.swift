/// That a scan exists, or its history, and who owns it.
package struct ScanOwner: Sendable, Equatable {
    /// The owner's user id; nil where nobody said.
    package var owner: String?
    /// Whether its channel stands; what is left of a removed scan is its stored history.
    package var isLive: Bool

    package init(owner: String?, isLive: Bool) {
        self.owner = owner
        self.isLive = isLive
    }
}
