/// Something that a watcher tells.
package enum WatchEvent: Sendable {
    /// The subscription stands, at this place.
    case subscribed(seq: Int, recovered: Bool)

    /// A message of the scan, or one of the gateway's own about it (`lag`, `scanStalled`, …).
    case message(WatchedMessage)

    /// The connection is gone, and will be tried again.
    case interrupted(reason: String, retryIn: Duration)

    /// The gateway sent something that cannot be read.
    case unreadable
}
