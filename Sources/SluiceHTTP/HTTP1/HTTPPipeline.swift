package import NIOCore
internal import NIOSSL

/// Makes the HTTP/1.1 end of a connection's pipeline.
package enum HTTPPipeline {
    /// Adds the handlers of a server's connection, those of TLS included.
    ///
    /// A handshake that takes longer than `limits.handshakeTimeout` ends the connection, and the router learns of it.
    ///
    /// - Parameters:
    ///   - channel: The connection.
    ///   - router: Chooses the handlers; called on the channel's event loop.
    ///   - limits: The limits of a connection.
    ///   - context: The objects that the connections of this event loop share.
    ///   - tls: The TLS that is spoken; nil for none.
    /// - Returns: The connection's handler, for `drain()`.
    /// - Throws: If the pipeline does not take the handlers because the channel is closed.
    package static func configure(
        _ channel: any Channel,
        router: any RequestRouter,
        limits: HTTPLimits,
        context: HTTPLoopContext,
        tls: TLSContexts.Current?
    ) throws -> HTTPConnectionHandler {
        guard let tls else {
            return try self.configure(channel, router: router, limits: limits, context: context, isTLS: false)
        }
        let pipeline = channel.pipeline.syncOperations
        if let context = tls.context, tls.challenges.isEmpty {
            try pipeline.addHandler(NIOSSLServerHandler(context: context))
        } else {
            try pipeline.addHandler(ClientHelloHandler(tls: tls))
        }
        try pipeline.addHandler(
            HandshakeDeadlineHandler(timeout: limits.handshakeTimeout) { router.handshakeEnded($0) }
        )
        let handler = try self.configure(channel, router: router, limits: limits, context: context, isTLS: true)
        if let authorities = tls.authorities {
            let connection = handler.connection
            try pipeline.addHandler(
                ClientCertificateHandler(authorities: authorities) { connection.clientCertificate = $0 },
                position: .before(handler)
            )
        }
        return handler
    }

    /// Adds the handlers of a server's connection; TLS, if any, must be in the pipeline already.
    ///
    /// Must be called on the channel's event loop, before its first read: in a channel initializer. The peer may
    /// half-close the channel, and then still gets the pending answers.
    ///
    /// - Parameters:
    ///   - channel: The connection.
    ///   - router: Chooses the handlers; called on the channel's event loop.
    ///   - limits: The limits of a connection.
    ///   - context: The objects that the connections of this event loop share.
    ///   - isTLS: Whether TLS is in the pipeline.
    /// - Returns: The connection's handler, for `drain()`.
    /// - Throws: If the pipeline does not take the handlers because the channel is closed.
    @discardableResult
    package static func configure(
        _ channel: any Channel,
        router: any RequestRouter,
        limits: HTTPLimits,
        context: HTTPLoopContext,
        isTLS: Bool
    ) throws -> HTTPConnectionHandler {
        let connection = HTTPConnectionInfo(channel: channel, isTLS: isTLS)
        let gate = HTTPByteGate(limits: limits, memory: context.requests)
        let handler = HTTPConnectionHandler(
            connection: connection,
            router: router,
            limits: limits,
            context: context,
            gate: gate
        )
        try? channel.syncOptions?.setOption(.allowRemoteHalfClosure, value: true)
        try channel.pipeline.syncOperations.addHandlers(gate, handler)
        router.connectionOpened(connection)
        channel.closeFuture.assumeIsolated()
            .whenComplete { _ in
                router.connectionClosed(connection)
            }
        return handler
    }
}
