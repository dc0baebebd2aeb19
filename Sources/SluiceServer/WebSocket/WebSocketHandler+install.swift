package import NIOCore

extension WebSocketHandler {
    /// Builds the WebSocket end of a connection whose handshake was accepted.
    ///
    /// To be called on the channel's event loop when the answer 101 has been written and the HTTP handlers are about to
    /// be removed; what they have read too much may be fired at the pipeline afterwards.
    ///
    /// - Parameters:
    ///   - channel: The connection. Apart from TLS nothing should be left in its pipeline.
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
