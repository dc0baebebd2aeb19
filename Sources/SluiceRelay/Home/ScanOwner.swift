/// That a scan exists, and who owns it.
package struct ScanOwner: Sendable, Equatable {
    /// The owner's user id; nil where nobody said.
    package var owner: String?

    package init(owner: String?) {
        self.owner = owner
    }
}
