import Crypto
import CryptoExtras

/// A key that verifies tokens of exactly one algorithm.
///
/// The key fixes the algorithm, never the token (RFC 8725 section 3.1): a public key that is taken for an HMAC secret
/// cannot happen, as no key serves two algorithms.
package struct VerificationKey: Sendable, Equatable {
    /// The key material, by kind.
    enum Material: Sendable {
        case hmac(SymmetricKey)
        case rsa(_RSA.Signing.PublicKey)
        case p256(P256.Signing.PublicKey)
        case p384(P384.Signing.PublicKey)
        case p521(P521.Signing.PublicKey)
        case ed25519(Curve25519.Signing.PublicKey)

        fileprivate var bytes: [UInt8] {
            switch self {
            case .hmac(let secret):
                unsafe secret.withUnsafeBytes { unsafe Array($0) }
            case .rsa(let key):
                Array(key.derRepresentation)
            case .p256(let key):
                Array(key.rawRepresentation)
            case .p384(let key):
                Array(key.rawRepresentation)
            case .p521(let key):
                Array(key.rawRepresentation)
            case .ed25519(let key):
                Array(key.rawRepresentation)
            }
        }
    }

    /// The least length of an HMAC secret: RFC 7518 section 3.2 asks for the hash's size, of which SHA-256's is least.
    package static let minimumSecretBytes = 32
    /// The least RSA modulus, by RFC 7518 section 3.3.
    package static let minimumRSABits = 2048

    /// The `kid` that a token must have, or `nil` for a key without a name.
    package let id: String?
    /// The only algorithm that this key verifies.
    package let algorithm: TokenAlgorithm
    let material: Material
    /// The SHA-256 of algorithm and key: it distinguishes this key from others, whatever their names.
    let fingerprint: [UInt8]

    init(id: String?, algorithm: TokenAlgorithm, material: Material) {
        self.id = id
        self.algorithm = algorithm
        self.material = material
        let bytes = Array("\(algorithm.rawValue) ".utf8) + material.bytes
        self.fingerprint = Array(SHA256.hash(data: bytes))
    }

    package static func == (one: Self, other: Self) -> Bool {
        one.fingerprint == other.fingerprint
            && one.id.map { Array($0.utf8) } == other.id.map { Array($0.utf8) }
    }

    /// A key from a shared secret.
    ///
    /// - Parameters:
    ///   - id: The name that tokens call it by.
    ///   - algorithm: One of HS256, HS384 and HS512.
    ///   - secret: At least ``minimumSecretBytes`` bytes, taken as they are.
    /// - Throws: ``KeyError`` if the secret is too short, or is a PEM file, or the algorithm wants a public key.
    package init(id: String?, algorithm: TokenAlgorithm, secret: [UInt8]) throws(KeyError) {
        guard algorithm.isSymmetric else {
            throw KeyError("\(algorithm.rawValue) needs a public key, not a secret")
        }
        guard !secret.starts(with: "-----BEGIN ".utf8) else {
            throw KeyError("is a PEM file, and so no secret for \(algorithm.rawValue)")
        }
        guard secret.count >= Self.minimumSecretBytes else {
            throw KeyError(
                "has \(secret.count) bytes; \(algorithm.rawValue) needs at least \(Self.minimumSecretBytes)"
            )
        }
        self.init(id: id, algorithm: algorithm, material: .hmac(SymmetricKey(data: secret)))
    }

    /// A key from the contents of a secret file; a newline at its end is not part of the secret.
    ///
    /// - Parameters:
    ///   - id: The name that tokens call it by.
    ///   - algorithm: One of HS256, HS384 and HS512.
    ///   - secretFile: All bytes of the file.
    /// - Throws: ``KeyError`` as ``init(id:algorithm:secret:)`` does.
    package init(id: String?, algorithm: TokenAlgorithm, secretFile: [UInt8]) throws(KeyError) {
        var secret = secretFile
        if secret.last == UInt8(ascii: "\n") {
            secret.removeLast()
            if secret.last == UInt8(ascii: "\r") {
                secret.removeLast()
            }
        }
        try self.init(id: id, algorithm: algorithm, secret: secret)
    }

    /// A key from a public key in PEM form (SubjectPublicKeyInfo, and PKCS#1 for RSA).
    ///
    /// - Parameters:
    ///   - id: The name that tokens call it by.
    ///   - algorithm: An algorithm of the key's kind; for an elliptic curve, the one of that curve.
    ///   - publicKeyPEM: The text of the file.
    /// - Throws: ``KeyError`` if the text is no public key of that kind, or an RSA key of under 2048 bits.
    package init(id: String?, algorithm: TokenAlgorithm, publicKeyPEM: String) throws(KeyError) {
        guard !publicKeyPEM.contains("PRIVATE KEY-----") else {
            throw KeyError("is a private key; give the public one")
        }
        do {
            let material: Material
            switch algorithm {
            case .hs256, .hs384, .hs512:
                throw KeyError("\(algorithm.rawValue) needs a secret, not a public key")
            case .rs256, .rs384, .rs512, .ps256, .ps384, .ps512:
                material = .rsa(try _RSA.Signing.PublicKey(pemRepresentation: publicKeyPEM))
            case .es256:
                material = .p256(try P256.Signing.PublicKey(pemRepresentation: publicKeyPEM))
            case .es384:
                material = .p384(try P384.Signing.PublicKey(pemRepresentation: publicKeyPEM))
            case .es512:
                material = .p521(try P521.Signing.PublicKey(pemRepresentation: publicKeyPEM))
            case .edDSA:
                material = .ed25519(try Curve25519.Signing.PublicKey(pemRepresentation: publicKeyPEM))
            }
            self.init(id: id, algorithm: algorithm, material: material)
        } catch let error as KeyError {
            throw error
        } catch CryptoKitError.incorrectParameterSize {
            throw KeyError("has the wrong size for \(algorithm.rawValue): RSA keys need \(Self.minimumRSABits) bits")
        } catch {
            throw KeyError("is not a PEM public key for \(algorithm.rawValue)")
        }
    }
}

/// Why a key, a key set or a use of a key is refused.
///
/// The message is for the operator and holds no key material.
package struct KeyError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The fault, in words that can follow the name of a file or of a configuration key.
    package let message: String

    init(_ message: String) {
        self.message = message
    }

    package var description: String { self.message }
}

/// The signature algorithms of RFC 7518 section 3.1 and RFC 8037 that the gateway knows.
///
/// `none` is not among them, so that no code path can ask for it.
package enum TokenAlgorithm: String, Sendable, CaseIterable {
    case hs256 = "HS256"
    case hs384 = "HS384"
    case hs512 = "HS512"
    case rs256 = "RS256"
    case rs384 = "RS384"
    case rs512 = "RS512"
    case ps256 = "PS256"
    case ps384 = "PS384"
    case ps512 = "PS512"
    case es256 = "ES256"
    case es384 = "ES384"
    case es512 = "ES512"
    case edDSA = "EdDSA"

    /// Whether one secret both signs and verifies, so that it comes from a secret file and not from a public key.
    package var isSymmetric: Bool {
        switch self {
        case .hs256, .hs384, .hs512:
            true
        case .rs256, .rs384, .rs512, .ps256, .ps384, .ps512, .es256, .es384, .es512, .edDSA:
            false
        }
    }
}

extension VerificationKey {
    /// Whether a signature is this key's for a text.
    ///
    /// Lengths are exact (RFC 7518 sections 3.2 to 3.5, RFC 8037 section 3.1); an HMAC is compared in constant time;
    /// the crypto library refuses values outside the group (zero r or s, s not reduced).
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
