/// The end of some tokens before their time, as a store keeps it.
package struct StoredRevocation: Sendable, Equatable {
    /// The `jti` of the tokens; nil where a user's tokens are meant.
    package var tokenID: String?
    /// The user whose tokens are meant.
    package var subject: String?
    /// Only tokens issued before this, in seconds since 1970.
    package var issuedBefore: Double?
    /// In seconds since 1970.
    package var keptUntil: Double

    package init(tokenID: String?, subject: String?, issuedBefore: Double?, keptUntil: Double) {
        self.tokenID = tokenID
        self.subject = subject
        self.issuedBefore = issuedBefore
        self.keptUntil = keptUntil
    }
}
