/// What may happen to a message on its way to a subscriber.
package enum Fate: Sendable {
    /// Never dropped, never throttled, never held by a batch.
    case critical
    /// An event: batched and throttled, and skipped for live subscribers when too many wait.
    case ordinary
    /// State: of those pending, only the newest of its `ConflationKey` is kept.
    case conflated
}
