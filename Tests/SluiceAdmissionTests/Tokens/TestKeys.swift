import Crypto
import CryptoExtras

@testable import SluiceAdmission

/// Private keys made for this run of the tests.
///
/// `try!`: a key that was made here signs any bytes. Where making or signing fails, no test of tokens can say anything, and
/// the run ends at the line that failed; tables of tokens that are made of these need no `try` of their own.
enum TestKeys {
    static let secret = Array("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef".utf8)
    static let rsa: _RSA.Signing.PrivateKey = try! _RSA.Signing.PrivateKey(keySize: .bits2048)
    static let p256 = P256.Signing.PrivateKey()
    static let p384 = P384.Signing.PrivateKey()
    static let p521 = P521.Signing.PrivateKey()
    static let ed25519 = Curve25519.Signing.PrivateKey()

    /// The verifying half of the key for an algorithm.
    static func key(_ algorithm: TokenAlgorithm, id: String? = nil) throws -> VerificationKey {
        guard !algorithm.isSymmetric else {
            return try VerificationKey(id: id, algorithm: algorithm, secret: self.secret)
        }
        return try VerificationKey(id: id, algorithm: algorithm, publicKeyPEM: self.publicPEM(algorithm))
    }

    static func publicPEM(_ algorithm: TokenAlgorithm) -> String {
        switch algorithm {
        case .es256:
            self.p256.publicKey.pemRepresentation
        case .es384:
            self.p384.publicKey.pemRepresentation
        case .es512:
            self.p521.publicKey.pemRepresentation
        case .edDSA:
            self.ed25519.publicKey.pemRepresentation
        default:
            self.rsa.publicKey.pemRepresentation
        }
    }

    /// Signs a text as an algorithm does.
    static func sign(_ text: [UInt8], _ algorithm: TokenAlgorithm, secret: [UInt8] = Self.secret) -> [UInt8] {
        let key = SymmetricKey(data: secret)
        switch algorithm {
        case .hs256:
            return Array(HMAC<SHA256>.authenticationCode(for: text, using: key))
        case .hs384:
            return Array(HMAC<SHA384>.authenticationCode(for: text, using: key))
        case .hs512:
            return Array(HMAC<SHA512>.authenticationCode(for: text, using: key))
        case .es256:
            return Array(try! self.p256.signature(for: SHA256.hash(data: text)).rawRepresentation)
        case .es384:
            return Array(try! self.p384.signature(for: SHA384.hash(data: text)).rawRepresentation)
        case .es512:
            return Array(try! self.p521.signature(for: SHA512.hash(data: text)).rawRepresentation)
        case .edDSA:
            return Array(try! self.ed25519.signature(for: text))
        case .rs256, .rs384, .rs512, .ps256, .ps384, .ps512:
            return self.signRSA(text, algorithm)
        }
    }

    private static func signRSA(_ text: [UInt8], _ algorithm: TokenAlgorithm) -> [UInt8] {
        let padding: _RSA.Signing.Padding = algorithm.rawValue.hasPrefix("PS") ? .PSS : .insecurePKCS1v1_5
        let signature =
            switch algorithm.rawValue.suffix(3) {
            case "256":
                try! self.rsa.signature(for: SHA256.hash(data: text), padding: padding)
            case "384":
                try! self.rsa.signature(for: SHA384.hash(data: text), padding: padding)
            default:
                try! self.rsa.signature(for: SHA512.hash(data: text), padding: padding)
            }
        return Array(signature.rawRepresentation)
    }
}
