package import NIOCore

extension WebSocketHandler {
    /// Builds the WebSocket end of a connection whose handshake was accepted.
    ///
    /// Call it on the channel's event loop when the answer 101 has been written. The session may write at once, so the
    /// only handler of outgoing bytes left in the pipeline may be TLS. The handlers that read HTTP may be removed
    /// afterwards, and their surplus bytes fired at the pipeline then.
    ///
    /// - Parameters:
    ///   - channel: The connection, or the stream of one.
    ///   - session: The receiver of the messages; `opened` is called before this returns.
    ///   - deflate: The handshake's agreement about compression.
    ///   - configuration: Limits and times.
    ///   - wheel: The event loop's wheel, turning at least as often as the configuration's `tickInterval`.
    /// - Throws: NIO's error if the connection is gone already.
    package static func install(
        in channel: any Channel,
        session: any WebSocketSession,
        deflate: PermessageDeflateAgreement?,
        configuration: WebSocketConfiguration,
        wheel: ConnectionWheel
    ) throws {
        channel.eventLoop.assertInEventLoop()
        if channel.streamEnd == nil {
            let allocator = FixedSizeRecvByteBufferAllocator(capacity: configuration.receiveBufferBytes)
            try channel.syncOptions?.setOption(.recvAllocator, value: allocator)
        }
        try channel.setWatermarks(low: configuration.lowWatermark, high: configuration.highWatermark)
        let handler = WebSocketHandler(
            session: session,
            deflate: deflate,
            configuration: configuration,
            wheel: wheel
        )
        try channel.pipeline.syncOperations.addHandler(handler)
    }
}
