import NIOCore
import Testing

@testable import SluiceServer

@Suite("Which route takes a request")
struct ProxyRouteTests {
    private static func route(_ path: String, strips: Bool = false) -> ProxyRoute {
        var configuration = GatewayConfiguration.Proxy.Route(path: path, upstreams: [])
        configuration.stripPrefix = strips
        return ProxyRoute(configuration, upstreams: [])
    }

    @Test(
        "The longest path that is the request's, or a prefix of it at a slash",
        arguments: [
            ("/", "/"), ("/x", "/"), ("/app", "/app"), ("/app/", "/app"), ("/app?x=/app/deep", "/app"), ("/apple", "/"),
            ("/app/deep", "/app/deep"), ("/app/deeper", "/app"), ("/app/deep/x?y", "/app/deep"), ("/App", "/"),
            ("/app%2Fdeep", "/"), ("/%61pp", "/"), ("//app", "/"), ("/app/../x", "/app"), ("/app;x", "/"),
        ]
    )
    func longest(target: String, path: String) {
        let table = ProxyRouteTable(["/", "/app/deep", "/app"].map { Self.route($0) })
        #expect(table.route(of: target)?.configuration.path == path)
    }

    @Test("Without a route for all there may be none")
    func none() {
        #expect(ProxyRouteTable([Self.route("/app")]).route(of: "/other") == nil)
        #expect(ProxyRouteTable().route(of: "/") == nil)
    }

    @Test(
        "The target passes as it was sent, or without the route's path",
        arguments: [
            ("/app", "/"), ("/app/", "/"), ("/app?x", "/?x"), ("/app/a%2f/../b?c#", "/a%2f/../b?c#"),
            ("/app//x", "//x"),
        ]
    )
    func targets(target: String, stripped: String) {
        #expect(Self.route("/app").target(target) == target)
        #expect(Self.route("/app", strips: true).target(target) == stripped)
        #expect(Self.route("/", strips: true).target(target) == target)
    }
}
