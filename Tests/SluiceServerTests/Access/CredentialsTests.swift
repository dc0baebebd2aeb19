import NIOHTTP1
import SluiceAdmission
import Testing

@testable import SluiceHTTP
@testable import SluiceServer

@Suite("Where a credential stands")
struct CredentialsTests {
    /// The shape of a token: it is not verified here.
    private static let token = "eyJhbGciOiJIUzI1NiJ9.e30.c2ln"

    private func credentials(
        _ fields: [(String, String)] = [],
        query: String = "",
        isWebSocket: Bool = true,
        cookie: String? = "session",
        allowsQueryToken: Bool = true
    ) throws -> Credentials {
        var auth = GatewayConfiguration.Auth()
        auth.cookie = cookie
        auth.queryToken = allowsQueryToken
        let head = RequestHead(
            method: .GET,
            target: "/api/ws" + query,
            isVersion10: false,
            headers: HeaderFields([("Host", "gw.example")] + fields)
        )
        let request = try RequestHeadCheck.accept(head, limits: HTTPLimits()).request
        return Credentials(request, isWebSocket: isWebSocket, auth: auth)
    }

    @Test(
        "A Bearer with a value is a credential, whatever the case of its name",
        arguments: ["Bearer secret", "bearer secret", "BEARER   secret", "Bearer\tsecret", "Bearer secret  "]
    )
    func bearer(value: String) throws {
        #expect(try self.credentials([("Authorization", value)]).proof == .bearer("secret"))
    }

