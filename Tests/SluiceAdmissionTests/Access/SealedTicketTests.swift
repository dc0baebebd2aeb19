import SluiceBase
import Testing

@testable import SluiceAdmission

@Suite struct SealedTicketTests {
    private let now = TokenForge.now
    private let token = TokenForge.token(claims: #"{"sub":"alice","exp":1800000600,"iat":1800000000,"jti":"one"}"#)

    private func authenticator() throws -> Authenticator {
        Authenticator(verifier: TokenVerifier(keys: [try TestKeys.key(.hs256)]), ingestKeys: [])
    }

    private func signIn(_ authenticator: Authenticator) throws -> SealedTicket {
        let identity = try authenticator.authenticate(bearer: self.token, now: self.now)
        let sealed = try authenticator.sealTicket(for: self.token, of: identity, purpose: .signIn, now: self.now)
        return try #require(sealed).ticket
    }

    @Test(arguments: SealedTicket.Purpose.allCases)
    func `what is sealed for one purpose is opened for no other`(purpose: SealedTicket.Purpose) throws {
        let ticket = try #require(SealedTicket(.token(self.token), for: purpose, now: self.now))
        for other in SealedTicket.Purpose.allCases {
            let content = SealedTicket.content(in: ticket.sealed, by: ticket.text, for: other, now: self.now + 29)
            #expect((content == .token(self.token)) == (other == purpose))
            #expect((content == nil) == (other != purpose))
            #expect(SealedTicket.isTicket(ticket.text, for: other) == (other == purpose))
        }
    }

    @Test func `a ticket's text has one form, and not the other's by a change of its beginning`() throws {
        let plain = RandomText.make(byteCount: 32)
        #expect(plain.utf8.count == 43)
        let wrong = [
            "", "signin_", plain, "signin_\(plain.dropLast())", "signin_\(plain)A", "Signin_\(plain)",
            "signin_signin_\(plain)", " signin_\(plain)", "signin_\(plain) ", "signin-\(plain)",
        ]
        for text in wrong {
            #expect(!SealedTicket.isTicket(text, for: .signIn), "\(text)")
        }
        #expect(SealedTicket.isTicket("signin_\(plain)", for: .signIn))
        // As gateways of earlier versions ask, which then look nothing up.
        #expect(Base64URL.decode("signin_\(plain)".utf8)?.count != TicketBook.randomBytes)
        let ticket = try #require(SealedTicket(.token(self.token), now: self.now))
        for purpose in SealedTicket.Purpose.allCases {
            let text = "signin_\(ticket.text)"
            #expect(SealedTicket.content(in: ticket.sealed, by: text, for: purpose, now: self.now) == nil)
            #expect(SealedTicket.digest(of: text) != ticket.digest)
        }
    }

    @Test func `a ticket for signing in gives back the token, for half a minute and on each node`() throws {
        let nodes = try (0..<2).map { _ in try self.authenticator() }
        let ticket = try self.signIn(nodes[0])
        #expect(!String(decoding: ticket.sealed, as: UTF8.self).contains(self.token.suffix(20)))
        let opened = try nodes[1].openSignIn(ticket.text, ticket.sealed, now: self.now + 29.9)
        #expect(opened.token == self.token && opened.identity.subject == "alice" && opened.identity.kind == .token)
        for seconds in [30.0, -31] {
            #expect(throws: TokenError(.ticket)) {
                try nodes[1].openSignIn(ticket.text, ticket.sealed, now: self.now + seconds)
            }
        }
        var damaged = ticket.sealed
        damaged[20] ^= 1
        for (text, bytes) in [("signin_", ticket.sealed), (ticket.text, damaged), (ticket.text, [])] {
            #expect(throws: TokenError(.ticket)) { try nodes[1].openSignIn(text, bytes, now: self.now) }
        }
        // It is no credential: neither as a ticket nor as a token.
        #expect(throws: TokenError(.ticket)) {
            try nodes[1].openTicket(ticket.text, ticket.sealed, now: self.now)
        }
        #expect(throws: TokenError(.ticket)) { try nodes[0].redeemTicket(ticket.text, now: self.now) }
        #expect(throws: TokenError(.malformed)) { try nodes[0].authenticate(bearer: ticket.text, now: self.now) }
    }

    @Test func `a token that has ended is not given back`() throws {
        let authenticator = try self.authenticator()
        let ticket = try self.signIn(authenticator)
        let late = try #require(SealedTicket(.token(self.token), for: .signIn, now: self.now + 620))
        #expect(throws: TokenError(.expired)) {
            try authenticator.openSignIn(late.text, late.sealed, now: self.now + 631)
        }
        #expect(authenticator.revoke(.tokenID("one"), now: self.now))
        #expect(throws: TokenError(.revoked)) {
            try authenticator.openSignIn(ticket.text, ticket.sealed, now: self.now)
        }
        #expect(throws: TokenError(.revoked)) { try self.signIn(authenticator) }
        let other = try self.authenticator()
        other.replace(verifier: TokenVerifier(keys: []), ingestKeys: [])
        #expect(throws: TokenError(.algorithm)) { try other.openSignIn(ticket.text, ticket.sealed, now: self.now) }
    }

    @Test func `only a token can be given back`() throws {
        let authenticator = try self.authenticator()
        let identity = try authenticator.authenticate(bearer: self.token, now: self.now)
        let shown = ApplicationCredential([ApplicationCredential.Field(name: "Cookie", value: "s=1")])
        let visitor = Identity(
            kind: .application,
            subject: "alice",
            evidence: .application(ApplicationEvidence(shown, ClaimRules()))
        )
        let holders: [(String?, Identity)] = [
            (self.token, identity.asTicket), (nil, identity), (self.token, visitor), (nil, visitor),
            (self.token, .clientCertificate(name: "x")), ("open sesame", Identity(kind: .ingestKey, subject: "nmap")),
        ]
        for (token, holder) in holders {
            #expect(throws: TokenError(.ticket)) {
                try authenticator.sealTicket(for: token, of: holder, purpose: .signIn, now: self.now)
            }
        }
        // Nor is what the application judges, however it came to be sealed.
        let odd = try #require(SealedTicket(.application(shown, subject: "a"), for: .signIn, now: self.now))
        #expect(throws: TokenError(.ticket)) { try authenticator.openSignIn(odd.text, odd.sealed, now: self.now) }
    }
}
