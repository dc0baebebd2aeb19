import SluiceBase

/// Decides whether the gateway accepts a JWT (RFC 7519, RFC 7515, RFC 8725), and whose it is.
///
/// A pure value: it reads no clock, fetches nothing, remembers nothing.
package struct TokenVerifier: Sendable, Equatable {
    /// The longest token, in bytes.
    package static let maximumBytes = 8192

    /// The keys, in the order in which they are tried.
    package let keys: [VerificationKey]
    /// The required `iss`; `nil` for anything.
    package let issuer: String?
    /// A value that `aud` must contain; `nil` for anything.
    package let audience: String?
    /// How far clocks may differ, in seconds.
    package let leeway: Double
    /// Where the gateway's own claims stand, and which roles mean what.
    package let claims: ClaimRules

    /// A verifier.
    ///
    /// - Parameters:
    ///   - keys: The keys, each of one algorithm. With none, every token is refused.
    ///   - issuer: The required `iss`; `nil` for anything.
    ///   - audience: A value that `aud` must contain; `nil` for anything.
    ///   - leeway: How far clocks may differ, in seconds; not negative.
    ///   - claims: Where the gateway's own claims stand, and which roles mean what.
    package init(
        keys: [VerificationKey],
        issuer: String? = nil,
        audience: String? = nil,
        leeway: Double = 30,
        claims: ClaimRules = ClaimRules()
    ) {
        precondition(leeway >= 0, "a leeway is not negative")
        self.keys = keys
        self.issuer = issuer
        self.audience = audience
        self.leeway = leeway
        self.claims = claims
    }

    /// Verifies a token.
    ///
    /// - Parameters:
    ///   - token: The compact form.
    ///   - now: The wall clock, in seconds since 1970.
    /// - Returns: Whose it is.
    /// - Throws: ``TokenError``; `unknownKey` if fresh keys could help.
    package func verify(_ token: some StringProtocol, now: Double) throws(TokenError) -> Identity {
        try self.verified(Array(token.utf8), now: now).identity
    }

    /// Verifies a token, and keeps its times.
    func verified(_ token: [UInt8], now: Double) throws(TokenError) -> VerifiedToken {
        let (header, key, payload) = try self.signedParts(token)
        let claims = try TokenClaims(payload, rules: self.claims)
        let evidence = TokenEvidence(
            header: header,
            key: key.fingerprint,
            lifetime: claims.lifetime,
            issuer: claims.issuer,
            audiences: claims.audiences,
            rules: self.claims
        )
        try self.checkClaims(evidence, now: now)
        let identity = Identity(
            kind: .token,
            subject: claims.subject,
            isAdmin: ClaimRules.contains(self.claims.adminRoles, oneOf: claims.roles),
            scans: claims.scans,
            canIngest: claims.scope.contains { $0.utf8.elementsEqual("ingest".utf8) }
                || ClaimRules.contains(self.claims.ingestRoles, oneOf: claims.roles),
            expiresAt: claims.lifetime.expiresAt,
            issuedAt: claims.lifetime.issuedAt,
            tokenID: claims.tokenID,
            evidence: .token(evidence)
        )
        return VerifiedToken(identity: identity, lifetime: claims.lifetime)
    }

    /// Judges a token again that was verified before, perhaps under other keys and rules.
    ///
    /// - Parameters:
    ///   - evidence: The evidence that it was judged by then.
    ///   - now: The wall clock, in seconds since 1970.
    /// - Throws: The error that ``verify(_:now:)`` would throw for the token; `claims` if its claims are read in another
    ///   way now, so that the token itself is needed.
    func check(_ evidence: TokenEvidence, now: Double) throws(TokenError) {
        let candidates = try self.candidates(for: evidence.header)
        guard candidates.keys.contains(where: { $0.fingerprint == evidence.key }) else {
            throw TokenError(candidates.refusal)
        }
        try self.checkClaims(evidence, now: now)
        guard evidence.rules == self.claims else {
            throw TokenError(.claims)
        }
    }

    private func checkClaims(_ evidence: TokenEvidence, now: Double) throws(TokenError) {
        try evidence.lifetime.check(now: now, leeway: self.leeway)
        if let issuer = self.issuer {
            guard let found = evidence.issuer, found.utf8.elementsEqual(issuer.utf8) else {
                throw TokenError(.issuer)
            }
        }
        if let audience = self.audience {
            guard evidence.audiences.contains(where: { $0.utf8.elementsEqual(audience.utf8) }) else {
                throw TokenError(.audience)
            }
        }
    }

    /// The parts of a token whose signature holds, the claims decoded.
    ///
    /// Nothing of these is looked at before that.
    private func signedParts(
        _ token: [UInt8]
    ) throws(TokenError) -> (header: TokenHeader, key: VerificationKey, payload: [UInt8]) {
        guard token.count <= Self.maximumBytes else {
            throw TokenError(.tooLong)
        }
        let dot = UInt8(ascii: ".")
        let parts = token.split(separator: dot, maxSplits: 3, omittingEmptySubsequences: false)
        guard parts.count == 3, parts.allSatisfy({ !$0.isEmpty }),
            let header = Base64URL.decode(parts[0]),
            let payload = Base64URL.decode(parts[1]),
            let signature = Base64URL.decode(parts[2])
        else {
            throw TokenError(.malformed)
        }
        let tokenHeader = try TokenHeader(header)
        let candidates = try self.candidates(for: tokenHeader)
        let text = token[..<parts[1].endIndex]
        guard let key = candidates.keys.first(where: { $0.isValid(signature, for: text) }) else {
            throw TokenError(candidates.refusal)
        }
        return (tokenHeader, key, payload)
    }

    /// The keys that may verify a token, and what it means if none of them does.
    ///
    /// A key without a name cannot contradict a `kid`, so it remains a candidate; if it does not verify, the `kid` is
    /// still unknown.
    private func candidates(
        for header: TokenHeader
    ) throws(TokenError) -> (keys: [VerificationKey], refusal: TokenError.Reason) {
        var keys = self.keys
        var refusal = TokenError.Reason.signature
        if let keyID = header.keyID {
            let named = self.keys.filter { $0.id.map { $0.utf8.elementsEqual(keyID.utf8) } ?? false }
            if named.isEmpty {
                keys = self.keys.filter { $0.id == nil }
                refusal = .unknownKey
            } else {
                keys = named
            }
        }
        let fitting = keys.filter { $0.algorithm == header.algorithm }
        guard !fitting.isEmpty else {
            throw TokenError(refusal == .unknownKey ? .unknownKey : .algorithm)
        }
        return (fitting, refusal)
    }
}

/// A token with valid signature and claims, and the times to judge again at each use.
struct VerifiedToken: Sendable {
    let identity: Identity
    let lifetime: TokenLifetime
}
