import Testing

@testable import SluiceAdmission

@Suite struct JSONWebKeySetTests {
    private func set(_ entries: String...) throws -> JSONWebKeySet {
        try JSONWebKeySet(Array("{\"keys\":[\(entries.joined(separator: ","))]}".utf8))
    }

    /// An entry of the vectors with more members.
    private static func with(_ more: String, _ entry: String = TokenVectors.rsaJWK) -> String {
        entry.dropLast() + ",\(more)}"
    }

    @Test func `an entry without alg gets the algorithm that its type implies`() throws {
        let set = try self.set(
            TokenVectors.rsaJWK,
            TokenVectors.p256JWK,
            TokenVectors.p384JWK,
            TokenVectors.p521JWK,
            TokenVectors.ed25519JWK
        )
        #expect(set.keys.map(\.algorithm) == [.rs256, .es256, .es384, .es512, .edDSA])
        #expect(set.passedOverCount == 0)
        let verifier = TokenVerifier(keys: set.keys)
        for vector in TokenVectors.vectors where set.keys.contains(where: { $0.algorithm.rawValue == vector.algorithm })
        {
            #expect(throws: Never.self) { try verifier.verify(vector.joserfc, now: TokenForge.now) }
        }
        for vector in TokenVectors.vectors where ["RS512", "PS256", "HS256"].contains(vector.algorithm) {
            #expect(throws: TokenError(.algorithm)) { try verifier.verify(vector.joserfc, now: TokenForge.now) }
        }
    }

    @Test func `an entry's alg and kid are kept`() throws {
        let set = try self.set(
            Self.with(#""alg":"PS384","kid":"one","use":"sig""#),
            Self.with(#""alg":"RS512","key_ops":["verify"]"#)
        )
        #expect(set.keys.map(\.algorithm) == [.ps384, .rs512])
        #expect(set.keys.map(\.id) == ["one", nil])
    }

    @Test(arguments: [
        (
            #"{"kty":"oct","k":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","alg":"HS256"}"#,
            "is a shared secret, which has no place in a published set"
        ),
        (#"{"kty":"AKP","alg":"ML-DSA-44","pub":"AAAA"}"#, "has a kty that is not known: not RSA, EC or OKP"),
        (#"{"kty":7}"#, "has a kty that is not known: not RSA, EC or OKP"),
        (#"{"kty":null}"#, "has a kty that is not known: not RSA, EC or OKP"),
        (#"{}"#, "has a kty that is not known: not RSA, EC or OKP"),
        (
            #"{"kty":"EC","crv":"secp256k1","x":"AA","y":"AA"}"#,
            "has a crv that is not known for signatures: not P-256, P-384 or P-521"
        ),
        (
            #"{"kty":"OKP","crv":"X25519","x":"hSDwCYkwp1R0i33ctD73Wg2_Og0mOBr066SpjqqbTmo"}"#,
            "has a crv that is not known for signatures: not Ed25519"
        ),
        (#"{"kty":"OKP","crv":"Ed25519","x":"AAAA"}"#, "is no Ed25519 key: see its x"),
        ("7", "is no object"), ("null", "is no object"),
        (Self.with(#""use":"enc""#), "has a use that is not sig"),
        (Self.with(#""key_ops":["sign"]"#), "has key_ops without verify"),
        (Self.with(#""key_ops":"verify""#), "has key_ops without verify"),
        (Self.with(#""alg":"RSA-OAEP""#), "has an alg that is not known for signatures"),
        (Self.with(#""alg":"none""#), "has an alg that is not known for signatures"),
        (Self.with(#""alg":7"#), "has an alg that is not known for signatures"),
        (Self.with(#""alg":"HS256""#), "has an alg that is not one of its kty and crv"),
        (Self.with(#""alg":"ES384""#, TokenVectors.p256JWK), "has an alg that is not one of its kty and crv"),
        (Self.with(#""alg":"RS256""#, TokenVectors.p256JWK), "has an alg that is not one of its kty and crv"),
        (Self.with(#""kid":7"#), "has a kid that is no string"),
        (TokenVectors.p256JWK.replacing("P-256", with: "P-384"), "is no key of P-384: see its x and y"),
        (#"{"kty":"EC","crv":"P-256","x":"AAAA","y":"AAAA"}"#, "is no key of P-256: see its x and y"),
        (#"{"kty":"EC","crv":"P-256","x":"AAAA"}"#, "has no y in base64url"),
        (#"{"kty":"RSA","n":"AQAB","e":"AQAB"}"#, "is no RSA key of 2048 bits or more"),
        (#"{"kty":"RSA","n":"!","e":"AQAB"}"#, "has no n in base64url"),
    ])
    func `an entry of no use is passed over with its reason, and the others serve`(
        entry: String,
        reason: String
    ) throws {
        let set = try self.set(TokenVectors.ed25519JWK, entry, TokenVectors.p256JWK)
        #expect(set.keys.map(\.algorithm) == [.edDSA, .es256])
        #expect(set.passedOver == [JSONWebKeySet.PassedOver(index: 1, keyID: nil, reason: reason)])
    }

    @Test func `a member that is null is an absent one`() throws {
        let nulls = #""use":null,"key_ops":null,"alg":null,"kid":null"#
        let set = try self.set(Self.with(nulls), Self.with(nulls, TokenVectors.p384JWK))
        #expect(set.keys.map(\.algorithm) == [.rs256, .es384])
        #expect(set.keys.map(\.id) == [nil, nil])
        #expect(set.passedOver.isEmpty)
    }

    @Test func `an entry is named so that it can be found, and so that it cannot act on a log`() throws {
        let name = #"a\nb\u001b[2J\u202e"# + String(repeating: "x", count: 100)
        let set = try self.set("{\"kid\":\"\(name)\",\"use\":\"enc\"}", #"{"use":"enc"}"#)
        let shown = "a?b?[2J?" + String(repeating: "x", count: 56)
        #expect(
            set.passedOver.map(\.description) == [
                "entry 0 (kid \(shown)) has a use that is not sig", "entry 1 has a use that is not sig",
            ]
        )
    }

    @Test func `of many entries passed over the first are told, and all are counted`() throws {
        let entries = [String](repeating: "1", count: 1000).joined(separator: ",")
        let set = try JSONWebKeySet(Array("{\"keys\":[\(entries)]}".utf8))
        #expect(set.passedOver.count == JSONWebKeySet.maximumNoteCount)
        #expect(set.passedOverCount == 1000)
    }

    @Test(arguments: ["", "[]", "{}", #"{"keys":{}}"#, #"{"keys":null}"#, #"{"keys":[]"#, #"{"keys":[],"keys":[]}"#])
    func `what is no set at all is refused`(text: String) {
        #expect(throws: KeyError.self) { try JSONWebKeySet(Array(text.utf8)) }
    }

    @Test func `the number of keys and bytes is bounded`() throws {
        let entries = [String](repeating: TokenVectors.p256JWK, count: 150).joined(separator: ",")
        let set = try JSONWebKeySet(Array("{\"keys\":[\(entries)]}".utf8))
        #expect(set.keys.count == JSONWebKeySet.maximumKeyCount)
        #expect(set.passedOverCount == 50)
        let blank = [UInt8](repeating: 0x20, count: JSONWebKeySet.maximumBytes)
        #expect(throws: KeyError.self) { try JSONWebKeySet(Array("{\"keys\":[]}".utf8) + blank) }
    }
}
