package import NIOCore

/// Tells when a connection's first bytes arrive, and leaves.
package final class FirstByteHandler: ChannelInboundHandler, RemovableChannelHandler {
    package typealias InboundIn = ByteBuffer

    private let heard: () -> Void

    /// - Parameter heard: Called once.
    package init(_ heard: @escaping () -> Void) {
        self.heard = heard
    }

    package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        self.heard()
        // Before it leaves: a handler that has left has nobody to hand anything on to.
        context.fireChannelRead(data)
        context.pipeline.syncOperations.removeHandler(context: context, promise: nil)
    }
}
