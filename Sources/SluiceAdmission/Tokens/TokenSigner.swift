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
    /// - Parameter claims: What the token is to say.
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
