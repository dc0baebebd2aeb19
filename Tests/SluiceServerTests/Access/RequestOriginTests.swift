import NIOCore
import NIOEmbedded
import NIOHTTP1
import SluiceAdmission
import SluiceBase
import Testing

@testable import SluiceHTTP
@testable import SluiceServer

@Suite("Which page a request comes from")
struct RequestOriginTests {
    private func origin(
        _ fields: [(String, String)],
        peer: String = "127.0.0.1",
        isTLS: Bool = false
    ) throws -> RequestOrigin {
        var configuration = GatewayConfiguration()
        configuration.listen.trustedProxies = [try AddressBlock("127.0.0.1/32")]
        configuration.origins = [try WebOrigin("https://listed.example"), try WebOrigin("tauri://localhost")]
        let channel = EmbeddedChannel()
        defer {
            _ = try? channel.finish(acceptAlreadyClosed: true)
        }
        try channel.connect(to: SocketAddress(ipAddress: peer, port: 4321)).wait()
        let head = RequestHead(
            method: .GET,
            target: "/",
            isVersion10: false,
            headers: HeaderFields([("Host", "gw.example:8443")] + fields)
        )
        return RequestOrigin(
            try RequestHeadCheck.accept(head, limits: HTTPLimits()).request,
            on: HTTPConnectionInfo(channel: channel, isTLS: isTLS),
            GatewaySettings(configuration)
        )
    }

    private static let own = ("Origin", "https://gw.example:8443")

    @Test(
        "A proxy in front that ends TLS says so in many ways",
        arguments: [
            [("X-Forwarded-Proto", "https")], [("X-Forwarded-Proto", "HTTPS")], [("X-Forwarded-Proto", "wss")],
            [("X-Forwarded-Proto", "https, http")], [("X-Forwarded-Proto", "https"), ("X-Forwarded-Proto", "http")],
            [("x-forwarded-proto", " https ")], [("Forwarded", "proto=https")],
            [("Forwarded", "for=192.0.2.1;proto=https;by=127.0.0.1")], [("Forwarded", "Proto=\"HTTPS\"")],
        ]
    )
    func proxy(fields: [(String, String)]) throws {
        #expect(try self.origin([Self.own] + fields) == .own)
        // Of a stranger none of it is believed.
        #expect(try self.origin([Self.own] + fields, peer: "192.0.2.9") == .refused)
        #expect(try self.origin([("Origin", "http://gw.example:8443")] + fields) == .refused)
    }

    @Test("Without a proxy's word the connection itself says whether it is secure")
    func connection() throws {
        #expect(try self.origin([Self.own], isTLS: true) == .own)
        #expect(try self.origin([Self.own], isTLS: false) == .refused)
        #expect(try self.origin([Self.own, ("X-Forwarded-Proto", "http")], peer: "192.0.2.9", isTLS: true) == .own)
        #expect(try self.origin([("Origin", "http://gw.example:8443"), ("X-Forwarded-Proto", "ws")]) == .own)
    }

    @Test("A listed page is told from the gateway's own, as only its right can go")
    func listed() throws {
        #expect(try self.origin([("Origin", "https://listed.example")]).page == WebOrigin("https://listed.example"))
        #expect(try self.origin([("Origin", "tauri://localhost")]).page == WebOrigin("tauri://localhost"))
        #expect(try self.origin([Self.own], isTLS: true).page == nil)
    }

    @Test("No Origin is no page; two are refused")
    func count() throws {
        #expect(try self.origin([]) == .none)
        #expect(try self.origin([Self.own, Self.own], isTLS: true) == .refused)
        #expect(try self.origin([("Origin", "")]) == .refused)
        #expect(try self.origin([("Origin", "null")]) == .refused)
    }
}
