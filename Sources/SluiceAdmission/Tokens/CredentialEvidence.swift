/// What made a credential good when it was shown, so that it can be judged again once keys or rules have changed:
/// without the credential itself, which is kept nowhere.
package indirect enum CredentialEvidence: Sendable, Hashable {
    /// A token, or the token behind a ticket.
    case token(TokenEvidence)
    /// The SHA-256 of an ingest key.
    case ingestKey(digest: [UInt8])
}

/// What a token was judged by.
package struct TokenEvidence: Sendable, Hashable {
    let header: TokenHeader
    /// The ``VerificationKey/fingerprint`` of the key whose signature it bears.
    let key: [UInt8]
    let lifetime: TokenLifetime
    let issuer: String?
    let audiences: [String]
}
