import SluiceBase
import TestSupport
import Testing

@testable import SluiceAdmission

@Suite struct TokenAttackTests {
    /// One key of each kind, as a gateway has whose operator is moving from one issuer to another.
    static let verifier: TokenVerifier = {
        let algorithms: [TokenAlgorithm] = [.hs256, .rs256, .es256, .edDSA]
        return TokenVerifier(keys: algorithms.map { try! TestKeys.key($0, id: "main") })
    }()

    @Test func `the token that the attacks change is good`() throws {
        #expect(try Self.verifier.verify(TokenForge.token(), now: TokenForge.now).subject == "alice")
    }

    @Test(arguments: TokenAttack.all)
    func `an attack is refused`(attack: TokenAttack) {
        let error = #expect(throws: TokenError.self) {
            try Self.verifier.verify(attack.token, now: TokenForge.now)
        }
        #expect(error?.reason == attack.reason)
        #expect((error?.claim != nil) == (attack.reason == .claims))
    }

    @Test func `a good token with any one character changed is refused`() {
        for algorithm in [TokenAlgorithm.hs256, .es256, .edDSA] {
            let token = Array(TokenForge.token(algorithm: algorithm).utf8)
            for index in token.indices {
                for byte in [UInt8(ascii: "A"), UInt8(ascii: "_"), UInt8(ascii: "."), 0] where byte != token[index] {
                    var changed = token
                    changed[index] = byte
                    #expect(throws: TokenError.self) {
                        try Self.verifier.verify(String(decoding: changed, as: UTF8.self), now: TokenForge.now)
                    }
                }
            }
        }
    }

    @Test func `every beginning of a good token is refused`() {
        let token = TokenForge.token(algorithm: .es256)
        for count in 0..<token.utf8.count {
            #expect(throws: TokenError.self) {
                try Self.verifier.verify(token.prefix(count), now: TokenForge.now)
            }
        }
    }

    @Test func `random bytes are refused`() {
        var generator = SplitMix64(seed: 7)
        let alphabet = Array("eyJhbGciOi.-_A0{}[]\",:\\u ".utf8)
        for _ in 0..<2000 {
            let bytes = (0..<Int.random(in: 0..<200, using: &generator)).map { _ in
                alphabet.randomElement(using: &generator)!
            }
            #expect(throws: TokenError.self) {
                try Self.verifier.verify(String(decoding: bytes, as: UTF8.self), now: TokenForge.now)
            }
            let wrapped = TokenForge.signed("\(Base64URL.encode(bytes)).\(Base64URL.encode(bytes))")
            #expect(throws: TokenError.self) { try Self.verifier.verify(wrapped, now: TokenForge.now) }
        }
    }

    @Test func `every refusal has one code outside`() {
        #expect(TokenError.code == "invalid_token")
    }
}
