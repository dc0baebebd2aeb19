/// What an earlier process left in a store.
package struct StoreIndex: Sendable {
    /// Scans whose channel is there; their logs are read when they are first asked for.
    package var scans: [StoredScan]
    /// The revocations in force.
    package var revocations: [StoredRevocation]

    package init(scans: [StoredScan], revocations: [StoredRevocation]) {
        self.scans = scans
        self.revocations = revocations
    }
}
