internal import DequeModule
internal import SluiceAdmission

/// The connections that were told to end last: one that was let in, and does not stand yet, hears of it when it does.
struct EndedConnections {
    /// The most that are remembered; the oldest is forgotten first.
    static let maximumCount = 1024

    private var closings: [ConnectionLimits.ID: Closing] = [:]
    private var order: Deque<ConnectionLimits.ID> = []

    /// How many are remembered.
    var count: Int { self.closings.count }

    /// A connection is to end.
    mutating func note(_ id: ConnectionLimits.ID, _ closing: Closing) {
        guard self.closings.updateValue(closing, forKey: id) == nil else {
            return
        }
        self.order.append(id)
        if self.order.count > Self.maximumCount, let oldest = self.order.popFirst() {
            self.closings[oldest] = nil
        }
    }

    /// How a connection was told to end; nil where it was not.
    func closing(of id: ConnectionLimits.ID) -> Closing? {
        self.closings[id]
    }
}
