import Crypto
import SluiceBase
import Testing

@testable import SluiceAdmission

/// Identities let in under one configuration are judged by another.
@Suite struct CredentialJudgeTests {
    private let now = TokenForge.now

    private func judge(
        _ keys: [VerificationKey],
        issuer: String? = nil,
        audience: String? = nil,
        ingestKeys: [IngestKey] = [],
        areKeysComplete: Bool = true
    ) -> CredentialJudge {
        CredentialJudge(
            verifier: TokenVerifier(keys: keys, issuer: issuer, audience: audience),
            ingestKeys: ingestKeys,
            areKeysComplete: areKeysComplete
        )
    }

    private func identity(_ more: String = "", header: String? = nil) throws -> Identity {
        let claims = #"{"sub":"a","exp":1800000600\#(more)}"#
        let keys = try [nil, "main", "other"].map { try TestKeys.key(.hs256, id: $0) }
        return try TokenVerifier(keys: keys).verify(TokenForge.token(header: header, claims: claims), now: self.now)
    }

    private func key(_ id: String? = nil, secret: String = "") throws -> VerificationKey {
        try VerificationKey(id: id, algorithm: .hs256, secret: Array(secret.utf8) + TestKeys.secret)
    }

    @Test func `a token stays as long as its key is there under a name that it can have`() throws {
        let unnamed = try self.identity()
        let named = try self.identity(header: #"{"alg":"HS256","kid":"main"}"#)
        let mine = try self.judge([self.key(secret: "x"), self.key("main")])
        #expect(mine.verdict(on: unnamed, now: self.now) == .stays(unnamed))
        #expect(mine.verdict(on: named, now: self.now) == .stays(named))
        let renamed = try self.judge([self.key("other")])
        #expect(renamed.verdict(on: unnamed, now: self.now) == .stays(unnamed))
        #expect(renamed.verdict(on: named, now: self.now) == .ends(.unknownKey))
        let replaced = try self.judge([self.key("main", secret: "x")])
        #expect(replaced.verdict(on: unnamed, now: self.now) == .ends(.signature))
        #expect(replaced.verdict(on: named, now: self.now) == .ends(.signature))
        #expect(self.judge([]).verdict(on: unnamed, now: self.now) == .ends(.algorithm))
        let longer = try VerificationKey(id: nil, algorithm: .hs512, secret: TestKeys.secret)
        #expect(self.judge([longer]).verdict(on: unnamed, now: self.now) == .ends(.algorithm))
    }

    @Test func `a token whose key may still come stays, but not against other rules`() throws {
        let identity = try self.identity()
        let waiting = self.judge([], areKeysComplete: false)
        #expect(waiting.verdict(on: identity, now: self.now) == .stays(identity))
        let key = try self.key()
        let strict = self.judge([key], issuer: "https://idp", areKeysComplete: false)
        #expect(strict.verdict(on: identity, now: self.now) == .ends(.issuer))
    }

    @Test func `issuer, audience and end are judged again`() throws {
        let identity = try self.identity(#","iss":"https://idp","aud":["x","sluice"],"iat":1800000020"#)
        let key = try self.key()
        #expect(self.judge([key], issuer: "https://idp").verdict(on: identity, now: self.now) == .stays(identity))
        #expect(self.judge([key], issuer: "https://new").verdict(on: identity, now: self.now) == .ends(.issuer))
        #expect(self.judge([key], audience: "sluice").verdict(on: identity, now: self.now) == .stays(identity))
        #expect(self.judge([key], audience: "y").verdict(on: identity, now: self.now) == .ends(.audience))
        #expect(self.judge([key]).verdict(on: identity, now: self.now + 629) == .stays(identity))
        #expect(self.judge([key]).verdict(on: identity, now: self.now + 630) == .ends(.expired))
        // A clock that was set back does not end a connection opened before.
        #expect(self.judge([key]).verdict(on: identity, now: self.now - 3600) == .stays(identity))
    }

    @Test func `a ticket is judged as its token is`() throws {
        let ticket = try self.identity().asTicket
        #expect(try self.judge([self.key()]).verdict(on: ticket, now: self.now) == .stays(ticket))
        #expect(self.judge([]).verdict(on: ticket, now: self.now) == .ends(.algorithm))
    }

    @Test func `an ingest key stays with what it may do now`() throws {
        func key(_ secret: String, _ scans: [String], name: String = "nmap") throws -> IngestKey {
            let digest = Array(SHA256.hash(data: Array(secret.utf8)))
            return try IngestKey(name: name, sha256: digest, scans: scans.map { ScanPattern($0) })
        }
        let before = try key("open sesame", ["a-*"])
        let authenticator = Authenticator(verifier: TokenVerifier(keys: []), ingestKeys: [before])
        let identity = try authenticator.authenticate(bearer: "open sesame", now: self.now)
        #expect(self.judge([], ingestKeys: [before]).verdict(on: identity, now: self.now) == .stays(identity))
        let narrowed = try self.judge([], ingestKeys: [key("other", ["*"]), key("open sesame", ["b-*"], name: "new")])
        guard case .stays(let fresh) = narrowed.verdict(on: identity, now: self.now) else {
            Issue.record("a key that is still there ended")
            return
        }
        #expect(fresh.subject == "new" && fresh.mayIngest(scan: "b-1") && !fresh.mayIngest(scan: "a-1"))
        let removed = try self.judge([], ingestKeys: [key("other", ["*"])])
        #expect(removed.verdict(on: identity, now: self.now) == .ends(.unknownKey))
    }

    @Test func `a certificate is judged elsewhere`() {
        let identity = Identity.clientCertificate(name: "scanner")
        #expect(self.judge([]).verdict(on: identity, now: self.now) == .stays(identity))
    }
}
