import Crypto
import CryptoExtras

extension VerificationKey {
    /// Whether a signature is this key's for a text.
    ///
    /// Lengths are exact (RFC 7518 sections 3.2 to 3.5, RFC 8037 section 3.1); an HMAC is compared in constant time;
    /// what lies outside the group (zero r or s, s not reduced) is refused by the crypto library.
    ///
    /// - Parameters:
    ///   - signature: The decoded third part of a token.
    ///   - text: The first two parts with the dot between them.
    /// - Returns: `true` only for a valid signature.
    func isValid(_ signature: [UInt8], for text: some Collection<UInt8>) -> Bool {
        let text = Array(text)
        switch self.material {
        case .hmac(let secret):
            return self.isValidCode(signature, for: text, secret: secret)
        case .rsa(let key):
            return self.isValidRSA(signature, for: text, key: key)
        case .p256(let key):
            guard let signature = try? P256.Signing.ECDSASignature(rawRepresentation: signature) else {
                return false
            }
            return key.isValidSignature(signature, for: SHA256.hash(data: text))
        case .p384(let key):
            guard let signature = try? P384.Signing.ECDSASignature(rawRepresentation: signature) else {
                return false
            }
            return key.isValidSignature(signature, for: SHA384.hash(data: text))
        case .p521(let key):
            guard let signature = try? P521.Signing.ECDSASignature(rawRepresentation: signature) else {
                return false
            }
            return key.isValidSignature(signature, for: SHA512.hash(data: text))
        case .ed25519(let key):
            return signature.count == 64 && key.isValidSignature(signature, for: text)
        }
    }

    private func isValidCode(_ code: [UInt8], for text: [UInt8], secret: SymmetricKey) -> Bool {
        switch self.algorithm {
        case .hs256:
            code.count == 32 && HMAC<SHA256>.isValidAuthenticationCode(code, authenticating: text, using: secret)
        case .hs384:
            code.count == 48 && HMAC<SHA384>.isValidAuthenticationCode(code, authenticating: text, using: secret)
        case .hs512:
            code.count == 64 && HMAC<SHA512>.isValidAuthenticationCode(code, authenticating: text, using: secret)
        case .rs256, .rs384, .rs512, .ps256, .ps384, .ps512, .es256, .es384, .es512, .edDSA:
            false
        }
    }

    private func isValidRSA(_ bytes: [UInt8], for text: [UInt8], key: _RSA.Signing.PublicKey) -> Bool {
        guard bytes.count == (key.keySizeInBits + 7) / 8 else {
            return false
        }
        let signature = _RSA.Signing.RSASignature(rawRepresentation: bytes)
        return switch self.algorithm {
        case .rs256:
            key.isValidSignature(signature, for: SHA256.hash(data: text), padding: .insecurePKCS1v1_5)
        case .rs384:
            key.isValidSignature(signature, for: SHA384.hash(data: text), padding: .insecurePKCS1v1_5)
        case .rs512:
            key.isValidSignature(signature, for: SHA512.hash(data: text), padding: .insecurePKCS1v1_5)
        case .ps256:
            key.isValidSignature(signature, for: SHA256.hash(data: text), padding: .PSS)
        case .ps384:
            key.isValidSignature(signature, for: SHA384.hash(data: text), padding: .PSS)
        case .ps512:
            key.isValidSignature(signature, for: SHA512.hash(data: text), padding: .PSS)
        case .hs256, .hs384, .hs512, .es256, .es384, .es512, .edDSA:
            false
        }
    }
}
