internal import AsyncHTTPClient
internal import NIOSSL

extension HTTPClient.Configuration {
    /// A client of services that the operator names: it follows no redirect.
    ///
    /// - Parameters:
    ///   - ca: The certificates (PEM) that the service is verified by; nil for the system's.
    ///   - maximumConnections: To one host.
    /// - Returns: The client's configuration.
    static func outbound(ca: String?, maximumConnections: Int = 8) -> Self {
        var configuration = Self()
        configuration.redirectConfiguration = .disallow
        configuration.httpVersion = .http1Only
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = maximumConnections
        if let ca {
            var tls = TLSConfiguration.makeClientConfiguration()
            tls.trustRoots = .file(ca)
            configuration.tlsConfiguration = tls
        }
        return configuration
    }
}
