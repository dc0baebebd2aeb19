import Testing

@testable import SluiceHTTP

@Suite struct RequestTargetTests {
    private static func parse(_ target: String) -> RequestTarget? {
        RequestTarget(target, maximumParameterCount: 64)
    }

    @Test(arguments: [
        ("/", []), ("/a", ["a"]), ("/a/", ["a", ""]), ("//", ["", ""]), ("/a//b", ["a", "", "b"]),
        ("/api/scans/abc-123/progress", ["api", "scans", "abc-123", "progress"]),
        ("/a%20b/%C3%A9+", ["a b", "\u{E9}+"]), ("/...", ["..."]), ("/%2e.x", ["..x"]), ("/a;b=c", ["a;b=c"]),
        ("http://h", []), ("http://h/", []), ("HTTPS://h:8443/a", ["a"]), ("http://[::1]:80/a", ["a"]),
        ("http://h?x=/", []), ("/a/../b", ["a", "..", "b"]), ("/%2E%2e/.", ["..", "."]), ("/a%2Fb", ["a/b"]),
    ])
    func `a path is taken apart and decoded`(target: String, path: [String]) {
        #expect(Self.parse(target)?.path == path)
    }

    @Test(arguments: [
        "", "a", "?a", "*/", "h:80", "http:/a", "http:///a", "http://h:x/", "http://h:123456/", "javascript:alert(1)",
        "http://:80/", "http://[::1/", "http://a b/", "/a#b", "/#",
    ])
    func `what is not a plain path is refused`(target: String) {
        #expect(Self.parse(target) == nil)
    }

    @Test(arguments: [
        "/%", "/%1", "/%g0", "/%00", "/%7f", "/%0a", "/%ff", "/%f0%9f%98", "/?%", "/?a=%ff",
        "/?" + String(repeating: "a&", count: 65),
    ])
    func `what cannot be decoded is marked, and its path is left as it was sent`(target: String) throws {
        let parsed = try #require(Self.parse(target))
        #expect(!parsed.isDecodable)
        let path = try #require(target.split(separator: "?").first).dropFirst()
        #expect(parsed.path == (path.isEmpty ? [] : [String(path)]))
        #expect(Self.parse("/a%20b?c=%20")?.isDecodable == true)
    }

    @Test func `a query is decoded as URLSearchParams writes it`() throws {
        let query = try #require(Self.parse("/x?a=1&b=x+y%2Bz&c&=d&a=2&%C3%A9=%26%3D&&e=f=g?")?.query)
        #expect(
            query.all.map { "\($0.name)|\($0.value)" } == [
                "a|1", "b|x y+z", "c|", "|d", "a|2", "\u{E9}|&=", "e|f=g?",
            ]
        )
        #expect(query.first("a") == "1")
        #expect(query.count(of: "a") == 2)
        #expect(query.first("none") == nil)
        #expect(query.count(of: "none") == 0)
    }

    @Test func `a query is bounded`() {
        #expect(QueryParameters(String(repeating: "a&", count: 64), maximumCount: 64)?.all.count == 64)
        #expect(QueryParameters(String(repeating: "a&", count: 65), maximumCount: 64) == nil)
    }

    @Test(arguments: ["", "a", "a.b-c", "a:80", "a:", "[::1]", "[fe80::1%25eth0]:8443", "a_b", "192.0.2.1:1"])
    func `a host may have a port`(value: String) {
        let isValid = HostField.isValid(value)
        #expect(isValid == !value.contains("eth0"))
    }
}
