import SluiceHTTP
import Testing

@testable import SluiceServer

@Suite("What the log shows of a request")
struct RequestLogTests {
    @Test("Only parameters that are known and hold no secret are shown; a name may be the secret, too")
    func query() throws {
        let cases = [
            ("since=5&filters=a%2Cb", "since=5&filters=a,b"), ("token=abc&since=1", "token=…&since=1"),
            ("ticket=abc&access_token=d&q=my%20password", "ticket=…&access_token=…&q=…"), ("eyJhbGciOi", "…"),
            ("Token=abc&tok%65n=abc", "…&token=…"), ("", ""),
            ("filters=a%26token%3Db%20c", "filters=a%26token%3Db%20c"),
            ("since=eyJhbGciOiJIUzI1NiJ9.e30.c2ln", "since=…"),
            ("filters=\(String(repeating: "x", count: 5000))", "filters=\(String(repeating: "x", count: 128))…"),
            (
                String(repeating: "since=1&", count: 50),
                Array(repeating: "since=1", count: 16).joined(separator: "&") + "&…"
            ),
        ]
        for (query, shown) in cases {
            let parameters = try #require(QueryParameters(query, maximumCount: 100))
            #expect(RequestLog.query(parameters) == shown)
        }
    }

    @Test("Of a path that the gateway has not only the beginning is shown")
    func path() {
        #expect(RequestLog.path([]) == "/")
        #expect(RequestLog.path(["api", "scans", "a b", "events"]) == "/api/scans/a%20b/events")
        #expect(RequestLog.path(["client.js"]) == "/client.js")
        #expect(RequestLog.path(["console", "eyJhbGciOi"]) == "/console/…")
    }

    @Test("Of what belongs to an application only the route is shown")
    func pathOfRoute() {
        #expect(RequestLog.path(["api", "password-reset", "s3cret"], of: "/") == "/…")
        #expect(RequestLog.path([], of: "/") == "/")
        #expect(RequestLog.path(["magic-link"], of: "/") == "/…")
        #expect(RequestLog.path(["app", "v1", "s3cret"], of: "/app/v1") == "/app/v1/…")
        #expect(RequestLog.path(["app"], of: "/app") == "/app")
    }

    @Test("A path of the API is shown so that it can be taken for no other, and up to a bound")
    func longPath() {
        #expect(RequestLog.path(["api", "a/b", "%2F", "ü\n\u{202E}"]) == "/api/a%2Fb/%252F/%C3%BC%0A%E2%80%AE")
        #expect(RequestLog.path(["api", "scans", "eyJhbGciOiJIUzI1NiJ9.e30.c2ln"]) == "/api/scans/…")
        let long = String(repeating: "a", count: 4000)
        #expect(RequestLog.path(["api", long, "b"]) == "/api/\(long.prefix(128))…/b")
        let many = Array(repeating: "a", count: 3000)
        #expect(RequestLog.path(["api"] + many) == "/api/" + many.prefix(15).joined(separator: "/") + "/…")
        #expect(RequestLog.path([long]) == "/\(long.prefix(128))…")
    }
}
