internal import SluiceHTTP

/// Where the requests of one path go.
final class ProxyRoute: Sendable {
    /// A server that can answer them.
    struct Upstream: Sendable {
        /// Its URL; the same for all routes that name it.
        let name: String
        /// The `Host` that is its own.
        let authority: String
        let address: UpstreamAddress
    }

    let configuration: GatewayConfiguration.Proxy.Route
    let upstreams: [Upstream]
    /// What a path begins with that belongs to it; empty for all.
    private let prefix: String

    init(_ configuration: GatewayConfiguration.Proxy.Route, upstreams: [Upstream]) {
        self.configuration = configuration
        self.upstreams = upstreams
        self.prefix = configuration.path == "/" ? "" : configuration.path
    }

    /// How much of a path it is about: the longest one that takes a path gets it.
    var length: Int { self.prefix.utf8.count }

    /// Whether a path belongs to it: it is the route's, or lies below it.
    ///
    /// It is compared byte by byte, as it was sent.
    func takes(_ path: Substring) -> Bool {
        guard path.utf8.starts(with: self.prefix.utf8) else {
            return false
        }
        let rest = path.utf8.dropFirst(self.length)
        return rest.isEmpty || rest.first == UInt8(ascii: "/")
    }

    /// The target that the upstream gets.
    ///
    /// - Parameter target: Path and query, as they were sent.
    /// - Returns: The same, without the route's path if it is to be left out.
    func target(_ target: String) -> String {
        guard self.configuration.stripPrefix, self.length > 0 else {
            return target
        }
        let rest = String(Substring(target.utf8.dropFirst(self.length)))
        return rest.hasPrefix("/") ? rest : "/" + rest
    }
}

/// All routes.
struct ProxyRouteTable: Sendable {
    private let routes: [ProxyRoute]

    init(_ routes: [ProxyRoute] = []) {
        self.routes = routes.sorted { $0.length > $1.length }
    }

    /// The route of a target.
    ///
    /// - Parameter target: Path and query, as they were sent.
    /// - Returns: The longest that takes it; nil if none does.
    func route(of target: String) -> ProxyRoute? {
        guard !self.routes.isEmpty else {
            return nil
        }
        let path = target[..<(target.utf8.firstIndex(of: UInt8(ascii: "?")) ?? target.endIndex)]
        return self.routes.first { $0.takes(path) }
    }
}
