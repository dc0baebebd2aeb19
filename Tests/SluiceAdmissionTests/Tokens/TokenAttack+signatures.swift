import Crypto
import CryptoExtras
import SluiceBase

@testable import SluiceAdmission

extension TokenAttack {
    private static let good = TokenForge.token()

    private static func parts(_ token: String) -> [String] {
        token.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
    }

    /// The first two parts of a token that claims an algorithm.
    private static func text(_ algorithm: TokenAlgorithm) -> String {
        "\(TokenForge.part("{\"alg\":\"\(algorithm.rawValue)\"}")).\(TokenForge.part(TokenForge.claims))"
    }

    private static func withSignature(_ algorithm: TokenAlgorithm, _ signature: [UInt8]) -> String {
        "\(self.text(algorithm)).\(Base64URL.encode(signature))"
    }

    /// The signature of a token, changed.
    private static func changed(_ algorithm: TokenAlgorithm, _ change: (inout [UInt8]) -> Void) -> String {
        var signature = TestKeys.sign(Array(self.text(algorithm).utf8), algorithm)
        change(&signature)
        return self.withSignature(algorithm, signature)
    }

    static let signatures: [Self] = [
        Self(
            "HMAC with the RSA public key as the secret",
            .signature,
            TokenForge.token(secret: Array(TestKeys.publicPEM(.rs256).utf8))
        ),
        Self(
            "HMAC with the RSA public key's DER as the secret",
            .signature,
            TokenForge.token(secret: Array(TestKeys.rsa.publicKey.derRepresentation))
        ),
        Self("HMAC with an empty secret", .signature, TokenForge.token(secret: [])),
        Self(
            "HMAC under an embedded key",
            .signature,
            TokenForge.token(
                header: #"{"alg":"HS256","jwk":{"kty":"oct","k":"YXR0YWNrZXItc2VjcmV0LW9mLTMyLWJ5dGVzISE"}}"#,
                secret: Array("attacker-secret-of-32-bytes!!".utf8)
            )
        ),
        Self(
            "a key to be fetched from elsewhere",
            .signature,
            TokenForge.token(
                header: #"{"alg":"HS256","jku":"http://127.0.0.1/jwks","x5u":"http://127.0.0.1/x","x5c":["MIIB"]}"#,
                secret: Array(repeating: 1, count: 32)
            )
        ),
        Self(
            "RS256 signed as PS256",
            .signature,
            Self.withSignature(
                .rs256,
                TestKeys.sign(
                    Array(Self.text(.rs256).utf8),
                    .ps256
                )
            )
        ),
        Self("ES256, all zero", .signature, Self.withSignature(.es256, [UInt8](repeating: 0, count: 64))),
        Self("ES256, r zero", .signature, Self.changed(.es256) { $0.replaceSubrange(0..<32, with: Self.zeros(32)) }),
        Self("ES256, s zero", .signature, Self.changed(.es256) { $0.replaceSubrange(32..<64, with: Self.zeros(32)) }),
        Self("ES256, all ones", .signature, Self.withSignature(.es256, [UInt8](repeating: 0xFF, count: 64))),
        Self("ES256, a byte short", .signature, Self.changed(.es256) { $0.removeLast() }),
        Self("ES256, a byte long", .signature, Self.changed(.es256) { $0.append(0) }),
        Self("ES256, a zero before", .signature, Self.changed(.es256) { $0.insert(0, at: 0) }),
        Self(
            "ES256, as DER",
            .signature,
            Self.changed(.es256) { signature in
                signature = Array(try! P256.Signing.ECDSASignature(rawRepresentation: signature).derRepresentation)
            }
        ),
        Self("EdDSA, all zero", .signature, Self.withSignature(.edDSA, Self.zeros(64))),
        Self("EdDSA, a byte long", .signature, Self.changed(.edDSA) { $0.append(0) }),
        Self("EdDSA, s not reduced", .signature, Self.changed(.edDSA) { $0[63] |= 0xE0 }),
        Self("RS256, all zero", .signature, Self.withSignature(.rs256, Self.zeros(256))),
        Self("RS256, one", .signature, Self.withSignature(.rs256, Self.zeros(255) + [1])),
        Self("RS256, a zero before", .signature, Self.changed(.rs256) { $0.insert(0, at: 0) }),
        Self("HS256, cut to 16 bytes", .signature, Self.changed(.hs256) { $0.removeLast(16) }),
        Self("HS256, a byte long", .signature, Self.changed(.hs256) { $0.append(0) }),
        Self("HS256, one byte", .signature, Self.withSignature(.hs256, [0])),
    ]

    static let shapes: [Self] = {
        let parts = Self.parts(Self.good)
        let (header, claims, signature) = (parts[0], parts[1], parts[2])
        let none = TokenForge.part(#"{"alg":"none"}"#)
        // The last character of 32 bytes carries four bits of data and two that have to be zero.
        let stray = signature.dropLast() + String(Self.next(signature.last!))
        return [
            Self("stripped of its signature", .malformed, "\(header).\(claims)."),
            Self("stripped of signature and dot", .malformed, "\(header).\(claims)"),
            Self("none without a signature", .malformed, "\(none).\(claims)."),
            Self("none with the old signature", .algorithm, "\(none).\(claims).\(signature)"),
            Self("four parts", .malformed, "\(Self.good).\(signature)"),
            Self(
                "five parts, as an encrypted one has",
                .malformed,
                "\(header).\(claims).\(claims).\(claims).\(claims)"
            ),
            Self("four dots and nothing between", .malformed, "...."),
            Self("two dots", .malformed, ".."),
            Self("nothing", .malformed, ""),
            Self("padded", .malformed, "\(Self.good)="),
            Self("padded header", .malformed, "\(header)=.\(claims).\(signature)"),
            Self("a space after", .malformed, "\(Self.good) "),
            Self("a newline after", .malformed, "\(Self.good)\n"),
            Self("a space before", .malformed, " \(Self.good)"),
            Self("a line break within", .malformed, "\(header).\r\n\(claims).\(signature)"),
            Self("stray bits in the last character", .malformed, "\(header).\(claims).\(stray)"),
            Self("a NUL after", .malformed, "\(Self.good)\u{0}"),
            Self("the other alphabet", .malformed, "\(header).\(claims).\(String(repeating: "+", count: 43))"),
            Self("the claims of another", .signature, "\(header).\(TokenForge.part(Self.root)).\(signature)"),
            Self("the claims in another spelling", .signature, Self.respelt(header, signature)),
            Self("as a JSON serialization", .malformed, Self.serialized(header, claims, signature)),
            Self("longer than any", .tooLong, "\(header).\(String(repeating: "A", count: 8192)).\(signature)"),
            Self("8 KiB of dots", .malformed, String(repeating: ".", count: 8192)),
            Self(
                "8 KiB of open brackets",
                .malformed,
                TokenForge.signed(
                    "\(TokenForge.part(String(repeating: "[", count: 6000))).e30"
                )
            ),
            Self(
                "8 KiB of open braces",
                .malformed,
                TokenForge.signed(
                    "\(TokenForge.part(String(repeating: "{\"a\":", count: 1200))).e30"
                )
            ),
            Self(
                "claims that are no UTF-8",
                .malformed,
                TokenForge.signed(
                    "\(header).\(Base64URL.encode([0x7B, 0x22, 0xFF, 0x22, 0x3A, 0x31, 0x7D]))"
                )
            ),
        ]
    }()

    private static let root = #"{"sub":"root","exp":1800000600}"#

    private static func zeros(_ count: Int) -> [UInt8] {
        [UInt8](repeating: 0, count: count)
    }

    private static func respelt(_ header: String, _ signature: String) -> String {
        "\(header).\(TokenForge.part(TokenForge.claims + " ")).\(signature)"
    }

    private static func serialized(_ header: String, _ claims: String, _ signature: String) -> String {
        #"{"protected":"\#(header)","payload":"\#(claims)","signature":"\#(signature)"}"#
    }

    /// The next character of the alphabet.
    private static func next(_ character: Character) -> Character {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
        return alphabet[alphabet.firstIndex(of: character)! + 1]
    }
}
