internal import SluiceAdmission
internal import SluiceHTTP

/// Says whether live connections would still be let in, after the operator or an issuer of tokens changed something.
///
/// A value of one moment: the same rules hold for the first connection and the last one.
struct LiveJudge: Sendable {
    enum Verdict: Sendable, Equatable {
        /// Continues, with the identity that its credential gives now.
        case stays(Identity)
        case ends(Closing)
    }

    let credentials: CredentialJudge
    let origins: OriginPolicy
    /// The places where credentials are allowed.
    let auth: GatewayConfiguration.Auth
    /// The authorities of client certificates in force; nil for none.
    let authorities: ClientAuthorities?
    /// How those end whose right is gone.
    let closing: Closing
    /// The wall clock, in seconds since 1970.
    let now: Double

    /// Judges one connection.
    ///
    /// - Parameters:
    ///   - identity: The identity that it belongs to.
    ///   - arrival: How it came.
    ///   - certificate: The certificate that its client showed.
    /// - Returns: Whether it would be let in now, and with which identity.
    func verdict(on identity: Identity, arrival: Arrival, certificate: ClientCertificate?) -> Verdict {
        if let page = arrival.page, !self.origins.lists(page) {
            return .ends(self.closing)
        }
        guard arrival.carrier.isAllowed(by: self.auth) else {
            return .ends(self.closing)
        }
        // Also where a ticket carried it.
        guard identity.applicationEvidence == nil || self.auth.forward.url != nil else {
            return .ends(self.closing)
        }
        if identity.kind == .clientCertificate {
            return certificate?.isAdmitted(by: self.authorities) ?? false ? .stays(identity) : .ends(self.closing)
        }
        switch self.credentials.verdict(on: identity, now: self.now) {
        case .stays(let fresh): return .stays(fresh)
        case .ends(.expired): return .ends(.tokenExpired)
        case .ends(.claims): return .ends(.claimsChanged)
        case .ends: return .ends(self.closing)
        }
    }

    /// Ends a connection, or lets it continue.
    ///
    /// - Returns: Whether it continues.
    func apply(to connection: any LiveConnection) -> Bool {
        switch self.verdict(on: connection.identity, arrival: connection.arrival, certificate: connection.certificate) {
        case .stays(let identity):
            return connection.goOn(as: identity, leeway: self.credentials.leeway)
        case .ends(let closing):
            connection.close(closing)
            return false
        }
    }
}
