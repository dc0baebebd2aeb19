package import NIOCore
internal import NIOHTTP2
internal import NIOTLS

/// Makes a connection one of HTTP/2 once its TLS handshake has chosen that (RFC 9113, section 3.2), and leaves.
///
/// Until then, and without that choice, it is one of HTTP/1.1.
package final class HTTP2Choice: ChannelInboundHandler, RemovableChannelHandler {
    package typealias InboundIn = ByteBuffer

    /// The protocol's name in ALPN.
    package static let name = "h2"

    private let options: HTTP2Options
    private let replaced: HTTPConnectionHandler
    private let chosen: (any ServedConnection) -> Void

    private init(
        _ options: HTTP2Options,
        instead replaced: HTTPConnectionHandler,
        chosen: @escaping (any ServedConnection) -> Void
    ) {
        self.options = options
        self.replaced = replaced
        self.chosen = chosen
    }

    /// Leaves the choice to the client of a connection that was just configured for HTTP/1.1 over TLS.
    ///
    /// - Parameters:
    ///   - options: What the client may do.
    ///   - channel: The connection.
    ///   - handler: Its handler of HTTP/1.1.
    ///   - chosen: Given its handler of HTTP/2, if that is chosen.
    /// - Throws: If the pipeline takes no handler because the channel is closed.
    package static func leave(
        _ options: HTTP2Options,
        in channel: any Channel,
        instead handler: HTTPConnectionHandler,
        chosen: @escaping (any ServedConnection) -> Void
    ) throws {
        let choice = HTTP2Choice(options, instead: handler, chosen: chosen)
        try channel.pipeline.syncOperations.addHandler(choice, position: .before(handler.gate))
    }

    package func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        // Before it leaves: a handler that has left hands nothing on.
        context.fireUserInboundEventTriggered(event)
        guard case .handshakeCompleted(let name)? = event as? TLSUserEvent else { return }
        let channel = context.channel
        context.pipeline.syncOperations.removeHandler(context: context, promise: nil)
        guard name == Self.name, channel.isActive else { return }
        do {
            try self.begin(channel)
        } catch {
            channel.close(promise: nil)
        }
    }

    private func begin(_ channel: any Channel) throws {
        let old = self.replaced
        let pipeline = channel.pipeline.syncOperations
        let deadline = old.deadline
        pipeline.removeHandler(old.gate, promise: nil)
        pipeline.removeHandler(old, promise: nil)
        // A client that stops sending has no use for answers here: each request has an end of its own.
        try channel.syncOptions?.setOption(.allowRemoteHalfClosure, value: false)
        try channel.setWatermarks(low: max(1, self.options.highWatermark / 2), high: self.options.highWatermark)
        let gate = HTTP2Gate(options: self.options, limits: old.limits, router: old.router)
        let connection = HTTP2ConnectionHandler(
            info: old.connection,
            router: old.router,
            limits: old.limits,
            loopContext: old.encoder.context,
            options: self.options,
            gate: gate,
            deadline: deadline
        )
        let bound = NIOLoopBound(connection, eventLoop: channel.eventLoop)
        let parser = NIOHTTP2Handler(
            mode: .server,
            eventLoop: channel.eventLoop,
            connectionConfiguration: Self.connectionConfiguration(self.options),
            streamConfiguration: Self.streamConfiguration(self.options)
        ) { stream in
            stream.eventLoop.makeCompletedFuture { try bound.value.begin(stream) }
        }
        try pipeline.addHandlers(gate, parser, connection)
        self.chosen(connection)
    }

    /// NIO's own limits on frames stand aside, since `HTTP2Gate` has counted them all.
    ///
    /// A window of less than nothing holds no event, and its list of times stays empty.
    private static let noWindow = TimeAmount.nanoseconds(-1)
    /// How many bytes all requests of a connection together may send unasked; each stream has a window besides.
    private static let windowBytes = 1024 * 1024

    private static func connectionConfiguration(_ options: HTTP2Options) -> NIOHTTP2Handler.ConnectionConfiguration {
        var configuration = NIOHTTP2Handler.ConnectionConfiguration()
        configuration.initialSettings = HTTP2Gate.enforced(options)
        configuration.maximumSequentialEmptyDataFrames = .max
        configuration.maximumSequentialContinuationFrames = .max
        configuration.maximumConnectionGlitches = .max
        // What a client still sends on these is passed over; of others it ends the connection.
        configuration.maximumRecentlyResetStreams = HTTP2AbuseMachine.maximumResetCount
        // Answers of NIO's own that wait for a full socket, and the streams that they keep.
        configuration.maximumBufferedControlFrames = 512
        configuration.targetWindowSize = Self.windowBytes
        configuration.controlFrameRateLimit.maximumCount = 1
        configuration.controlFrameRateLimit.windowLength = Self.noWindow
        return configuration
    }

    private static func streamConfiguration(_ options: HTTP2Options) -> NIOHTTP2Handler.StreamConfiguration {
        var configuration = NIOHTTP2Handler.StreamConfiguration()
        configuration.targetWindowSize = HTTP2StreamHandler.windowBytes
        configuration.outboundBufferSizeHighWatermark = options.highWatermark
        configuration.outboundBufferSizeLowWatermark = max(1, options.highWatermark / 2)
        configuration.streamResetFrameRateLimit.maximumCount = 1
        configuration.streamResetFrameRateLimit.windowLength = Self.noWindow
        configuration.streamErrorRateLimit.maximumCount = 1
        configuration.streamErrorRateLimit.windowLength = Self.noWindow
        return configuration
    }
}

@available(*, unavailable)
extension HTTP2Choice: Sendable {}
