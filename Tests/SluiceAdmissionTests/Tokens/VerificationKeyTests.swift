import Crypto
import CryptoExtras
import Testing

@testable import SluiceAdmission

@Suite struct VerificationKeyTests {
    @Test(arguments: [TokenAlgorithm.hs256, .hs384, .hs512])
    func `a secret under 32 bytes is refused, and the message says so`(algorithm: TokenAlgorithm) {
        let error = #expect(throws: KeyError.self) {
            try VerificationKey(id: nil, algorithm: algorithm, secret: [UInt8](repeating: 1, count: 31))
        }
        #expect(error?.message == "has 31 bytes; \(algorithm.rawValue) needs at least 32")
        #expect(throws: Never.self) {
            try VerificationKey(id: nil, algorithm: algorithm, secret: [UInt8](repeating: 1, count: 32))
        }
    }

    @Test(arguments: ["", "\n", "\r\n"])
    func `one newline at the end of a secret file is not part of the secret`(ending: String) throws {
        let secret = "a secret of 32 bytes, no newline"
        let key = try VerificationKey(id: nil, algorithm: .hs256, secretFile: Array((secret + ending).utf8))
        let token = TokenForge.token(secret: Array(secret.utf8))
        #expect(throws: Never.self) { try TokenVerifier(keys: [key]).verify(token, now: TokenForge.now) }
    }

    @Test func `the newline does not count for the length`() {
        let error = #expect(throws: KeyError.self) {
            try VerificationKey(
                id: nil,
                algorithm: .hs256,
                secretFile: Array("31 bytes is too short, a newline\n".utf8.dropFirst())
            )
        }
        #expect(error?.message == "has 31 bytes; HS256 needs at least 32")
    }

    @Test func `a public key is no secret, and a secret no public key`() {
        #expect(throws: KeyError("is a PEM file, and so no secret for HS256")) {
            try VerificationKey(id: nil, algorithm: .hs256, secret: Array(TestKeys.publicPEM(.rs256).utf8))
        }
        #expect(throws: KeyError("HS256 needs a secret, not a public key")) {
            try VerificationKey(id: nil, algorithm: .hs256, publicKeyPEM: TestKeys.publicPEM(.rs256))
        }
        #expect(throws: KeyError("RS256 needs a public key, not a secret")) {
            try VerificationKey(id: nil, algorithm: .rs256, secret: TestKeys.secret)
        }
        #expect(throws: KeyError("is not a PEM public key for RS256")) {
            try VerificationKey(id: nil, algorithm: .rs256, publicKeyPEM: "hello")
        }
        #expect(throws: KeyError("is a private key; give the public one")) {
            try VerificationKey(id: nil, algorithm: .es256, publicKeyPEM: TestKeys.p256.pemRepresentation)
        }
    }

    @Test func `a key of another kind or curve is refused`() {
        let algorithms: [TokenAlgorithm] = [.rs256, .es256, .es384, .es512, .edDSA]
        for algorithm in algorithms {
            for other in algorithms where other != algorithm {
                #expect(throws: KeyError.self) {
                    try VerificationKey(id: nil, algorithm: algorithm, publicKeyPEM: TestKeys.publicPEM(other))
                }
            }
        }
    }

    @Test func `an RSA key under 2048 bits is refused`() throws {
        let small = try _RSA.Signing.PrivateKey(unsafeKeySize: .init(bitCount: 1024)).publicKey
        let error = #expect(throws: KeyError.self) {
            try VerificationKey(id: nil, algorithm: .rs256, publicKeyPEM: small.pemRepresentation)
        }
        #expect(error?.message.contains("2048") == true)
    }

    @Test func `an RSA key is read in both of its forms`() throws {
        let key = TestKeys.rsa.publicKey
        for pem in [key.pemRepresentation, key.pkcs1PEMRepresentation, key.pemRepresentation + "\n"] {
            #expect(throws: Never.self) { try VerificationKey(id: nil, algorithm: .ps512, publicKeyPEM: pem) }
        }
    }
}
