internal import SluiceAdmission
internal import SluiceBase

/// Says when a live connection's token ends, by the time of day of each look: a clock that jumps is judged anew.
struct TokenClock: Sendable, Equatable {
    enum Verdict: Sendable, Equatable {
        case doNothing
        /// Tell the client, once, that its token ends in so many seconds.
        case warn(inSeconds: Int)
        case expired
    }

    /// How long before its end a client is told.
    static let warningSeconds = 60.0

    private let expiresAt: Double?
    /// How far clocks may differ, in seconds.
    var leeway: Double
    private var hasWarned = false

    init(_ identity: Identity, leeway: Double) {
        self.expiresAt = identity.expiresAt
        self.leeway = leeway
    }

    /// Looks at the time of day, in seconds since 1970.
    mutating func look(now: Double) -> Verdict {
        guard let expiresAt = self.expiresAt else {
            return .doNothing
        }
        if now >= expiresAt + self.leeway {
            return .expired
        }
        if !self.hasWarned, now >= expiresAt - Self.warningSeconds {
            self.hasWarned = true
            return .warn(inSeconds: max(0, Int(clamping: (expiresAt - now).rounded())))
        }
        return .doNothing
    }
}
