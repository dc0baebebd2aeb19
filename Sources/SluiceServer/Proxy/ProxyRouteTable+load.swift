internal import NIOSSL
internal import SluiceHTTP

/// Routes out of the configuration, and the files that it names.
extension ProxyRouteTable {
    /// - Throws: If a file does not hold certificates.
    static func load(_ proxy: GatewayConfiguration.Proxy) throws -> ProxyRouteTable {
        ProxyRouteTable(try proxy.routes.map { try Self.route($0) })
    }

    private static func route(_ configuration: GatewayConfiguration.Proxy.Route) throws -> ProxyRoute {
        let tls = configuration.upstreams.contains { $0.isTLS } ? try Self.context(configuration.ca) : nil
        return ProxyRoute(
            configuration,
            upstreams: configuration.upstreams.map { upstream in
                ProxyRoute.Upstream(
                    name: upstream.url,
                    authority: upstream.authority,
                    address: UpstreamAddress(
                        host: upstream.host,
                        port: upstream.port,
                        tls: upstream.isTLS ? tls : nil
                    )
                )
            }
        )
    }

    private static func context(_ ca: String?) throws -> NIOSSLContext {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.minimumTLSVersion = .tlsv12
        configuration.applicationProtocols = ["http/1.1"]
        if let ca {
            configuration.trustRoots = .certificates(try TLSContexts.read(ca, PEMFile.certificates))
        }
        return try NIOSSLContext(configuration: configuration)
    }
}
