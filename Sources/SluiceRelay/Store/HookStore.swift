package import SluiceBase

/// Where deliveries to receivers of hooks outlive the process, from the ``StoreWrite`` they came with until they are
/// finished.
package protocol HookStore: Sendable {
    /// The deliveries that an earlier process left, the oldest first.
    var keptDeliveries: [HookDelivery] { get }

    /// Forgets a delivery of a ``StoreWrite``; one that could not be forgotten is made once more by the next process.
    func forget(_ delivery: HookDelivery)
}

/// One event for one receiver.
package struct HookDelivery: Sendable, Hashable {
    /// The event's id, the same for every receiver and every attempt.
    package var id: String
    /// The receiver's address.
    package var url: String
    /// When it happened.
    package var at: WallTime
    /// The body of the request.
    package var body: [UInt8]

    package init(id: String, url: String, at: WallTime, body: [UInt8]) {
        self.id = id
        self.url = url
        self.at = at
        self.body = body
    }
}
