import SluiceBase
import Testing

@testable import SluiceAdmission

@Suite struct ApplicationAnswerTests {
    private let credential = ApplicationCredential([.init(name: "Cookie", value: "secret")])

    private func answer(
        _ status: Int,
        _ body: String = "",
        challenges: [String] = [],
        roles: ClaimRules = ClaimRules()
    ) -> ApplicationAnswer {
        ApplicationAnswer(
            status: status,
            challenges: challenges,
            body: Array(body.utf8),
            credential: self.credential,
            roles: roles,
            now: 1000
        )
    }

    private func identity(_ body: String, roles: ClaimRules = ClaimRules()) throws -> Identity {
        guard case .admitted(let identity) = self.answer(200, body, roles: roles) else {
            throw TokenError(.claims)
        }
        return identity
    }

    @Test func `an object with a user is an identity, with the rights that it names`() throws {
        let all = try self.identity(
            #"{"sub":"u1","roles":["admin"],"scans":["team-7-*"],"scope":"read ingest","exp":1001.5,"name":"x"}"#
        )
        #expect(all.kind == .application && all.isUser && all.subject == "u1")
        #expect(all.isAdmin && all.canIngest && all.scans == [ScanPattern("team-7-*")] && all.expiresAt == 1001.5)
        #expect(all.issuedAt == 1000 && all.producerName == "user:u1")
        let bare = try self.identity(#"{"sub":"u1","roles":null,"exp":null}"#)
        #expect(!bare.isAdmin && !bare.canIngest && bare.scans == nil && bare.expiresAt == nil)
    }

    @Test func `names are the gateway's own, and roles mean what the operator says`() throws {
        var rules = ClaimRules()
        rules.subject = .init(["oid"])
        rules.roles = .init(["realm_access", "roles"])
        rules.adminRoles = ["ops"]
        rules.ingestRoles = ["admin"]
        let identity = try self.identity(#"{"sub":"u1","oid":"u2","roles":"admin"}"#, roles: rules)
        #expect(identity.subject == "u1" && !identity.isAdmin && identity.canIngest)
        func verdict(_ rules: ClaimRules) -> CredentialJudge.Verdict {
            let judge = CredentialJudge(
                verifier: TokenVerifier(keys: [], claims: rules),
                ingestKeys: [],
                areKeysComplete: true
            )
            return judge.verdict(on: identity, now: 1000)
        }
        #expect(verdict(rules) == .stays(identity))
        rules.subject = .init(["sub"])
        #expect(verdict(rules) == .stays(identity))
        rules.adminRoles = []
        #expect(verdict(rules) == .ends(.claims))
    }

    @Test func `an identity that has ended is a refusal`() {
        #expect(self.answer(200, #"{"sub":"a","exp":1000}"#) == .refused(isKnown: false, challenges: []))
        #expect(self.answer(200, #"{"sub":"a","exp":-5}"#) == .refused(isKnown: false, challenges: []))
    }

    @Test(arguments: [
        "", "{}", "[]", "null", #"{"sub":""}"#, #"{"sub":7}"#, #"{"sub":["a"]}"#, #"{"sub":"a","roles":7}"#,
        #"{"sub":"a","roles":{"admin":true}}"#, #"{"sub":"a","scans":[1]}"#, #"{"sub":"a","scope":{}}"#,
        #"{"sub":"a","exp":"soon"}"#, #"{"sub":"a","sub":"b"}"#, #"{"sub":"a"}x"#, #"{"sub":"a\u000a"}"#, "<html>",
    ])
    func `an answer that says nothing clear is none`(body: String) {
        guard case .unavailable = self.answer(200, body) else {
            Issue.record("\(body) was taken")
            return
        }
    }

    @Test(arguments: [204, 201, 301, 302, 307, 400, 404, 407, 429, 500, 503])
    func `any other status is none`(status: Int) {
        #expect(self.answer(status, #"{"sub":"a"}"#) == .unavailable("the answer was \(status)"))
    }

    @Test func `refusals keep what they ask for, if it can be passed on`() {
        let long = String(repeating: "x", count: 1025)
        let challenges = ["Basic realm=\"a\"", "a\r\nSet-Cookie: x", "", long, "Bearer"]
        #expect(
            self.answer(401, challenges: challenges)
                == .refused(isKnown: false, challenges: ["Basic realm=\"a\"", "Bearer"])
        )
        #expect(self.answer(403, #"{"sub":"a"}"#) == .refused(isKnown: true, challenges: []))
        let many = Array(repeating: "Basic", count: 20)
        #expect(self.answer(401, challenges: many) == .refused(isKnown: false, challenges: Array(many.prefix(8))))
    }

    @Test func `what is judged is not shown by accident`() throws {
        #expect(!"\(self.credential)".contains("secret"))
        #expect(self.credential.byteCount == 12)
    }
}
