import Crypto
import SluiceBase
import Synchronization
import Testing

@testable import SluiceAdmission

@Suite struct AuthenticatorTests {
    private let now = TokenForge.now

    private func authenticator(keys: [VerificationKey]? = nil) throws -> Authenticator {
        let ingestKey = try IngestKey(
            name: "nmap",
            sha256: Array(SHA256.hash(data: Array("open sesame".utf8))),
            scans: [ScanPattern("n-*")]
        )
        let verifier = TokenVerifier(keys: try keys ?? [TestKeys.key(.hs256)])
        return Authenticator(verifier: verifier, ingestKeys: [ingestKey])
    }

    private func token(_ more: String = "", subject: String = "alice") -> String {
        TokenForge.token(claims: #"{"sub":"\#(subject)","exp":1800000600,"iat":1800000000\#(more)}"#)
    }

    @Test func `a bearer is a token or an ingest key`() throws {
        let authenticator = try self.authenticator()
        #expect(try authenticator.authenticate(bearer: self.token(), now: self.now).kind == .token)
        let producer = try authenticator.authenticate(bearer: "open sesame", now: self.now)
        #expect(producer.kind == .ingestKey)
        #expect(producer.subject == "nmap")
        #expect(producer.mayIngest(scan: "n-1") && !producer.mayIngest(scan: "m-1"))
        #expect(throws: TokenError(.malformed)) { try authenticator.authenticate(bearer: "open sesam", now: self.now) }
        #expect(throws: TokenError(.malformed)) { try authenticator.authenticate(token: "open sesame", now: self.now) }
        #expect(throws: TokenError(.malformed)) { try authenticator.authenticate(bearer: "", now: self.now) }
    }

    @Test func `a remembered token ends when it ends, also if the clock is set back`() throws {
        let authenticator = try self.authenticator()
        let token = self.token(#","nbf":1800000000"#)
        for seconds in [0.0, 1, 629] {
            #expect(throws: Never.self) { try authenticator.authenticate(bearer: token, now: self.now + seconds) }
        }
        #expect(throws: TokenError(.notYetValid)) { try authenticator.authenticate(bearer: token, now: self.now - 31) }
        #expect(throws: TokenError(.expired)) { try authenticator.authenticate(bearer: token, now: self.now + 630) }
    }

    @Test func `new keys end what was verified under old ones`() throws {
        let authenticator = try self.authenticator()
        let token = self.token()
        #expect(throws: Never.self) { try authenticator.authenticate(bearer: token, now: self.now) }
        let other = try VerificationKey(id: nil, algorithm: .hs256, secret: [UInt8](repeating: 9, count: 32))
        authenticator.replace(verifier: TokenVerifier(keys: [other]), ingestKeys: [])
        #expect(throws: TokenError(.signature)) { try authenticator.authenticate(bearer: token, now: self.now) }
        #expect(throws: TokenError(.malformed)) { try authenticator.authenticate(bearer: "open sesame", now: self.now) }
    }

    @Test func `what can end a right that was given shows in a count`() throws {
        let authenticator = try self.authenticator()
        let ingestKey = try IngestKey(
            name: "nmap",
            sha256: Array(SHA256.hash(data: Array("open sesame".utf8))),
            scans: [ScanPattern("n-*")]
        )
        func replace(_ ids: [String?], leeway: Double = 30, ingestKeys: [IngestKey]) throws -> Bool {
            let keys = try ids.map { try TestKeys.key(.hs256, id: $0) }
            return authenticator.replace(verifier: TokenVerifier(keys: keys, leeway: leeway), ingestKeys: ingestKeys)
        }
        #expect(authenticator.changeCount == 0)
        // The same, read again.
        #expect(try !replace([nil], ingestKeys: [ingestKey]))
        #expect(authenticator.changeCount == 0)
        #expect(try replace([nil, "second"], ingestKeys: [ingestKey]))
        #expect(try replace([nil, "second"], leeway: 5, ingestKeys: [ingestKey]))
        #expect(try replace([nil, "second"], leeway: 5, ingestKeys: []))
        #expect(authenticator.changeCount == 3)
        #expect(authenticator.revoke(.tokenID("one"), now: self.now))
        #expect(authenticator.changeCount == 4)
    }

    @Test func `what was found good holds within its times, and until something changes`() throws {
        let authenticator = try self.authenticator()
        func lease(_ bearer: String, now: Double) throws -> CredentialLease? {
            let memo = CredentialMemo()
            // The first time it is verified, the second time it is found.
            for _ in 0..<2 { _ = try authenticator.authenticate(bearer: bearer, memo: memo, now: now) }
            return memo.lease
        }
        let token = self.token(#","nbf":1800000000,"jti":"one""#)
        let ofToken = try #require(try lease(token, now: self.now))
        let ofKey = try #require(try lease("open sesame", now: self.now))
        #expect(ofToken.identity.subject == "alice" && ofKey.identity.subject == "nmap")
        #expect([0.0, 1, 629, -30].allSatisfy { authenticator.holds(ofToken, now: self.now + $0) })
        #expect(![630.0, 1e9, -31, .nan].contains { authenticator.holds(ofToken, now: self.now + $0) })
        #expect(authenticator.holds(ofKey, now: self.now + 1e9))
        #expect(authenticator.revoke(.tokenID("two"), now: self.now))
        #expect(!authenticator.holds(ofToken, now: self.now) && !authenticator.holds(ofKey, now: self.now))
        let again = try #require(try lease(token, now: self.now))
        #expect(authenticator.holds(again, now: self.now))
        let key = try TestKeys.key(.hs256)
        authenticator.replace(verifier: TokenVerifier(keys: [key], leeway: 0), ingestKeys: [])
        #expect(!authenticator.holds(again, now: self.now))
    }

    @Test func `a connection keeps nothing of a credential that was refused`() throws {
        let authenticator = try self.authenticator()
        let memo = CredentialMemo()
        for _ in 0..<2 { _ = try authenticator.authenticate(bearer: self.token(), memo: memo, now: self.now) }
        #expect(memo.lease != nil)
        let long = String(repeating: "x", count: TokenVerifier.maximumBytes + 1)
        for bad in ["open sesam", long] {
            #expect(throws: TokenError.self) { try authenticator.authenticate(bearer: bad, memo: memo, now: self.now) }
            #expect(memo.lease == nil)
        }
    }

    @Test func `a ticket ends with its token's key`() throws {
        let authenticator = try self.authenticator()
        let identity = try authenticator.authenticate(bearer: self.token(), now: self.now)
        let issued = try #require(try authenticator.issueTicket(for: identity, now: self.now))
        authenticator.replace(verifier: TokenVerifier(keys: []), ingestKeys: [])
        #expect(throws: TokenError(.algorithm)) { try authenticator.redeemTicket(issued.ticket, now: self.now) }
    }

    @Test func `a revocation outlives the process as long as its tokens could, and says when it will`() throws {
        final class Store: RevocationStore {
            private let kept = Mutex<[KeptRevocation]>([])
            private let waiting = Mutex<[@Sendable ((any Error)?) -> Void]>([])
            var keptRevocations: [KeptRevocation] { self.kept.withLock { $0 } }

            func keep(_ revocation: KeptRevocation, _ done: @escaping @Sendable ((any Error)?) -> Void) {
                self.kept.withLock { $0.append(revocation) }
                self.waiting.withLock { $0.append(done) }
            }

            func settle(_ error: (any Error)?) { self.waiting.withLock { $0.removeFirst() }(error) }
        }
        let store = Store()
        let keys = TokenVerifier(keys: [try TestKeys.key(.hs256)])
        let first = Authenticator(verifier: keys, ingestKeys: [], revocations: store, now: self.now)
        let identity = try first.authenticate(bearer: self.token(#","jti":"one""#), now: self.now)
        let answers = Mutex<[Bool]>([])
        for tokenID in ["one", "two"] {
            #expect(
                first.revoke(.tokenID(ByteName(tokenID)), now: self.now) { error in
                    answers.withLock { $0.append(error == nil) }
                }
            )
        }
        // In force at once, and told as kept only when it is.
        #expect(first.isRevoked(identity) && answers.withLock { $0.isEmpty })
        store.settle(nil)
        store.settle(TokenError(.malformed))
        #expect(answers.withLock { $0 } == [true, false])
        let horizon = RevocationList.horizon
        let second = Authenticator(verifier: keys, ingestKeys: [], revocations: store, now: self.now + horizon - 1)
        #expect(second.isRevoked(identity))
        let third = Authenticator(verifier: keys, ingestKeys: [], revocations: store, now: self.now + horizon)
        #expect(!third.isRevoked(identity))
    }

    @Test func `a revoked token is refused, remembered or not`() throws {
        let authenticator = try self.authenticator()
        let known = self.token(#","jti":"one""#)
        let unknown = self.token(#","jti":"one","x":1"#)
        let other = self.token(#","jti":"two""#)
        let identity = try authenticator.authenticate(bearer: known, now: self.now)
        #expect(!authenticator.isRevoked(identity))
        #expect(authenticator.revoke(.tokenID("one"), now: self.now))
        #expect(authenticator.isRevoked(identity))
        #expect(throws: TokenError(.revoked)) { try authenticator.authenticate(bearer: known, now: self.now) }
        #expect(throws: TokenError(.revoked)) { try authenticator.authenticate(bearer: unknown, now: self.now) }
        #expect(throws: Never.self) { try authenticator.authenticate(bearer: other, now: self.now) }
        authenticator.replace(verifier: TokenVerifier(keys: [try TestKeys.key(.hs256)]), ingestKeys: [])
        #expect(throws: TokenError(.revoked)) { try authenticator.authenticate(bearer: known, now: self.now) }
    }

    @Test func `a ticket carries the token's rights, once`() throws {
        let authenticator = try self.authenticator()
        let more = #","jti":"one","roles":["admin"],"scope":"ingest","scans":["a"]"#
        let identity = try authenticator.authenticate(bearer: self.token(more), now: self.now)
        let issued = try #require(try authenticator.issueTicket(for: identity, now: self.now))
        #expect(issued.expiresIn == 30)
        #expect(Base64URL.decode(issued.ticket.utf8)?.count == 32)
        let redeemed = try authenticator.redeemTicket(issued.ticket, now: self.now + 29.9)
        #expect(redeemed == identity.asTicket)
        #expect(redeemed.kind == .ticket && redeemed.isAdmin && redeemed.tokenID == "one")
        #expect(throws: TokenError(.ticket)) { try authenticator.redeemTicket(issued.ticket, now: self.now) }
    }

    @Test func `a ticket is good for half a minute`() throws {
        let authenticator = try self.authenticator()
        let identity = try authenticator.authenticate(bearer: self.token(), now: self.now)
        for seconds in [30.0, -30, 1e9] {
            let issued = try #require(try authenticator.issueTicket(for: identity, now: self.now))
            #expect(throws: TokenError(.ticket)) {
                try authenticator.redeemTicket(issued.ticket, now: self.now + seconds)
            }
        }
        #expect(throws: TokenError(.ticket)) { try authenticator.redeemTicket("", now: self.now) }
    }

    @Test func `a ticket ends with its token`() throws {
        let authenticator = try self.authenticator()
        let identity = try authenticator.authenticate(bearer: self.token(#","jti":"one""#), now: self.now)
        let late = try #require(try authenticator.issueTicket(for: identity, now: self.now + 620))
        #expect(throws: TokenError(.expired)) { try authenticator.redeemTicket(late.ticket, now: self.now + 631) }
        let issued = try #require(try authenticator.issueTicket(for: identity, now: self.now))
        #expect(authenticator.revoke(.subject("alice", issuedBefore: self.now + 1), now: self.now))
        #expect(throws: TokenError(.ticket)) { try authenticator.redeemTicket(issued.ticket, now: self.now) }
        #expect(throws: TokenError(.revoked)) { try authenticator.issueTicket(for: identity, now: self.now) }
    }

    @Test func `a ticket for several nodes opens on each, and what is kept of it tells nothing`() throws {
        let nodes = try (0..<2).map { _ in try self.authenticator() }
        let token = self.token(#","jti":"one","roles":["admin"]"#)
        let identity = try nodes[0].authenticate(bearer: token, now: self.now)
        let sealed = try nodes[0].sealTicket(for: token, of: identity, now: self.now)
        let (ticket, expiresIn) = try #require(sealed)
        #expect(expiresIn == 30 && ticket.digest == SealedTicket.digest(of: ticket.text))
        #expect(SealedTicket.isTicket(ticket.text) && !SealedTicket.isTicket("nonsense") && !SealedTicket.isTicket(""))
        #expect(!String(decoding: ticket.sealed, as: UTF8.self).contains(token.suffix(20)))
        let opened = try nodes[1].openTicket(ticket.text, ticket.sealed, now: self.now + 29.9)
        #expect(opened == .identity(identity.asTicket))
        for seconds in [30.0, -31] {
            #expect(throws: TokenError(.ticket)) {
                try nodes[1].openTicket(ticket.text, ticket.sealed, now: self.now + seconds)
            }
        }
        var damaged = ticket.sealed
        damaged[20] ^= 1
        for (text, bytes) in [("other", ticket.sealed), (ticket.text, damaged), (ticket.text, [])] {
            #expect(throws: TokenError(.ticket)) { try nodes[1].openTicket(text, bytes, now: self.now) }
        }
        #expect(throws: TokenError(.ticket)) {
            try nodes[0].sealTicket(for: token, of: identity.asTicket, now: self.now)
        }
        // A revocation that was given elsewhere ends it, too.
        let kept = KeptRevocation(.tokenID("one"), keptUntil: self.now + 60)
        let before = nodes[1].changeCount
        #expect(nodes[1].adopt(kept, now: self.now) && nodes[1].changeCount == before + 1)
        #expect(throws: TokenError(.revoked)) {
            try nodes[1].openTicket(ticket.text, ticket.sealed, now: self.now)
        }
    }

    @Test func `a ticket of the application's visitor opens on each node, for the application to judge again`() throws {
        let nodes = try (0..<2).map { _ in try self.authenticator() }
        let value = #"session="s1"; a=\é"# + "\u{301}"
        let fields = [("Cookie", value), ("Authorization", "Basic x")]
        let shown = ApplicationCredential(fields.map { ApplicationCredential.Field(name: $0, value: $1) })
        let answer = ApplicationAnswer(
            status: 200,
            challenges: [],
            body: Array(#"{"sub":"al\"ice","roles":["admin"]}"#.utf8),
            credential: shown,
            roles: ClaimRules(),
            now: self.now
        )
        guard case .admitted(let identity) = answer else {
            Issue.record("not admitted")
            return
        }
        let issued = try nodes[0].sealTicket(for: nil, of: identity, now: self.now)
        let (ticket, expiresIn) = try #require(issued)
        #expect(expiresIn == 30 && !String(decoding: ticket.sealed, as: UTF8.self).contains("session"))
        let opened = try nodes[1].openTicket(ticket.text, ticket.sealed, now: self.now + 29.9)
        #expect(opened == .visitor(shown, subject: "al\"ice"))
        #expect(throws: TokenError(.ticket)) {
            try nodes[1].openTicket(ticket.text, ticket.sealed, now: self.now + 30)
        }
        #expect(throws: TokenError(.ticket)) {
            try nodes[0].sealTicket(for: nil, of: identity.asTicket, now: self.now)
        }
        #expect(nodes[0].revoke(.subject(identity.subject, issuedBefore: self.now + 1), now: self.now))
        #expect(throws: TokenError(.revoked)) { try nodes[0].sealTicket(for: nil, of: identity, now: self.now) }
    }

    @Test func `what no node could have sealed is no ticket`() throws {
        let authenticator = try self.authenticator()
        let cookie = { ApplicationCredential.Field(name: "Cookie", value: String(repeating: "x", count: $0)) }
        for (fields, isOne) in [([cookie(8186)], true), ([cookie(8187)], false), ([], false)] {
            let content = SealedTicket.Content.application(ApplicationCredential(fields), subject: "a")
            let ticket = try #require(SealedTicket(content, now: self.now))
            let opened = try? authenticator.openTicket(ticket.text, ticket.sealed, now: self.now)
            #expect((opened != nil) == isOne)
        }
        let odd = [
            "{", "{}", #"{"sub":"a","fields":["Cookie"]}"#, #"{"sub":"a","fields":[1,2]}"#, #"{"fields":["a","b"]}"#,
        ]
        for text in odd {
            let ticket = try #require(SealedTicket(.token(text), now: self.now))
            #expect(throws: TokenError(.ticket)) {
                try authenticator.openTicket(ticket.text, ticket.sealed, now: self.now)
            }
        }
    }

    @Test func `of tickets for several nodes a node has no more outstanding than of its own`() throws {
        let authenticator = try self.authenticator()
        let token = self.token()
        let identity = try authenticator.authenticate(bearer: token, now: self.now)
        for _ in 0..<Authenticator.maximumTicketCount {
            guard try authenticator.sealTicket(for: token, of: identity, now: self.now) != nil else {
                Issue.record("too few")
                return
            }
        }
        let surplus = try authenticator.sealTicket(for: token, of: identity, now: self.now)
        #expect(surplus == nil)
        let later = try authenticator.sealTicket(for: token, of: identity, now: self.now + 1)
        #expect(later != nil)
    }

    @Test func `only a token begets a ticket`() throws {
        let authenticator = try self.authenticator()
        let producer = try authenticator.authenticate(bearer: "open sesame", now: self.now)
        let identity = try authenticator.authenticate(bearer: self.token(), now: self.now)
        for holder in [producer, identity.asTicket, .clientCertificate(name: "x")] {
            #expect(throws: TokenError(.ticket)) { try authenticator.issueTicket(for: holder, now: self.now) }
        }
    }
}
