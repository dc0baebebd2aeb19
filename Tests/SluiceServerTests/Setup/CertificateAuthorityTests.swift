import Foundation
import SluiceBase
import Testing

@testable import SluiceServer

@Suite("An authority of one's own")
struct CertificateAuthorityTests {
    private static func names(_ texts: [String]) -> [CertificateName] { texts.map { CertificateName($0)! } }

    @Test(
        "Names that a certificate can be for",
        arguments: [
            "localhost", "A.Example", "*.a.example", "192.0.2.7", "2001:db8::1", "[::1]", "xn--bcher-kva.example",
        ]
    )
    func name(text: String) throws {
        let name = try #require(CertificateName(text))
        let bare = text.replacingOccurrences(of: "[", with: "").replacingOccurrences(of: "]", with: "").lowercased()
        #expect(name.description == bare)
        #expect(name.inURL == (bare.contains(":") ? "[\(bare)]" : bare))
        #expect(CertificateName(name.generalName) != nil)
    }

    @Test(
        "Names that no certificate can be for",
        arguments: [
            "", ".", "a..b", "-a", "a-", "a b", "a_b", "bücher.example", "a.example:8443", "https://a.example", "1.2.3",
            "256.0.0.1", "*", "*.a", "a.*.example", "fe80::1%eth0", "a.example.", String(repeating: "a", count: 64),
        ]
    )
    func noName(text: String) {
        #expect(CertificateName(text) == nil)
    }

    @Test("What is issued bears the names in their order, and is renewed for the same key")
    func renewal() throws {
        let folder = try ConfigurationFolder()
        var place = SetupFolder(folder.path)
        var options = SetupOptions()
        options.names = Self.names(["*.a.example", "gateway.a.example", "192.0.2.7", "2001:db8:0:0:0:0:0:1"])
        let plan = try SetupPlan(options, now: .now())
        _ = try place.create(plan)
        let read = { try String(contentsOfFile: folder.path + "/certs/gateway.crt", encoding: .utf8) }
        let first = try read()
        let expected = options.names.map { $0.description } + ["localhost", "127.0.0.1", "::1"]
        #expect(CertificateAuthority.names(in: first).map { $0.description } == expected)
        #expect(options.url == "https://gateway.a.example:8443")

        let renewal = CertificateRenewal(folder: folder.path, authorityKey: nil)
        #expect(try renewal.renew(for: [], now: .now(), days: 30).names.map { $0.description } == expected)
        #expect(try read() != first)
        _ = try renewal.renew(for: Self.names(["b.example", "localhost"]), now: .now(), days: 30)
        let names = CertificateAuthority.names(in: try read()).map { $0.description }
        #expect(names == ["b.example", "localhost", "127.0.0.1", "::1"])
        // The gateway reads it: the key still belongs to it.
        _ = try folder.load([:], now: Int(WallTime.now().seconds))
    }

    @Test("Without the authority's own key the old certificate stays")
    func wrongKey() throws {
        let folder = try ConfigurationFolder()
        var place = SetupFolder(folder.path)
        _ = try place.create(try SetupPlan(SetupOptions(), now: .now()))
        let before = try String(contentsOfFile: folder.path + "/certs/gateway.crt", encoding: .utf8)
        for key in ["certs/gateway.key", "certs/ca.crt", "none"] {
            #expect(throws: SetupFailure.self) {
                try CertificateRenewal(folder: folder.path, authorityKey: folder.path + "/" + key)
                    .renew(for: [], now: .now(), days: 30)
            }
        }
        #expect(try String(contentsOfFile: folder.path + "/certs/gateway.crt", encoding: .utf8) == before)
    }

    @Test("The names of a certificate follow from where the gateway listens and what the machine is called")
    func defaults() {
        var options = SetupOptions()
        options.machineName = CertificateName("host7")
        #expect(options.certificateNames.map { $0.description } == ["localhost", "127.0.0.1", "::1", "host7"])
        #expect(options.url == "https://localhost:8443")
        options.listen = .init(host: "192.0.2.7", port: 443)
        #expect(options.certificateNames.map { $0.description } == ["192.0.2.7", "localhost", "127.0.0.1", "::1"])
        #expect(options.url == "https://192.0.2.7")
        options.names = Self.names(["a.example", "127.0.0.1"])
        #expect(
            options.certificateNames.map { $0.description }
                == ["a.example", "127.0.0.1", "192.0.2.7", "localhost", "::1"]
        )
    }

    @Test(
        "Endpoints",
        arguments: [
            ("127.0.0.1:1", "127.0.0.1", 1), ("[::1]:8443", "::1", 8443), ("a.example:0", "a.example", 0),
        ]
    )
    func endpoint(text: String, host: String, port: Int) {
        #expect(SetupOptions.Endpoint(text) == .init(host: host, port: port))
    }

    @Test("No endpoints", arguments: ["", "8443", ":8443", "a", "a:", "a:65536", "a:-1", "::1:8443", "a:b"])
    func noEndpoint(text: String) {
        #expect(SetupOptions.Endpoint(text) == nil)
    }

    @Test("The console's address is what the certificate calls the gateway")
    func consoleAddress() throws {
        let folder = try ConfigurationFolder()
        var place = SetupFolder(folder.path)
        var options = SetupOptions()
        options.names = Self.names(["*.a.example", "gateway.a.example"])
        var configuration = try place.create(try SetupPlan(options, now: .now())).configuration
        #expect(ConsoleAddress.url(configuration, port: 443) == "https://gateway.a.example/")
        #expect(ConsoleAddress.url(configuration, port: 8443) == "https://gateway.a.example:8443/")
        configuration.tls.certificate = folder.path + "/none"
        #expect(ConsoleAddress.url(configuration, port: 8443) == "https://localhost:8443/")
        configuration.listen.plaintext = true
        #expect(ConsoleAddress.url(configuration, port: 8080) == "http://localhost:8080/")
        configuration.listen.host = "::1"
        #expect(ConsoleAddress.url(configuration, port: 80) == "http://[::1]/")
    }
}
