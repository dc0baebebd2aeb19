package import SluiceBase

/// One subscription, as its connection's loop sees it.
///
/// Loop-confined to that loop.
package final class Subscriber {
    package let id: SubscriptionID
    package let scanID: ScanID
    package let outbox: Outbox
    /// The cursor after the last write, for the connection's own account.
    package internal(set) var cursor: Seq {
        get { self.place }
        set { self.place = newValue }
    }
    // Not seen by other modules, as which it would be looked up at each access whether another one is under way.
    private var place: Seq = 0

    /// Whether it has ended.
    package internal(set) var isOver = false

    weak var delegate: (any SubscriptionDelegate)?
    /// Counts how often this loop took the member out of step; an answer from before is out of date.
    var generation = 0
    /// The list that it stands in, while it is in step.
    var list: MemberList?
    /// Its place in that list.
    var slot = 0
    /// Whether it was told that the scanner is silent.
    var knowsStall = false
    /// Whether it decodes the group's compressed stream.
    var isInStream = false

    init(id: SubscriptionID, scanID: ScanID, outbox: Outbox, delegate: any SubscriptionDelegate) {
        self.id = id
        self.scanID = scanID
        self.outbox = outbox
        self.delegate = delegate
    }
}

/// Names one subscription in the life of the process.
package struct SubscriptionID: Hashable, Sendable {
    package let number: UInt64

    package init(_ number: UInt64) {
        self.number = number
    }
}

/// Why a subscription ended without its subscriber asking for it.
package enum SubscriptionEnd: Sendable, Equatable {
    /// The scan completed and its channel was removed.
    case scanCompleted
    /// Nothing was heard of the scan for too long.
    case scanIdle
    /// The scan was deleted by request.
    case scanDeleted
    /// There is no such scan, or none came while the subscriber waited.
    case scanNotFound
    /// The scan is in the store, which cannot be read.
    case storageUnavailable
}

/// The events of a subscription for its connection.
package protocol SubscriptionDelegate: AnyObject {
    /// The subscription ended; nothing more comes of it.
    func subscriptionEnded(_ subscriber: Subscriber, _ end: SubscriptionEnd)
}
