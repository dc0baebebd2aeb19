/// The write of a scan's home to the store for one request.
package struct StoreWrite: Sendable {
    /// How often messages of a type were posted, in all.
    package struct Count: Sendable, Equatable {
        package var type: String
        package var count: Int

        package init(type: String, count: Int) {
            self.type = type
            self.count = count
        }
    }

    package var life: Int64
    /// Changes other than messages; always present for a life that the store does not know.
    package var header: StoredHeader?
    /// The messages after `from` that were not superseded.
    package var entries: [LogEntry] = []
    package var from: Seq
    /// The counts of the types that occur in `entries`.
    package var counts: [Count] = []
    /// The newest message's number.
    package var head: Seq
    /// ``ScanFold/stored`` after it; nil where that did not change.
    package var fold: [UInt8]?
    /// The answers of requests that may be repeated: this one's, and earlier ones' that the store did not take.
    package var answers: [StoredAnswer] = []
    /// What others are to be told of, kept until it is forgotten.
    package var deliveries: [HookDelivery] = []
    /// Whether the scanner was heard of.
    package var isHeard = true

    package init(life: Int64, from: Seq, head: Seq) {
        self.life = life
        self.from = from
        self.head = head
    }
}
