import Testing

@testable import SluiceServer

@Suite struct RedirectRoutesTests {
    @Test(arguments: [
        ("a.example", "/", 443, "https://a.example/"),
        ("A.example:80", "/x?y=1&z=%20", 443, "https://a.example/x?y=1&z=%20"),
        ("a.example", "/x", 8443, "https://a.example:8443/x"), ("127.0.0.1:8080", "/", 443, "https://127.0.0.1/"),
        ("[::1]:80", "/", 8443, "https://[::1]:8443/"), ("[::1]", "/", 443, "https://[::1]/"),
        ("a.example", "http://b.example:80/c?d", 443, "https://a.example/c?d"),
        ("a.example", "http://b.example", 443, "https://a.example/"),
        ("a.example", "http://b.example?q=http://c/", 443, "https://a.example/?q=http://c/"),
        ("a.example", "//evil.example/x", 443, "https://a.example//evil.example/x"),
        ("a.example", "*", 443, "https://a.example/"),
    ])
    func `the same target, where TLS is spoken`(authority: String, target: String, port: Int, location: String) {
        #expect(RedirectRoutes.location(authority: authority, target: target, port: port) == location)
    }

    @Test(arguments: [
        "", ":80", "a.example:", "a.example:0", "a.example:65536", "a.example:x", "a.example:+1", "a..example",
        "*.a.example", "a.example/b", "u@a.example", "a b", "::1", "[::1", "[::1]x", "[fe80::1%25lo]", "a_b.example,c",
        "1.2.3", "a%00b",
    ])
    func `a host that is none is sent nowhere`(authority: String) {
        #expect(RedirectRoutes.location(authority: authority, target: "/", port: 443) == nil)
    }

    @Test func `no host is sent nowhere`() {
        #expect(RedirectRoutes.location(authority: nil, target: "/", port: 443) == nil)
    }
}
