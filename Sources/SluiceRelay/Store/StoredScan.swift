package import NIOCore
package import SluiceBase

/// A scan as a store knows it, without its messages.
package struct StoredScan: Sendable {
    /// Which life of the log this is, for the store.
    package var life: Int64
    package var header: StoredHeader
    /// The newest message's number.
    package var head: Seq
    /// How long ago things happened, when this was read.
    package var ages: StoredAges
    /// The sums over all its messages.
    package var fold = ScanFold()

    package init(life: Int64, header: StoredHeader, head: Seq, ages: StoredAges) {
        self.life = life
        self.header = header
        self.head = head
        self.ages = ages
    }
}

/// A scan's header.
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
