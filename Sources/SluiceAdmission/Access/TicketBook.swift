import Crypto
import SluiceBase

/// The tickets that were issued and not yet shown.
///
/// Kept under their SHA-256: how long a look-up takes tells nothing about the tickets.
struct TicketBook: Sendable {
    /// How long a ticket may be shown, in seconds.
    static let timeToLive = 30.0
    /// The random bytes of a ticket.
    static let randomBytes = 32

    private struct Ticket {
        var identity: Identity
        var issuedAt: Double
    }

    private let maximumCount: Int
    private var tickets = RecencyMap<SHA256Digest, Ticket>()

    /// An empty book.
    ///
    /// - Parameter maximumCount: The most tickets outstanding.
    init(maximumCount: Int) {
        self.maximumCount = maximumCount
    }

    /// How many are outstanding, some perhaps too old.
    var count: Int { self.tickets.count }

    /// Issues a ticket that carries a token's identity.
    ///
    /// - Returns: The ticket, or `nil` if too many are outstanding.
    mutating func issue(for identity: Identity, now: Double) -> String? {
        while let oldest = self.tickets.oldest, !Self.isFresh(oldest.value, now: now) {
            self.tickets.remove(oldest.key)
        }
        guard self.tickets.count < self.maximumCount else {
            return nil
        }
        let text = RandomText.make(byteCount: Self.randomBytes)
        self.tickets.renew(Self.digest(text), Ticket(identity: identity, issuedAt: now))
        return text
    }

    /// Takes a ticket, and uses it up.
    ///
    /// - Returns: The identity it was issued to, or `nil` if the ticket does not exist or has ended.
    mutating func redeem(_ text: String, now: Double) -> Identity? {
        guard let ticket = self.tickets.remove(Self.digest(text)), Self.isFresh(ticket, now: now) else {
            return nil
        }
        return ticket.identity
    }

    /// Forgets tickets.
    mutating func removeAll(where shouldRemove: (Identity) -> Bool) {
        self.tickets.removeAll { shouldRemove($0.identity) }
    }

    /// A wall clock that was set back must not give a ticket a second life, nor end it for a second's correction.
    private static func isFresh(_ ticket: Ticket, now: Double) -> Bool {
        abs(now - ticket.issuedAt) < Self.timeToLive
    }

    private static func digest(_ text: String) -> SHA256Digest {
        SHA256.hash(data: Array(text.utf8))
    }
}
