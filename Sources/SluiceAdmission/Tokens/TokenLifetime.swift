/// The times in a token, in seconds since 1970 (RFC 7519 section 2, NumericDate).
///
/// They are judged at each use, not once: a remembered token ends when it ends, also if the wall clock jumps.
struct TokenLifetime: Sendable, Hashable {
    /// `exp`.
    let expiresAt: Double
    /// `nbf`.
    let notBefore: Double?
    /// `iat`.
    let issuedAt: Double?

    /// Judges the times (RFC 7519 sections 4.1.4 to 4.1.6).
    ///
    /// - Parameters:
    ///   - now: The wall clock, in seconds since 1970.
    ///   - leeway: How far clocks may differ, in seconds.
    /// - Throws: ``TokenError`` with `expired` or `notYetValid`.
    func check(now: Double, leeway: Double) throws(TokenError) {
        guard now < self.expiresAt + leeway else {
            throw TokenError(.expired)
        }
        for start in [self.notBefore, self.issuedAt] {
            if let start, now < start - leeway {
                throw TokenError(.notYetValid)
            }
        }
    }
}
