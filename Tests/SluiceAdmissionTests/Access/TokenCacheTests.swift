import Crypto
import Testing

@testable import SluiceAdmission

@Suite struct TokenCacheTests {
    private func digest(_ number: Int) -> SHA256Digest {
        SHA256.hash(data: Array("\(number)".utf8))
    }

    private func token(expiresAt: Double) -> VerifiedToken {
        VerifiedToken(
            identity: Identity(kind: .token, subject: "a", expiresAt: expiresAt),
            lifetime: TokenLifetime(expiresAt: expiresAt, notBefore: nil, issuedAt: nil)
        )
    }

    @Test func `the oldest is forgotten when there are too many`() {
        var cache = TokenCache(maximumCount: 3)
        for number in 0..<10 {
            cache.add(self.token(expiresAt: 100), digest: self.digest(number), now: 0, leeway: 30)
            #expect(cache.count <= 3)
        }
        #expect(cache[self.digest(6)] == nil)
        #expect((7..<10).allSatisfy { cache[self.digest($0)] != nil })
    }

    @Test func `what has expired makes room`() {
        var cache = TokenCache(maximumCount: 100)
        for number in 0..<50 {
            cache.add(self.token(expiresAt: 100), digest: self.digest(number), now: 0, leeway: 30)
        }
        for number in 50..<70 {
            cache.add(self.token(expiresAt: 1000), digest: self.digest(number), now: 130, leeway: 30)
        }
        #expect(cache.count == 20)
    }
}
