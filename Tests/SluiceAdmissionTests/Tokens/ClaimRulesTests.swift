import SluiceBase
import Testing

@testable import SluiceAdmission

/// Tokens of the shape that identity providers document, read where the operator says that the claims stand.
@Suite struct ClaimRulesTests {
    private func identity(_ claims: String, _ rules: ClaimRules) throws -> Identity {
        let verifier = TokenVerifier(keys: [try TestKeys.key(.hs256)], claims: rules)
        return try verifier.verify(TokenForge.token(claims: claims), now: TokenForge.now)
    }

    private func claim(_ claims: String, _ rules: ClaimRules) throws -> String? {
        let error = #expect(throws: TokenError.self) { try self.identity(claims, rules) }
        return error?.claim.map { "\($0.name) \($0.fault)" }
    }

    @Test func `Keycloak: roles of the realm, or of one client`() throws {
        let claims = #"""
            {"exp":1800000600,"iat":1800000000,"jti":"9f1e","iss":"https://kc.example/realms/scans","aud":"account",
            "sub":"4c2c6b8e-5e1c-4c62-9d2e-2f3c1f8b0a11","typ":"Bearer","azp":"console","session_state":"s","acr":"1",
            "realm_access":{"roles":["offline_access","scan-admins"]},
            "resource_access":{"sluice":{"roles":["poster"]},"account":{"roles":["view-profile"]}},
            "scope":"openid email profile","email_verified":true,"preferred_username":"alice","groups":["/team-7"]}
            """#
        var rules = ClaimRules()
        rules.subject = .init(["preferred_username"])
        rules.roles = .init(["realm_access", "roles"])
        rules.adminRoles = ["scan-admins"]
        let realm = try self.identity(claims, rules)
        #expect(realm.subject == "alice" && realm.isAdmin && !realm.canIngest)
        rules.roles = .init(["resource_access", "sluice", "roles"])
        rules.ingestRoles = ["poster"]
        let client = try self.identity(claims, rules)
        #expect(!client.isAdmin && client.canIngest)
    }

    @Test func `Auth0: names that are addresses, and permissions`() throws {
        let claims = #"""
            {"iss":"https://team.eu.auth0.com/","sub":"auth0|5f7c8ec7c33c6c004bbafe82","aud":["https://sluice.example",
            "https://team.eu.auth0.com/userinfo"],"iat":1800000000,"exp":1800000600,"azp":"my_client_id",
            "scope":"openid profile read:scans","permissions":["read:scans","ingest"],
            "https://sluice.example/roles":["admin"],"https://sluice.example/scans":"team-7-*"}
            """#
        var rules = ClaimRules()
        rules.roles = .init(["https://sluice.example/roles"])
        rules.scans = .init(["https://sluice.example/scans"])
        rules.scope = .init(["permissions"])
        let identity = try self.identity(claims, rules)
        #expect(identity.subject == "auth0|5f7c8ec7c33c6c004bbafe82" && identity.isAdmin && identity.canIngest)
        #expect(identity.scans == [ScanPattern("team-7-*")])
    }

    @Test func `Entra: application roles, and scopes in scp`() throws {
        let claims = #"""
            {"aud":"6e74172b-be56-4843-9ff4-e66a39bb12e3","iss":"https://login.microsoftonline.com/72f988bf/v2.0",
            "iat":1800000000,"nbf":1800000000,"exp":1800000600,"aio":"AXQAi","azp":"6e74","azpacr":"0","name":"Abe",
            "oid":"690222be-ff1a-4d56-abd1-7e4f7d38e474","preferred_username":"abeli@example.com","rh":"I","scp":"ingest",
            "sub":"HKZpfaHyWadeOouYlitjrI-KffTm222X5rrV3xDqfKQ","tid":"72f988bf","uti":"fqi","ver":"2.0",
            "roles":["Scan.Admin"],"wids":["b79fbf4d"]}
            """#
        var rules = ClaimRules()
        rules.subject = .init(["oid"])
        rules.scope = .init(["scp"])
        rules.adminRoles = ["Scan.Admin", "Global.Admin"]
        let identity = try self.identity(claims, rules)
        #expect(identity.subject == "690222be-ff1a-4d56-abd1-7e4f7d38e474" && identity.isAdmin && identity.canIngest)
    }

    @Test func `Cognito: groups`() throws {
        let claims = #"""
            {"sub":"aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee","device_key":"d","cognito:groups":["scanners"],
            "iss":"https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_example","version":2,"client_id":"xyz",
            "origin_jti":"o","event_id":"e","token_use":"access","scope":"phone openid","auth_time":1800000000,
            "exp":1800000600,"iat":1800000000,"jti":"j","username":"bob"}
            """#
        var rules = ClaimRules()
        rules.subject = .init(["username"])
        rules.roles = .init(["cognito:groups"])
        rules.ingestRoles = ["scanners"]
        let identity = try self.identity(claims, rules)
        #expect(identity.subject == "bob" && !identity.isAdmin && identity.canIngest)
    }

    @Test func `a string is one role and one scan, and scopes are separated by spaces`() throws {
        let rules = ClaimRules()
        let one = try self.identity(
            #"{"sub":"a","exp":1800000600,"roles":"admin","scans":"a b","scope":"x ingest"}"#,
            rules
        )
        #expect(one.isAdmin && one.canIngest && one.scans == [ScanPattern("a b")])
        let two = try self.identity(
            #"{"sub":"a","exp":1800000600,"roles":"admin ops","scope":["x ingest"]}"#,
            rules
        )
        #expect(!two.isAdmin && !two.canIngest && two.scans == nil)
    }

    @Test func `each meaning of roles takes the place of its default alone`() throws {
        var rules = ClaimRules()
        rules.adminRoles = []
        rules.ingestRoles = ["admin"]
        let identity = try self.identity(#"{"sub":"a","exp":1800000600,"roles":["admin"]}"#, rules)
        #expect(!identity.isAdmin && identity.canIngest)
    }

    @Test func `null and a path that leads nowhere count as absent, another type is named by its path`() throws {
        var rules = ClaimRules()
        rules.roles = .init(["realm_access", "roles"])
        for more in [
            "", #","realm_access":null"#, #","realm_access":{}"#, #","realm_access":{"roles":null}"#,
            #","realm_access":"roles""#, #","realm_access":["roles"]"#, #","realm_access":7"#,
        ] {
            #expect(try !self.identity(#"{"sub":"a","exp":1800000600\#(more)}"#, rules).isAdmin)
        }
        for value in ["7", "true", #"{"admin":true}"#, #"["admin",1]"#, "[null]"] {
            let claims = #"{"sub":"a","exp":1800000600,"realm_access":{"roles":\#(value)}}"#
            #expect(try self.claim(claims, rules) == "realm_access.roles is no string, and no array of strings")
        }
        rules.subject = .init(["user", "id"])
        #expect(try self.claim(#"{"sub":"a","exp":1800000600}"#, rules) == "user.id is missing")
        #expect(try self.claim(#"{"exp":1800000600,"user":{"id":["a"]}}"#, rules) == "user.id is no string")
        #expect(try self.claim(#"{"sub":1,"exp":1800000600,"user":{"id":"a"}}"#, rules) == "sub is no string")
        #expect(try self.identity(#"{"exp":1800000600,"user":{"id":"a"}}"#, rules).subject == "a")
    }

    @Test func `what is signed for some rules is read by them`() throws {
        var rules = ClaimRules()
        rules.subject = .init(["user", "id"])
        rules.roles = .init(["user", "access", "roles"])
        rules.scans = .init(["https://sluice.example/scans"])
        rules.scope = .init(["user", "access", "roles"])
        rules.adminRoles = ["root"]
        let key = try TestKeys.key(.hs256)
        var claims = TokenSigner.Claims(subject: "alice", now: TokenForge.now, timeToLive: 60)
        claims.roles = ["root", "two words"]
        claims.scans = ["a-*"]
        claims.scope = "ingest read"
        claims.rules = rules
        let token = try TokenSigner(key: key).sign(claims)
        let identity = try TokenVerifier(keys: [key], claims: rules).verify(token, now: TokenForge.now)
        #expect(identity.subject == "alice" && identity.isAdmin && identity.canIngest)
        #expect(identity.scans == [ScanPattern("a-*")])
        let payload = Base64URL.decode(token.split(separator: ".")[1].utf8).map { String(decoding: $0, as: UTF8.self) }
        let expected = #""user":{"id":"alice","access":{"roles":["root","two words","ingest","read"]}}"#
        #expect(payload?.contains(expected) == true)
    }

    @Test func `a connection whose claims would be read in another way has to show its token again`() throws {
        var rules = ClaimRules()
        let identity = try self.identity(#"{"sub":"a","exp":1800000600,"roles":["admin"]}"#, rules)
        func verdict(_ rules: ClaimRules) throws -> CredentialJudge.Verdict {
            let verifier = TokenVerifier(keys: [try TestKeys.key(.hs256)], claims: rules)
            let judge = CredentialJudge(verifier: verifier, ingestKeys: [], areKeysComplete: true)
            return judge.verdict(on: identity, now: TokenForge.now)
        }
        #expect(try verdict(rules) == .stays(identity))
        rules.adminRoles = ["root"]
        #expect(try verdict(rules) == .ends(.claims))
    }
}
