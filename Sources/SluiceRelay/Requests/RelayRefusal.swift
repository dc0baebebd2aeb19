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
    /// The posted messages have these numbers and were shown under them, but the store did not take them.
    ///
    /// The store gets them under the same numbers as soon as it works again, so they may be posted again only with the
    /// request's idempotency key, which gives the first answer once they are stored.
    case notStored(IngestReceipt)
    /// The messages of one request are more than one record of the shared log holds.
    case recordTooLarge
    /// The stored part of the scan is damaged.
    case storageDamaged
}
