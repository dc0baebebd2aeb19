/// Why the relay did not take a request.
package enum RelayRefusal: Error, Sendable, Equatable {
    /// The scan has another owner.
    case ownerConflict
    /// The scan would be one more than the limit.
    case tooManyScans
    /// The scan has given out all the numbers that there are.
    case noMoreNumbers
    /// The same key came with another body.
    case idempotencyConflict
    /// There is no such scan.
    case scanNotFound
    /// The store does not work, or too much waits for it; nothing was numbered.
    case storageUnavailable
    /// What was posted has these numbers and was shown under them, and the store did not take it.
    ///
    /// It gets it under the same numbers as soon as it works again, so it is not to be posted again but with the
    /// request's idempotency key, which gives the first answer once it is stored.
    case notStored(IngestReceipt)
    /// What the store has of the scan is damaged.
    case storageDamaged
}
