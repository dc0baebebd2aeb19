package import NIOCore

extension WebSocketHandler {
    /// Builds the WebSocket end of a connection whose handshake was accepted.
    ///
    /// To be called on the channel's event loop when the answer 101 has been written. The session may write at once, so
    /// nothing that looks at what goes out may be left in the pipeline but TLS; what reads HTTP may be removed
    /// afterwards, and what it has read too much be fired at the pipeline then.
    ///
    /// - Parameters:
    ///   - channel: The connection.
    ///   - session: What gets the messages; `opened` is called before this returns.
    ///   - deflate: What the handshake agreed on about compression.
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
        if let options = channel.syncOptions {
            let allocator = FixedSizeRecvByteBufferAllocator(capacity: configuration.receiveBufferBytes)
            try options.setOption(.recvAllocator, value: allocator)
            let watermark = ChannelOptions.Types.WriteBufferWaterMark(
                low: configuration.lowWatermark,
                high: configuration.highWatermark
            )
            try options.setOption(.writeBufferWaterMark, value: watermark)
        }
        let handler = WebSocketHandler(
            session: session,
            deflate: deflate,
            configuration: configuration,
            wheel: wheel
        )
        try channel.pipeline.syncOperations.addHandler(handler)
    }
}
