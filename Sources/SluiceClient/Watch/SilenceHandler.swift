import NIOCore

/// Closes a connection on which nothing was read for a while.
final class SilenceHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private let timeout: TimeAmount
    private var lastRead = NIODeadline.uptimeNanoseconds(0)
    private var check: Scheduled<Void>?

    /// A handler for one connection.
    ///
    /// - Parameter timeout: How long nothing may be read.
    init(timeout: TimeAmount) {
        self.timeout = timeout
    }

    func channelActive(context: ChannelHandlerContext) {
        self.lastRead = context.eventLoop.now
        self.schedule(context: context)
        context.fireChannelActive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        self.lastRead = context.eventLoop.now
        context.fireChannelRead(data)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.check?.cancel()
        self.check = nil
    }

    private func schedule(context: ChannelHandlerContext) {
        let bound = NIOLoopBound((handler: self, context: context), eventLoop: context.eventLoop)
        self.check = context.eventLoop.scheduleTask(deadline: self.lastRead + self.timeout) {
            let (handler, context) = bound.value
            handler.timePassed(context: context)
        }
    }

    private func timePassed(context: ChannelHandlerContext) {
        if context.eventLoop.now - self.lastRead >= self.timeout {
            context.close(promise: nil)
        } else {
            self.schedule(context: context)
        }
    }
}

@available(*, unavailable)
extension SilenceHandler: Sendable {}
