internal import NIOCore
internal import SluiceSystem

/// Where clients come in besides the public port: a socket in the file system, and the port for redirects.
struct OtherListeners: Sendable {
    private let redirect: (any Channel)?
    private let local: (any Channel)?
    private let socket: LocalSocket?

    /// Listens where the configuration says so.
    ///
    /// - Parameters:
    ///   - listener: Builds the pipelines.
    ///   - listen: What the operator wants.
    ///   - port: Where TLS is spoken, unless the operator says otherwise.
    /// - Throws: Where it cannot listen, in words for the operator.
    init(_ listener: Listener, _ listen: GatewayConfiguration.Listen, port: Int?) async throws {
        var socket: LocalSocket?
        if let path = listen.unix {
            do throws(LocalSocket.Failure) {
                socket = try LocalSocket(path: path, permissions: 0o660)
            } catch {
                throw ListenFailure(path: path, failure: error)
            }
        }
        self.socket = socket
        do {
            self.local = if let socket { try await listener.listen(socket: socket) } else { nil }
            self.redirect =
                if let redirectPort = listen.redirectHTTP.port {
                    try await listener.listenForRedirects(
                        host: listen.host,
                        port: redirectPort,
                        target: listen.redirectHTTP.target ?? port ?? listen.port,
                        isProxied: listen.proxyProtocol
                    )
                } else { nil }
        } catch {
            socket?.remove()
            throw error
        }
    }

    /// Where redirects are served; nil where they are not.
    var redirectPort: Int? { self.redirect?.localAddress?.port }
    /// The socket in the file system; nil for none.
    var socketPath: String? { self.socket?.path }

    /// Listens no more.
    func close() async {
        // Before it is closed: another process may take the path as soon as nobody listens.
        self.socket?.remove()
        try? await self.local?.close().get()
        try? await self.redirect?.close().get()
    }
}
