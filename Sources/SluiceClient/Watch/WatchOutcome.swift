/// How watching ended.
package enum WatchOutcome: Sendable, Equatable {
    /// The gateway closed the subscription in good order: the scan is over or idle, or the caller stopped.
    case completed(reason: String)

    /// There is no point in coming back: one sentence says why.
    case failed(String)
}
