import SluiceBase
import Testing

@testable import SluiceClient

@Suite struct GatewayTests {
    @Test("addresses are read as they are meant")
    func addresses() throws {
        let address = try GatewayAddress("https://gateway.example:8443/sluice/")
        #expect(
            address.progressURL(of: try ScanID(checked: "a-1"))
                == "https://gateway.example:8443/sluice/api/scans/a-1/progress"
        )
        #expect(address.socketPath(of: try ScanID(checked: "a-1")) == "/sluice/api/ws/scans/a-1")
        #expect(try GatewayAddress("https://[::1]").authority == "[::1]")
        #expect(try GatewayAddress("http://127.0.0.1:80").authority == "127.0.0.1")
    }

    @Test(
        "what is no gateway's address is refused",
        arguments: [
            "", "gateway:8443", "ftp://h", "https://", "https://u:p@h", "https://h?token=x", "https://h:99999",
            "https://h#x",
        ]
    )
    func invalidAddresses(url: String) {
        #expect(throws: ClientError.self) { try GatewayAddress(url) }
    }

    @Test("what is no scan's id is refused", arguments: ["", ".", "..", "stats", "a/b", "a b", "é", "a%2f"])
    func invalidScanIDs(id: String) {
        #expect(throws: ClientError.self) { try ScanID(checked: id) }
    }

    @Test("of several gateways the next is asked, once for each that is away")
    func severalGateways() throws {
        let connection = try GatewayConnection(urls: ["https://a", "https://b", "https://c"])
        let copy = connection
        let first = connection.address
        connection.goOn(from: first)
        // Another request that failed at the same one.
        copy.goOn(from: first)
        #expect(copy.address.host == "b")
        for _ in 0..<2 { copy.goOn(from: copy.address) }
        #expect(connection.address == first)
        let alone = try GatewayConnection(url: "https://a")
        alone.goOn(from: alone.address)
        #expect(alone.address.host == "a")
    }

    @Test("a token that would break out of its header is refused, and not repeated in the error")
    func invalidToken() {
        #expect {
            try GatewayConnection(url: "https://h", token: "secret\r\nX: y")
        } throws: { error in
            !"\(error)".contains("secret")
        }
        #expect(throws: ClientError.self) { try GatewayConnection(url: "https://h", token: "") }
    }

    @Test("a token in the clear is noticed, but not on this machine")
    func exposedToken() throws {
        #expect(try GatewayConnection(url: "http://10.0.0.1", token: "t").exposesToken)
        #expect(try !GatewayConnection(url: "https://10.0.0.1", token: "t").exposesToken)
        #expect(try !GatewayConnection(url: "http://127.0.0.1:8080", token: "t").exposesToken)
        #expect(try !GatewayConnection(url: "http://10.0.0.1", token: nil).exposesToken)
    }

    @Test("a problem is read from its body, or else by its status alone")
    func problems() {
        let body = Array(
            #"{"title":"Bad","status":400,"detail":"no \u001b type","code":"invalid_message","index":3}"#.utf8
        )
        let problem = GatewayProblem(status: 400, retryAfter: nil, body: body)
        #expect(problem.index == 3)
        #expect(problem.description == "HTTP 400 invalid_message: no \u{FFFD} type")
        #expect(GatewayProblem(status: 503, retryAfter: "7", body: []).retryAfter == .seconds(7))
        #expect(GatewayProblem(status: 502, retryAfter: "soon", body: Array("<html>".utf8)).description == "HTTP 502")
    }

    @Test("waits double up to the longest, and jitter keeps clients apart")
    func backoff() {
        var backoff = Backoff(base: .seconds(1), maximum: .seconds(5))
        #expect(
            (0..<5).map { _ in backoff.failed(jitter: 1) } == [
                .seconds(1), .seconds(2), .seconds(4), .seconds(5), .seconds(5),
            ]
        )
        backoff.succeeded()
        #expect(backoff.failed(jitter: 0) == .milliseconds(500))
        for _ in 0..<100 { _ = backoff.failed(jitter: 0) }
        #expect(backoff.failed(jitter: 0, atLeast: .seconds(30)) == .seconds(30))
    }
}
