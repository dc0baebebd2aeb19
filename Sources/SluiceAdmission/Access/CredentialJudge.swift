/// Says whether an identity that was let in before would still be let in, by the keys and rules of one moment.
///
/// A pure value. It knows no revocations: adding one ends the connections that it hits.
package struct CredentialJudge: Sendable {
    /// The judgement of a connection that was let in.
    package enum Verdict: Sendable, Equatable {
        /// Continues, with the identity that the credential gives now.
        case stays(Identity)
        /// Would be refused now.
        case ends(TokenError.Reason)
    }

    let verifier: TokenVerifier
    let ingestKeys: [IngestKey]
    /// Whether no keys are still to come from elsewhere.
    let areKeysComplete: Bool

    /// How far clocks may differ, in seconds.
    package var leeway: Double { self.verifier.leeway }

    /// Judges an identity again.
    ///
    /// - Parameters:
    ///   - identity: The identity that was let in.
    ///   - now: The wall clock, in seconds since 1970.
    /// - Returns: Whether that credential would still be taken.
    package func verdict(on identity: Identity, now: Double) -> Verdict {
        switch identity.evidence {
        case .none:
            return .stays(identity)
        case .ingestKey(let digest):
            return IngestKey.identity(shownBefore: digest, among: self.ingestKeys).map { .stays($0) }
                ?? .ends(.unknownKey)
        case .application(let evidence):
            return evidence.holds(self.verifier.claims) ? .stays(identity) : .ends(.claims)
        case .token(let evidence):
            do throws(TokenError) {
                try self.verifier.check(evidence, now: now)
                return .stays(identity)
            } catch {
                switch error.reason {
                case .unknownKey, .algorithm, .signature:
                    return self.areKeysComplete ? .ends(error.reason) : .stays(identity)
                case .notYetValid:
                    // It was valid when it was shown: the clock was set back since, and nothing has changed but that.
                    return .stays(identity)
                case .tooLong, .malformed, .header, .claims, .expired, .issuer, .audience, .revoked, .ticket:
                    return .ends(error.reason)
                }
            }
        }
    }
}
