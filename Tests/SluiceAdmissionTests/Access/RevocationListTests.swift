import SluiceBase
import Testing

@testable import SluiceAdmission

@Suite struct RevocationListTests {
    private func identity(
        _ subject: String = "alice",
        kind: Identity.Kind = .token,
        issuedAt: Double? = 100,
        tokenID: String? = nil
    ) -> Identity {
        Identity(kind: kind, subject: subject, expiresAt: 1000, issuedAt: issuedAt, tokenID: tokenID)
    }

    @Test func `a token is revoked by its name`() {
        var list = RevocationList()
        let added = list.add(.tokenID("one"), now: 0)
        #expect(added)
        #expect(list.isRevoked(self.identity(tokenID: "one")))
        #expect(list.isRevoked(self.identity(kind: .ticket, tokenID: "one")))
        #expect(!list.isRevoked(self.identity(tokenID: "two")))
        #expect(!list.isRevoked(self.identity()))
    }

    @Test(arguments: [(99.0, true), (99.9, true), (100, false), (101, false), (nil, true)] as [(Double?, Bool)])
    func `a user's tokens are revoked up to an instant`(issuedAt: Double?, expected: Bool) {
        var list = RevocationList()
        _ = list.add(.subject("alice", issuedBefore: 100), now: 0)
        _ = list.add(.subject("alice", issuedBefore: 50), now: 0)
        #expect(list.isRevoked(self.identity(issuedAt: issuedAt)) == expected)
        #expect(!list.isRevoked(self.identity("bob", issuedAt: issuedAt)))
        #expect(!list.isRevoked(self.identity(kind: .ingestKey, issuedAt: issuedAt)))
    }

    @Test func `spellings that Unicode takes for one are two users, and two tokens`() {
        var list = RevocationList()
        _ = list.add(.subject("zo\u{EB}", issuedBefore: 200), now: 0)
        _ = list.add(.tokenID("\u{212B}"), now: 0)
        #expect(list.isRevoked(self.identity("zo\u{EB}")))
        #expect(!list.isRevoked(self.identity("zoe\u{308}")))
        #expect(!Revocation.subject("zo\u{EB}", issuedBefore: 200).hits(self.identity("zoe\u{308}")))
        #expect(list.isRevoked(self.identity(tokenID: "\u{212B}")))
        #expect(!list.isRevoked(self.identity(tokenID: "\u{C5}")))
        _ = list.add(.subject("zoe\u{308}", issuedBefore: 50), now: 0)
        #expect(list.count == 3)
        #expect(list.isRevoked(self.identity("zo\u{EB}")))
    }

    @Test func `a full list refuses, and forgets nothing before its time`() {
        var list = RevocationList(maximumCount: 2)
        var answers = [list.add(.tokenID("one"), now: 0), list.add(.subject("alice", issuedBefore: 1), now: 10)]
        answers += [list.add(.tokenID("three"), now: 20), list.add(.tokenID("one"), now: 20)]
        #expect(answers == [true, true, false, true])
        #expect(list.isRevoked(self.identity(tokenID: "one")))
        let added = list.add(.tokenID("three"), now: 10 + RevocationList.horizon)
        #expect(added)
        #expect(list.count == 2)
        #expect(list.isRevoked(self.identity(tokenID: "one")))
        #expect(!list.isRevoked(self.identity(issuedAt: 0)))
    }
}
