import Testing

@testable import SluiceAdmission

@Suite struct OriginPolicyTests {
    private static let listed = [
        "https://Console.Example", "https://k.example", "http://127.0.0.1:3000", "http://[0::1]:80",
        "tauri://localhost", "chrome-extension://abcdefghijklmnop",
    ]

    private func policy(_ origins: [String] = Self.listed) throws -> OriginPolicy {
        OriginPolicy(try origins.map { text throws(WebOrigin.Fault) in try WebOrigin(text) })
    }

    @Test(arguments: ["https://gw.example:8443", "HTTPS://GW.Example:8443"])
    func `a page may speak to its own gateway`(origin: String) throws {
        #expect(try self.policy().verdict(origin: origin, host: "gw.example:8443", isSecure: true) == .own)
    }

    @Test(arguments: [
        "https://console.example", "https://console.example:443", "http://127.0.0.1:3000", "http://[::1]",
        "http://[::1]:80", "tauri://localhost", "chrome-extension://abcdefghijklmnop",
    ])
    func `a page may speak where the list allows it`(origin: String) throws {
        let verdict = try self.policy().verdict(origin: origin, host: "gw.example:8443", isSecure: true)
        #expect(verdict == .listed(try WebOrigin(origin)))
    }

    @Test(arguments: [
        "http://gw.example:8443", "https://gw.example", "https://gw.example:8444", "https://gw.example.evil:8443",
        "http://console.example", "https://console.example/", "https://sub.console.example",
        "https://console.example.", "http://[::1]:81", "null", "", "*", "https://", "https://a@console.example",
        "https://\u{212A}.example", "file://", "https://console.example https://x", "https://console.example\u{0}",
        "javascript://console.example", "https://console.example:+443", "https:console.example",
        "tauri://LOCALHOST", "tauri://localhost:80", "chrome-extension://abcdefghijklmnop.evil", "http://localhost",
    ])
    func `any other page is refused`(origin: String) throws {
        #expect(try self.policy().verdict(origin: origin, host: "gw.example:8443", isSecure: true) == .refused)
    }

    @Test func `the gateway's own origin has the scheme that the browser used`() throws {
        let policy = try self.policy([])
        #expect(policy.verdict(origin: "http://gw.example", host: "gw.example:80", isSecure: false) == .own)
        #expect(policy.verdict(origin: "https://gw.example", host: "gw.example", isSecure: false) == .refused)
        #expect(policy.verdict(origin: "https://gw.example", host: "GW.example:443", isSecure: true) == .own)
        #expect(policy.verdict(origin: "https://gw.example", host: nil, isSecure: true) == .refused)
        #expect(policy.verdict(origin: "https://gw.example", host: "", isSecure: true) == .refused)
    }
}
