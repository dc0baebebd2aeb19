internal import NIOCore
internal import SluiceRelay

/// Notices a client whose socket has taken nothing for too long, however much waits for it.
struct DrainWatch {
    private var waitingBytes = Int.max

    /// Looks at the connection, about once a second.
    ///
    /// While a socket is full nothing more is handed to it, so fewer bytes waiting means that it drains.
    ///
    /// - Parameters:
    ///   - outbox: What goes to the connection.
    ///   - channel: The connection.
    ///   - timeout: How long a socket may take nothing.
    ///   - now: The loop's time.
    /// - Returns: Whether that time is over.
    mutating func isStuck(
        _ outbox: Outbox?,
        _ channel: (any Channel)?,
        timeout: TimeAmount,
        now: NIODeadline
    ) -> Bool {
        guard let outbox, let channel, outbox.blockedSince != nil else {
            self.waitingBytes = .max
            return false
        }
        let waiting = (try? channel.syncOptions?.getOption(.bufferedWritableBytes)) ?? 0
        if waiting < self.waitingBytes {
            outbox.drained(now: now)
        }
        self.waitingBytes = waiting
        return outbox.blockedSince.map { $0 + timeout <= now } ?? false
    }
}
