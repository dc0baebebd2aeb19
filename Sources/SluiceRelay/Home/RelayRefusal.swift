/// Why the relay did not take a request.
package enum RelayRefusal: Error, Sendable, Equatable {
    /// The scan has another owner.
    case ownerConflict
    /// The scan would be one more than the limit.
    case tooManyScans
    /// The same key came with another body.
    case idempotencyConflict
    /// There is no such scan.
    case scanNotFound
    /// The store does not work, or too much waits for it.
    case storageUnavailable
    /// What the store has of the scan is damaged.
    case storageDamaged
}
