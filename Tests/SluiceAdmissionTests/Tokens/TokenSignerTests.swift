import SluiceBase
import Testing

@testable import SluiceAdmission

@Suite struct TokenSignerTests {
    @Test(arguments: [TokenAlgorithm.hs256, .hs384, .hs512])
    func `what is signed is verified, with all that it says`(algorithm: TokenAlgorithm) throws {
        let key = try TestKeys.key(algorithm, id: "main \"key\"\n")
        var claims = TokenSigner.Claims(subject: "zoë \"\\\u{1F600}", now: TokenForge.now, timeToLive: 3600)
        claims.scans = ["a-*", "b"]
        claims.roles = ["admin"]
        claims.scope = "ingest"
        claims.issuer = "https://idp"
        claims.audience = "sluice"
        let token = try TokenSigner(key: key).sign(claims)
        let verifier = TokenVerifier(keys: [key], issuer: "https://idp", audience: "sluice")
        let identity = try verifier.verify(token, now: TokenForge.now)
        #expect(identity.subject.text == claims.subject)
        #expect(identity.isAdmin)
        #expect(identity.canIngest)
        #expect(identity.scans == [ScanPattern("a-*"), ScanPattern("b")])
        #expect(identity.expiresAt == TokenForge.now + 3600)
        #expect(identity.issuedAt == TokenForge.now)
        #expect(identity.tokenID?.text == claims.tokenID)
    }

    @Test func `what is not given is not claimed`() throws {
        let key = try TestKeys.key(.hs256)
        let claims = TokenSigner.Claims(subject: "a", now: TokenForge.now, timeToLive: 60)
        let token = try TokenSigner(key: key).sign(claims)
        let identity = try TokenVerifier(keys: [key]).verify(token, now: TokenForge.now)
        #expect(identity.scans == nil)
        #expect(!identity.isAdmin && !identity.canIngest)
    }

    @Test func `a public key cannot sign`() throws {
        let key = try TestKeys.key(.es256)
        #expect(throws: KeyError.self) { try TokenSigner(key: key) }
    }
}
