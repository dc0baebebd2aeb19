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
        ]
        for (query, shown) in cases {
            let parameters = try #require(QueryParameters(query, maximumCount: 100))
            #expect(RequestLog.query(parameters) == shown)
        }
    }

    @Test("Of a path that the gateway has not only the beginning is shown")
    func path() {
        #expect(RequestLog.path([]) == "/")
        #expect(RequestLog.path(["api", "scans", "a b", "events"]) == "/api/scans/a b/events")
        #expect(RequestLog.path(["client.js"]) == "/client.js")
        #expect(RequestLog.path(["console", "eyJhbGciOi"]) == "/console/…")
    }
}
