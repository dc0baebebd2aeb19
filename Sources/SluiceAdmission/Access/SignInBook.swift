/// The tickets for signing in that a gateway without others issued, and that were not traded yet.
///
/// What is kept is sealed, so the memory holds no token that was not shown, and it is kept under a digest: how long a
/// look-up takes tells nothing about the tickets.
struct SignInBook: Sendable {
    private struct Kept {
        var sealed: [UInt8]
        var issuedAt: Double
    }

    private let maximumBytes: Int
    private var tickets = RecencyMap<String, Kept>()
    /// The bytes of what is sealed.
    private(set) var byteCount = 0

    /// An empty book.
    ///
    /// - Parameter maximumBytes: The most bytes of what is sealed; a ticket that is beyond it is not kept.
    init(maximumBytes: Int) {
        self.maximumBytes = maximumBytes
    }

    /// How many are kept, some perhaps too old.
    var count: Int { self.tickets.count }

    /// Keeps a ticket.
    ///
    /// - Returns: Whether there is room for it.
    mutating func keep(_ ticket: SealedTicket, now: Double) -> Bool {
        // By the distance: a wall clock that was set back must not keep the old ones for longer.
        while let oldest = self.tickets.oldest, abs(now - oldest.value.issuedAt) >= TicketBook.timeToLive {
            _ = self.useUp(oldest.key)
        }
        guard self.byteCount + ticket.sealed.count <= self.maximumBytes else {
            return false
        }
        self.tickets.renew(ticket.digest, Kept(sealed: ticket.sealed, issuedAt: now))
        self.byteCount += ticket.sealed.count
        return true
    }

    /// What is kept of a ticket, which stays.
    func sealed(_ digest: String) -> [UInt8]? {
        self.tickets[digest]?.sealed
    }

    /// Uses a ticket up.
    ///
    /// - Returns: Whether it was there: of several who come at once, one is told so.
    mutating func useUp(_ digest: String) -> Bool {
        guard let kept = self.tickets.remove(digest) else {
            return false
        }
        self.byteCount -= kept.sealed.count
        return true
    }
}
