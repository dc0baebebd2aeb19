import Testing

@testable import SluiceAdmission

@Suite struct OriginPolicyTests {
    @Test(arguments: [
        ("https://gw.example:8443", true), ("HTTPS://GW.Example:8443", true), ("http://gw.example:8443", false),
        ("https://gw.example", false), ("https://gw.example:8444", false), ("https://gw.example.evil:8443", false),
        ("https://console.example", true), ("https://console.example:443", true), ("http://console.example", false),
        ("https://console.example/", false), ("https://sub.console.example", false),
        ("https://console.example.", false),
        ("http://127.0.0.1:3000", true), ("http://[::1]", true), ("http://[::1]:80", true), ("http://[::1]:81", false),
        ("null", false), ("", false), ("*", false), ("https://", false), ("https://a@console.example", false),
        ("https://\u{212A}.example", false), ("file://", false), ("https://console.example https://x", false),
        ("https://console.example\u{0}", false),
        ("javascript://console.example", false), ("https://console.example:+443", false),
        ("https:console.example", false),
    ])
    func `a page may speak to its own gateway and where the list allows it`(origin: String, expected: Bool) {
        let policy = OriginPolicy(origins: [
            "https://Console.Example", "https://k.example", "http://127.0.0.1:3000", "http://[::1]:80",
        ])
        #expect(policy.allows(origin: origin, host: "gw.example:8443", isSecure: true) == expected)
    }

    @Test func `the gateway's own origin has the scheme that the browser used`() {
        let policy = OriginPolicy(origins: [])
        #expect(policy.allows(origin: "http://gw.example", host: "gw.example:80", isSecure: false))
        #expect(!policy.allows(origin: "https://gw.example", host: "gw.example", isSecure: false))
        #expect(policy.allows(origin: "https://gw.example", host: "GW.example:443", isSecure: true))
        #expect(!policy.allows(origin: "https://gw.example", host: nil, isSecure: true))
        #expect(!policy.allows(origin: "https://gw.example", host: "", isSecure: true))
    }

    @Test func `a star allows every origin, but not null`() {
        let policy = OriginPolicy(origins: ["*"])
        #expect(policy.allows(origin: "https://anywhere.example", host: nil, isSecure: true))
        #expect(!policy.allows(origin: "null", host: nil, isSecure: true))
    }

    @Test(arguments: [
        ("*", true), ("https://a.example", true), ("null", false), ("a.example", false),
        ("https://a.example/x", false), ("https://*.example", false), ("ftp://a.example", false),
    ])
    func `an entry that can allow nobody is told`(entry: String, expected: Bool) {
        #expect(OriginPolicy.isValid(entry) == expected)
    }
}
