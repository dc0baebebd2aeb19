internal import NIOCore
internal import NIOTLS

/// Ends a connection whose TLS handshake is not done in time, and leaves once it is done.
final class HandshakeDeadlineHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer

    private let timeout: TimeAmount
    private let metrics: GatewayMetrics
    private var timer: Scheduled<Void>?
    private var outcome = GatewayMetrics.Handshake.failed

    /// - Parameters:
    ///   - timeout: The longest from the connection's start to the handshake's end.
    ///   - metrics: Told how each ended.
    init(timeout: TimeAmount, metrics: GatewayMetrics) {
        self.timeout = timeout
        self.metrics = metrics
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.timer = context.eventLoop.assumeIsolated()
            .scheduleTask(in: self.timeout) {
                self.outcome = .timedOut
                self.metrics.refused(ProblemCode.requestTimeout.rawValue)
                context.channel.cut()
            }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.timer?.cancel()
        self.timer = nil
        self.metrics.handshakeEnded(self.outcome)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        // Before it leaves: a handler that has left has nobody to hand anything on to.
        context.fireUserInboundEventTriggered(event)
        if case .handshakeCompleted? = event as? TLSUserEvent {
            self.outcome = .completed
            context.pipeline.syncOperations.removeHandler(context: context, promise: nil)
        }
    }
}
