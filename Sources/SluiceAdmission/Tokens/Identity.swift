package import SluiceBase

/// The identity of a request or a connection, and the rights that its credential gives.
package struct Identity: Sendable, Hashable {
    /// The sort of credential that was shown.
    package enum Kind: String, Sendable {
        /// A JWT.
        case token
        /// A ticket that a JWT was exchanged for; it carries the JWT's rights and ends with it.
        case ticket
        /// Fields of a request that the application judged.
        case application
        /// An ingest key of the configuration.
        case ingestKey = "ingest_key"
        /// A client certificate.
        case clientCertificate = "client_certificate"
    }

    /// The sort of credential that was shown.
    package let kind: Kind
    /// The user (`sub`), or the name of the ingest key or certificate.
    package let subject: ByteName
    /// Whether the roles contain `admin`: everything is allowed.
    package let isAdmin: Bool
    /// The scans that the credential speaks of; `nil` if it says nothing about scans.
    package let scans: [ScanPattern]?
    /// Whether the credential is one for posting (`scope` contains `ingest`).
    package let canIngest: Bool
    /// The token's `exp`, without leeway, in seconds since 1970 and not after 2255; `nil` for a credential that does
    /// not expire.
    package let expiresAt: Double?
    /// The token's `iat`, in seconds since 1970.
    package let issuedAt: Double?
    /// The token's `jti`.
    package let tokenID: ByteName?
    /// The evidence that the credential was judged by; `nil` for a client certificate, which TLS judges.
    package let evidence: CredentialEvidence?

    /// An identity from its parts.
    package init(
        kind: Kind,
        subject: String,
        isAdmin: Bool = false,
        scans: [ScanPattern]? = nil,
        canIngest: Bool = false,
        expiresAt: Double? = nil,
        issuedAt: Double? = nil,
        tokenID: String? = nil,
        evidence: CredentialEvidence? = nil
    ) {
        self.kind = kind
        self.subject = ByteName(subject)
        self.isAdmin = isAdmin
        self.scans = scans
        self.canIngest = canIngest
        self.expiresAt = expiresAt
        self.issuedAt = issuedAt
        self.tokenID = tokenID.map { ByteName($0) }
        self.evidence = evidence
    }

    /// The producer that a client certificate of the configured authority makes of its holder.
    ///
    /// - Parameter name: The certificate's name, as the caller reads it from the subject.
    /// - Returns: An identity that may post to every scan, and read none.
    package static func clientCertificate(name: String) -> Self {
        Self(kind: .clientCertificate, subject: name, canIngest: true)
    }

    /// Whether a user stands behind this; an ingest key or certificate may have a user's name and is not that user.
    package var isUser: Bool {
        switch self.kind {
        case .token, .ticket, .application:
            true
        case .ingestKey, .clientCertificate:
            false
        }
    }

    /// The key under which this producer's messages are counted.
    ///
    /// Each kind has a range of its own: a key with a user's name spends no budget of that user's.
    package var producerName: ByteName {
        switch self.kind {
        case .token, .ticket, .application:
            "user:\(self.subject)"
        case .ingestKey:
            "key:\(self.subject)"
        case .clientCertificate:
            "certificate:\(self.subject)"
        }
    }

    /// The same rights, held by a ticket.
    package var asTicket: Self {
        Self(
            kind: .ticket,
            subject: self.subject.text,
            isAdmin: self.isAdmin,
            scans: self.scans,
            canIngest: self.canIngest,
            expiresAt: self.expiresAt,
            issuedAt: self.issuedAt,
            tokenID: self.tokenID?.text,
            evidence: self.evidence
        )
    }
}

/// The evidence that made a credential good when it was shown, to judge it again once keys or rules have changed.
///
/// A token or a key itself is not kept; what the application judges is, since nobody else can judge it again.
package indirect enum CredentialEvidence: Sendable, Hashable {
    /// A token, or the token behind a ticket.
    case token(TokenEvidence)
    /// The SHA-256 of an ingest key.
    case ingestKey(digest: [UInt8])
    /// What the application was shown, or what it was shown for a ticket.
    case application(ApplicationEvidence)
}

/// The evidence that a token was judged by.
package struct TokenEvidence: Sendable, Hashable {
    let header: TokenHeader
    /// The ``VerificationKey/fingerprint`` of the key whose signature it bears.
    let key: [UInt8]
    let lifetime: TokenLifetime
    let issuer: String?
    let audiences: [String]
    /// How its claims were read: rights that they gave are not known under other rules.
    let rules: ClaimRules
}
