import Crypto
import SluiceBase

/// Makes tokens with a shared secret, for the operator's command line.
package struct TokenSigner: Sendable {
    private let key: VerificationKey
    private let secret: SymmetricKey

    /// A signer.
    ///
    /// - Parameter key: A key of HS256, HS384 or HS512. Its name, if it has one, becomes the tokens' `kid`.
    /// - Throws: ``KeyError`` if the key is a public one, which cannot sign.
    package init(key: VerificationKey) throws(KeyError) {
        guard case .hmac(let secret) = key.material else {
            throw KeyError("is a public key, and cannot sign")
        }
        self.key = key
        self.secret = secret
    }

    /// Signs claims.
    ///
    /// - Parameter claims: The token's claims.
    /// - Returns: The compact form (RFC 7515 section 7.1).
    package func sign(_ claims: Claims) -> String {
        var header = JSONWriter()
        header.beginObject()
        header.member("alg", self.key.algorithm.rawValue)
        header.member("typ", "JWT")
        if let id = self.key.id {
            header.member("kid", id)
        }
        header.endObject()
        let text = "\(Base64URL.encode(header.bytes)).\(Base64URL.encode(claims.json))"
        return "\(text).\(Base64URL.encode(self.code(for: Array(text.utf8))))"
    }

    private func code(for text: [UInt8]) -> [UInt8] {
        switch self.key.algorithm {
        case .hs256:
            return Array(HMAC<SHA256>.authenticationCode(for: text, using: self.secret))
        case .hs384:
            return Array(HMAC<SHA384>.authenticationCode(for: text, using: self.secret))
        case .hs512:
            return Array(HMAC<SHA512>.authenticationCode(for: text, using: self.secret))
        case .rs256, .rs384, .rs512, .ps256, .ps384, .ps512, .es256, .es384, .es512, .edDSA:
            preconditionFailure("a signer holds a shared secret only")
        }
    }
}

extension TokenSigner {
    /// The claims of a token made here.
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
        /// Where the claims are written.
        package var rules = ClaimRules()

        /// Claims with the fields that every token must have.
        ///
        /// - Parameters:
        ///   - subject: The user.
        ///   - now: The wall clock, in seconds since 1970.
        ///   - timeToLive: How long the token lives, in seconds; not beyond 2255.
        package init(subject: String, now: Double, timeToLive: Int64) {
            let latest = Int64(TokenClaims.latestTime)
            self.subject = subject
            self.issuedAt = Int64(exactly: now.rounded(.down)) ?? latest
            self.expiresAt = min(self.issuedAt + min(timeToLive, latest), latest)
        }

        var json: [UInt8] {
            var writer = JSONWriter()
            writer.beginObject()
            writer.member("iat", Int(self.issuedAt))
            writer.member("exp", Int(self.expiresAt))
            writer.member("jti", self.tokenID)
            var claims = ClaimObject()
            claims.add(self.subject, at: self.rules.subject)
            if let scans = self.scans {
                claims.add(scans, at: self.rules.scans)
            }
            if !self.roles.isEmpty {
                claims.add(self.roles, at: self.rules.roles)
            }
            if let scope = self.scope {
                claims.add(scope, at: self.rules.scope)
            }
            claims.write(into: &writer)
            for (name, value) in [("iss", self.issuer), ("aud", self.audience)] {
                if let value {
                    writer.member(name, value)
                }
            }
            writer.endObject()
            return writer.bytes
        }
    }
}
