/// A credential that was found good: it is good again as long as nothing has changed that could end it, and within its
/// own times, which are judged at each use.
///
/// Whoever keeps it has to know that it is shown the same credential.
package final class CredentialLease: Sendable {
    /// Who showed it.
    package let identity: Identity
    /// Nil for an ingest key, which has no times.
    private let lifetime: TokenLifetime?
    private let leeway: Double
    /// The authenticator's count of changes before it was looked up.
    package let changeCount: Int

    init(identity: Identity, lifetime: TokenLifetime?, leeway: Double, changeCount: Int) {
        self.identity = identity
        self.lifetime = lifetime
        self.leeway = leeway
        self.changeCount = changeCount
    }

    func isInTime(now: Double) -> Bool {
        self.lifetime?.isOver(now: now, leeway: self.leeway) != true
    }
}
