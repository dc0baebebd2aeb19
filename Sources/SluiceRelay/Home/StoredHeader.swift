package import SluiceBase

/// What is known of a scan besides its messages.
package struct StoredHeader: Sendable, Equatable {
    package var id: ScanID
    package var epoch: String
    package var owner: String?
    package var name: String?
    package var isCompleted: Bool
    /// Whether the channel is gone; the history stays until retention ends.
    package var isRemoved: Bool

    package init(id: ScanID, epoch: String, owner: String?, name: String?, isCompleted: Bool, isRemoved: Bool) {
        self.id = id
        self.epoch = epoch
        self.owner = owner
        self.name = name
        self.isCompleted = isCompleted
        self.isRemoved = isRemoved
    }
}
