/// Why a subscription ended without its subscriber asking for it.
package enum SubscriptionEnd: Sendable, Equatable {
    /// The scan completed and its channel was removed.
    case scanCompleted
    /// Nothing was heard of the scan for too long.
    case scanIdle
    /// Somebody deleted the scan.
    case scanDeleted
    /// There is no such scan, or none came while the subscriber waited.
    case scanNotFound
    /// The scan is in the store, which cannot be read.
    case storageUnavailable
}
