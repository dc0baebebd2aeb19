/// The end of some tokens before their time.
package enum Revocation: Sendable, Hashable {
    /// The tokens with this `jti`.
    case tokenID(String)
    /// The tokens of this user that were issued before an instant, in seconds since 1970, or that do not say when.
    case subject(String, issuedBefore: Double)

    /// Whether it ends what an identity stands on: a token, or a ticket that a token was exchanged for.
    ///
    /// - Parameter identity: Who is connected.
    /// - Returns: Whether it has ended.
    package func hits(_ identity: Identity) -> Bool {
        guard identity.isUser else {
            return false
        }
        switch self {
        case .tokenID(let tokenID):
            return identity.tokenID == tokenID
        case .subject(let subject, let instant):
            return identity.subject == subject && identity.issuedAt.map { $0 < instant } ?? true
        }
    }
}
