internal import NIOCore

/// When an authority is asked for a certificate, and when it is asked how long the present one should be kept.
///
/// Certificates are dated by the time of day; the times between attempts go by the clock that nobody sets.
struct ACMESchedule: Sendable {
    /// When a certificate begins and ends to hold, in seconds since 1970.
    struct Validity: Sendable, Equatable {
        var beginsAt: Double
        var endsAt: Double
        var length: Double { max(0, self.endsAt - self.beginsAt) }
    }

    /// After an order that failed; doubled each time, up to the second.
    static let firstRetry = TimeAmount.minutes(1)
    static let longestRetry = TimeAmount.hours(1)
    /// Between two looks at the window that an authority suggests, if it does not say; and their bounds if it does.
    static let usualLook = TimeAmount.hours(6)
    static let shortestLook = TimeAmount.minutes(1)
    static let longestLook = TimeAmount.hours(24)

    /// The present certificate; nil for none that is good.
    private(set) var validity: Validity?
    private(set) var failuresInRow = 0
    /// When the present one is to be renewed, in seconds since 1970; nil if there is none.
    private(set) var renewsAt: Double?
    private var notBefore: NIODeadline?
    private var looksAt: NIODeadline?
    /// Without the authority's advice.
    private var usualRenewal: Double?
    /// By the gateway's own clock, in seconds since 1970, if it was issued since the start; authorities date earlier.
    private var issuedAt: Double?

    /// There is a certificate, or none that is good any more.
    ///
    /// - Parameters:
    ///   - validity: Its time; nil for none.
    ///   - jitter: A random share, 0 to 1, so that many gateways do not come at once.
    ///   - issuedAt: The time of day, in seconds since 1970, if it was issued just now.
    mutating func took(_ validity: Validity?, jitter: Double, issuedAt: Double? = nil) {
        self.validity = validity
        self.issuedAt = issuedAt
        self.usualRenewal = validity.map { validity in
            let usual = validity.beginsAt + validity.length * (2.0 / 3 - min(max(0, jitter), 1) / 50)
            guard let issuedAt, usual <= issuedAt else {
                return usual
            }
            // Where the clocks differ a new one seems old: no order follows at once, and the next ones do not either.
            return issuedAt + max(60, (validity.endsAt - issuedAt) / 2)
        }
        self.renewsAt = self.usualRenewal
        self.looksAt = nil
        self.failuresInRow = 0
        self.notBefore = nil
    }

    /// An order failed.
    ///
    /// - Parameters:
    ///   - now: The present time.
    ///   - retryAfter: How long the authority wants to be left alone.
    /// - Returns: How long it is left alone.
    mutating func failed(now: NIODeadline, retryAfter: TimeAmount?) -> TimeAmount {
        // Six doublings are more than the longest.
        let usual = min(Self.firstRetry * (Int64(1) << Int64(min(self.failuresInRow, 6))), Self.longestRetry)
        self.failuresInRow += 1
        let wait = max(usual, min(retryAfter ?? .zero, ACMEAnswer.longestRetry))
        self.notBefore = now + wait
        return wait
    }

    /// The next attempt need not wait: the operator changed what is ordered.
    mutating func changed() {
        self.failuresInRow = 0
        self.notBefore = nil
    }

    /// Whether a certificate is to be ordered now.
    ///
    /// - Parameters:
    ///   - now: The present time.
    ///   - time: The time of day, in seconds since 1970.
    /// - Returns: Whether it is.
    func isDue(now: NIODeadline, time: Double) -> Bool {
        guard self.notBefore.map({ $0 <= now }) ?? true else {
            return false
        }
        return self.renewsAt.map { $0 <= time } ?? true
    }

    /// Whether the authority is to be asked for its advice now (RFC 9773).
    func isLookDue(now: NIODeadline) -> Bool {
        self.validity != nil && self.looksAt.map { $0 <= now } ?? true
    }

    /// The authority was asked; without advice the usual time holds.
    ///
    /// - Parameters:
    ///   - window: Its advice, or nil.
    ///   - retryAfter: When it wants to be asked again.
    ///   - jitter: A random share, 0 to 1.
    ///   - now: The present time.
    mutating func looked(_ window: RenewalWindow?, retryAfter: TimeAmount?, jitter: Double, now: NIODeadline) {
        self.looksAt = now + min(max(retryAfter ?? Self.usualLook, Self.shortestLook), Self.longestLook)
        guard let validity = self.validity, let usual = self.usualRenewal, let window else {
            return
        }
        // An authority that always says "now" would get an order after the other.
        let earliest = max(validity.beginsAt, self.issuedAt ?? validity.beginsAt) + min(3600, validity.length / 10)
        self.renewsAt = min(usual, max(earliest, window.time(jitter: jitter)))
    }
}
