import Testing

@testable import SluiceAdmission

@Suite struct JSONWebKeySetTests {
    private func set(_ entries: String...) throws -> JSONWebKeySet {
        try JSONWebKeySet(Array("{\"keys\":[\(entries.joined(separator: ","))]}".utf8))
    }

    /// An entry of the vectors with more members.
    private func with(_ more: String, _ entry: String = TokenVectors.rsaJWK) -> String {
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
            self.with(#""alg":"PS384","kid":"one","use":"sig""#),
            self.with(#""alg":"RS512","key_ops":["verify"]"#)
        )
        #expect(set.keys.map(\.algorithm) == [.ps384, .rs512])
        #expect(set.keys.map(\.id) == ["one", nil])
    }

    @Test func `an entry of an unknown kind is passed over, and the others serve`() throws {
        let set = try self.set(
            #"{"kty":"oct","k":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","alg":"HS256"}"#,
            #"{"kty":"AKP","alg":"ML-DSA-44","pub":"AAAA"}"#,
            #"{"kty":"EC","crv":"secp256k1","x":"AA","y":"AA"}"#,
            #"{"kty":"OKP","crv":"X25519","x":"hSDwCYkwp1R0i33ctD73Wg2_Og0mOBr066SpjqqbTmo"}"#,
            #"{"kty":"OKP","crv":"Ed448","x":"AAAA"}"#,
            #"{"kty":7}"#,
            #"{}"#,
            "7",
            "null",
            self.with(#""use":"enc""#),
            self.with(#""use":null"#),
            self.with(#""key_ops":["sign"]"#),
            self.with(#""key_ops":"verify""#),
            self.with(#""alg":"RSA-OAEP""#),
            self.with(#""alg":"HS256""#),
            self.with(#""alg":"none""#),
            self.with(#""alg":7"#),
            self.with(#""kid":7"#),
            self.with(#""alg":"ES384""#, TokenVectors.p256JWK),
            self.with(#""alg":"RS256""#, TokenVectors.p256JWK),
            TokenVectors.p256JWK.replacing("P-256", with: "P-384"),
            #"{"kty":"RSA","n":"AQAB","e":"AQAB"}"#,
            #"{"kty":"RSA","e":"AQAB"}"#,
            #"{"kty":"EC","crv":"P-256","x":"AAAA","y":"AAAA"}"#,
            TokenVectors.ed25519JWK
        )
        #expect(set.keys.map(\.algorithm) == [.edDSA])
        #expect(set.passedOverCount == 24)
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
