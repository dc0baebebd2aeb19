import SluiceBase

extension TokenSigner {
    /// What a token made here says.
    package struct Claims: Sendable {
        /// `sub`.
        package var subject: String
        /// `iat`, in whole seconds since 1970.
        package var issuedAt: Int64
        /// `exp`, in whole seconds since 1970.
        package var expiresAt: Int64
        /// `scans`: scan ids and globs; left out while `nil`.
        package var scans: [String]?
        /// `roles`; left out while empty.
        package var roles: [String] = []
        /// `scope`, separated by spaces; left out while `nil`.
        package var scope: String?
        /// `iss`; left out while `nil`.
        package var issuer: String?
        /// `aud`; left out while `nil`.
        package var audience: String?
        /// `jti`: 128 random bits, so that each token can be revoked alone.
        package var tokenID = RandomText.make(byteCount: 16)

        /// Claims with what every token has to have.
        ///
        /// - Parameters:
        ///   - subject: The user.
        ///   - now: The wall clock, in seconds since 1970.
        ///   - timeToLive: How long the token is to live, in seconds; not beyond 2255.
        package init(subject: String, now: Double, timeToLive: Int64) {
            let latest = Int64(TokenClaims.latestTime)
            self.subject = subject
            self.issuedAt = Int64(exactly: now.rounded(.down)) ?? latest
            self.expiresAt = min(self.issuedAt + min(timeToLive, latest), latest)
        }

        var json: [UInt8] {
            var writer = JSONWriter()
            writer.beginObject()
            writer.member("sub", self.subject)
            writer.member("iat", Int(self.issuedAt))
            writer.member("exp", Int(self.expiresAt))
            writer.member("jti", self.tokenID)
            if let scans = self.scans {
                writer.member("scans", scans)
            }
            if !self.roles.isEmpty {
                writer.member("roles", self.roles)
            }
            for (name, value) in [("scope", self.scope), ("iss", self.issuer), ("aud", self.audience)] {
                if let value {
                    writer.member(name, value)
                }
            }
            writer.endObject()
            return writer.bytes
        }
    }
}
