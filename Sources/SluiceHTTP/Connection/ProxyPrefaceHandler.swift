package import NIOCore

/// Waits for the PROXY protocol's words before anything else of a connection is built, and leaves.
///
/// A preface that is malformed or late ends the connection; so does a drain, since nobody has asked for anything yet.
package final class ProxyPrefaceHandler: ChannelInboundHandler, RemovableChannelHandler {
    package typealias InboundIn = ByteBuffer
    package typealias InboundOut = ByteBuffer

    private let timeout: TimeAmount
    private let named: (ProxyPreface) throws -> Bool
    private let failed: () -> Void
    private var bytes = ByteBuffer()
    private var context: ChannelHandlerContext?
    private var timer: Scheduled<Void>?
    private var isOver = false
    /// Whether the handlers behind it serve the connection.
    private var isNamed = false
    /// Called once the connection is over, unless the handlers behind this one serve it by then.
    package var whenRemoved: (() -> Void)?

    /// - Parameters:
    ///   - timeout: The longest from the connection's start to the preface's end.
    ///   - named: Adds the handlers behind this one, once it is known who the client is; false ends the connection.
    ///   - failed: Told once if there was no preface in time.
    package init(
        timeout: TimeAmount,
        named: @escaping (ProxyPreface) throws -> Bool,
        failed: @escaping () -> Void
    ) {
        self.timeout = timeout
        self.named = named
        self.failed = failed
    }

    /// Ends the connection.
    package func drain() {
        guard !self.isOver, let context = self.context else {
            return
        }
        self.isOver = true
        context.channel.cut()
    }

    package func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        self.timer = context.eventLoop.assumeIsolated()
            .scheduleTask(in: self.timeout) {
                self.fail(context)
            }
    }

    package func handlerRemoved(context: ChannelHandlerContext) {
        self.timer?.cancel()
        self.timer = nil
        self.context = nil
        // Once it is known who the client is, another handler has its place.
        if !self.isNamed {
            self.whenRemoved?()
        }
        self.whenRemoved = nil
    }

    package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !self.isOver else {
            return
        }
        self.bytes.writeImmutableBuffer(self.unwrapInboundIn(data))
        // One byte more than the longest shows that there are more.
        let known = Array(self.bytes.readableBytesView.prefix(ProxyPreface.maximumBytes + 1))
        switch ProxyPreface.read(known) {
        case .incomplete:
            return
        case .malformed:
            self.fail(context)
        case .complete(let preface, let byteCount):
            self.isOver = true
            guard (try? self.named(preface)) ?? false else {
                context.channel.cut()
                return
            }
            self.isNamed = true
            self.bytes.moveReaderIndex(forwardBy: byteCount)
            // Before it leaves: a handler that has left hands nothing on.
            if self.bytes.readableBytes > 0 {
                context.fireChannelRead(self.wrapInboundOut(self.bytes))
            }
            context.pipeline.syncOperations.removeHandler(context: context, promise: nil)
        }
    }

    private func fail(_ context: ChannelHandlerContext) {
        guard !self.isOver else {
            return
        }
        self.isOver = true
        self.failed()
        context.channel.cut()
    }
}
