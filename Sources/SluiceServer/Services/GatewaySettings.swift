internal import NIOCore
internal import SluiceAdmission
internal import SluiceBase
internal import SluiceHTTP
internal import SluiceRelay

/// The configuration as the request handlers need it, worked out once.
///
/// Replaced as a whole at a reload.
final class GatewaySettings: Sendable {
    let configuration: GatewayConfiguration
    let rules: MessageRules
    let origins: OriginPolicy
    let forwarded: ForwardedAddress
    let webSocket: WebSocketConfiguration
    let httpLimits: HTTPLimits
    let console: ConsoleRoute

    init(_ configuration: GatewayConfiguration) {
        self.configuration = configuration
        self.rules = MessageRules(configuration.relay)
        self.origins = OriginPolicy(configuration.origins)
        self.console = ConsoleRoute(path: configuration.console.path)
        self.forwarded = ForwardedAddress(trusted: configuration.listen.trustedProxies)
        var webSocket = WebSocketConfiguration()
        webSocket.heartbeatInterval = configuration.clients.heartbeatInterval
        webSocket.timeout = configuration.clients.timeout
        webSocket.closeTimeout = configuration.limits.timeouts.close
        webSocket.highWatermark = configuration.clients.maxBuffered
        webSocket.lowWatermark = max(1, configuration.clients.maxBuffered / 2)
        self.webSocket = webSocket
        var limits = HTTPLimits()
        limits.maximumBodyBytes = configuration.limits.maxBodyBytes
        limits.handshakeTimeout = configuration.limits.timeouts.handshake
        limits.headTimeout = configuration.limits.timeouts.headers
        limits.bodyTimeout = configuration.limits.timeouts.body
        limits.streamIdleTimeout = configuration.limits.timeouts.streamIdle
        limits.keepAliveTimeout = configuration.limits.timeouts.keepAlive
        limits.lingerTimeout = configuration.limits.timeouts.close
        limits.drainTimeout = configuration.clients.timeout
        self.httpLimits = limits
    }

    /// Whether a connection is a trusted proxy's: its fields that speak of others are believed.
    func isTrusted(_ connection: HTTPConnectionInfo) -> Bool {
        connection.isLocal || IPAddress(connection.peerAddress).map { self.forwarded.isTrusted($0) } ?? false
    }

    /// Whether the client spoke TLS: to the outermost proxy, if trusted ones say so, else to the gateway.
    func isSecure(_ request: HTTPRequest, on connection: HTTPConnectionInfo) -> Bool {
        let told =
            self.isTrusted(connection)
            ? ForwardedAddress.isSecure(
                forwardedProto: request.headers["X-Forwarded-Proto"],
                forwarded: request.headers["Forwarded"]
            ) : nil
        return told ?? connection.isTLS
    }
}

extension GatewayConfiguration.HTTP2 {
    /// What clients may do; nil where it is not offered.
    func options(_ settings: GatewaySettings) -> HTTP2Options? {
        guard self.enabled else {
            return nil
        }
        var options = HTTP2Options()
        options.maximumStreamCount = self.maxStreams
        options.allowsWebSocket = self.webSocket
        options.highWatermark = settings.configuration.clients.maxBuffered
        return options
    }
}