    @Test(
        "Another scheme, or an empty value, hides none of those further down",
        arguments: [
            "Basic YTpi", "", " ", "Bearer", "Bearer ", "bearer\t ", "Digest username=\"a\"", "Negotiate", "Bearers x",
            "Bearer,x", "Token bearer x",
        ]
    )
    func otherScheme(value: String) throws {
        let field = ("Authorization", value)
        #expect(try self.credentials([field], query: "?token=t").proof == .token("t"))
        #expect(
            try self.credentials([field, ("Sec-WebSocket-Protocol", "sluice.v1, bearer.p")]).proof == .token("p")
        )
        #expect(try self.credentials([field], query: "?ticket=k").proof == .ticket("k"))
        #expect(try self.credentials([field, ("Cookie", "session=c")]).proof == .token("c"))
        #expect(try self.credentials([field, ("Authorization", "Bearer b")]).proof == .bearer("b"))
        #expect(try self.credentials([field]).proof == .none)
    }

    @Test("An empty value in any other place hides none either")
    func emptyValues() throws {
        let last = ("Cookie", "session=; session=\"\"; session=c")
        let offered = ("Sec-WebSocket-Protocol", "bearer., sluice.v1")
        let all = try self.credentials([offered, last], query: "?token=&ticket=&token=")
        #expect(all.proof == .token("c") && all.isAmbient && all.subprotocol == "sluice.v1")
        #expect(try self.credentials(query: "?token=&ticket=k").proof == .ticket("k"))
        #expect(try self.credentials(query: "?token=&token=t").proof == .token("t"))
        #expect(try self.credentials(query: "?ticket=&ticket=k").proof == .ticket("k"))
        #expect(try self.credentials([("Sec-WebSocket-Protocol", "bearer., bearer.p")]).proof == .token("p"))
        #expect(try self.credentials([("Cookie", "session=")]).proof == .none)
        // A Greek question mark equals a semicolon by Unicode's rules, and parts no cookies.
        #expect(try self.credentials([("Cookie", "theme=a\u{37E}session=planted")]).proof == .none)
        let refused = try self.credentials([("Cookie", "session=c")], query: "?token=", allowsQueryToken: false)
        #expect(refused.proof == .token("c"))
    }

    @Test("The first one present wins, in this order")
    func order() throws {
        var fields = [
            ("Authorization", "Bearer b"), ("Sec-WebSocket-Protocol", "sluice.v1, bearer.p"), ("Cookie", "session=c"),
        ]
        #expect(try self.credentials(fields, query: "?token=t&ticket=k").proof == .bearer("b"))
        fields.removeFirst()
        #expect(try self.credentials(fields, query: "?token=t&ticket=k").proof == .token("t"))
        #expect(try self.credentials(fields, query: "?ticket=k").proof == .token("p"))
        #expect(try self.credentials(fields, query: "?ticket=k", isWebSocket: false).proof == .ticket("k"))
        fields.removeFirst()
        #expect(try self.credentials(fields, query: "?ticket=k").proof == .ticket("k"))
        #expect(try self.credentials(fields).proof == .token("c"))
        #expect(try self.credentials(fields, cookie: nil).proof == .none)
    }

    @Test("What is present and cannot be one is refused, and not passed over")
    func malformed() throws {
        let place = ("Cookie", "session=c")
        for fields in [
            [("Authorization", "Bearer a b")], [("Authorization", "Bearer a"), ("Authorization", "Bearer b")],
        ] {
            guard case .malformed = try self.credentials(fields + [place]).proof else {
                Issue.record("\(fields) passed")
                continue
            }
        }
        guard case .malformed = try self.credentials([place], query: "?token=t", allowsQueryToken: false).proof else {
            Issue.record("a token in the URL passed")
            return
        }
    }

    @Test("A bare token as the only protocol is one, and is echoed whatever else is shown")
    func bareToken() throws {
        let field = ("Sec-WebSocket-Protocol", Self.token)
        let alone = try self.credentials([field])
        #expect(alone.proof == .token(Self.token) && alone.subprotocol == Self.token)
        let second = try self.credentials([field], query: "?token=t")
        #expect(second.proof == .token("t") && second.subprotocol == Self.token)
        let among = try self.credentials([("Sec-WebSocket-Protocol", "sluice.v1, \(Self.token)")])
        #expect(among.proof == .none && among.subprotocol == "sluice.v1")
        #expect(try self.credentials([field], isWebSocket: false) == self.credentials())
    }

    @Test(
        "Another protocol with two dots in it is no token, and hides none",
        arguments: ["chat.example.com", "v1.2.3", "..", "eyJhbGciOiJIUzI1NiJ9", "a.b.c", "eyJ=.e30.c2ln"]
    )
    func otherProtocol(name: String) throws {
        let credentials = try self.credentials([("Sec-WebSocket-Protocol", name)], query: "?ticket=k")
        #expect(credentials.proof == .ticket("k") && credentials.subprotocol == nil)
    }

    @Test(
        "A Bearer without a JWT's three parts can be the application's",
        arguments: [("opaque", true), ("a.b", true), ("a.b.c.d", true), ("a.b.c", false), ("..", false)]
    )
    func opaque(value: String, isOpaque: Bool) throws {
        #expect(try self.credentials([("Authorization", "Bearer \(value)")]).proof.isOpaque == isOpaque)
        #expect(try !self.credentials(query: "?token=\(value)").proof.isOpaque)
    }

    @Test("An application judges the fields that the operator names, and browsers send all but Bearer by themselves")
    func forwarded() throws {
        let headers = HeaderFields([
            ("cookie", "a=1"), ("X-Key", ""), ("Authorization", "Bearer x"), ("Cookie", "b=2"), ("X-Other", "y"),
        ])
        var forward = GatewayConfiguration.Auth.Forward()
        #expect(forward.credential(in: headers) == nil && !forward.takesAuthorization)
        forward.url = "https://app.example/whoami"
        let both = try #require(forward.credential(in: headers))
        let shown = both.fields.map { "\($0.name): \($0.value)" }
        #expect(shown == ["Cookie: a=1", "Cookie: b=2", "Authorization: Bearer x"])
        #expect(both.isAmbient && forward.takesAuthorization)
        forward.headers = ["authorization"]
        #expect(forward.credential(in: headers)?.isAmbient == false && forward.takesAuthorization)
        let basic = HeaderFields([("Authorization", "Basic eDp5")])
        #expect(forward.credential(in: basic)?.isAmbient == true)
        forward.headers = ["X-Key"]
        #expect(forward.credential(in: headers) == nil && !forward.takesAuthorization)
    }
}
