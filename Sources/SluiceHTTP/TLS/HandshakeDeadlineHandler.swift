package import NIOCore
internal import NIOTLS

/// Ends a connection whose TLS handshake is not done in time, and leaves once it is done.
package final class HandshakeDeadlineHandler: ChannelInboundHandler, RemovableChannelHandler {
    package typealias InboundIn = ByteBuffer

    private let timeout: TimeAmount
    private let ended: (HandshakeOutcome) -> Void
    private var timer: Scheduled<Void>?
    private var outcome = HandshakeOutcome.failed

    /// - Parameters:
    ///   - timeout: The longest from the connection's start to the handshake's end.
    ///   - ended: Told once how the handshake ended.
    package init(timeout: TimeAmount, ended: @escaping (HandshakeOutcome) -> Void) {
        self.timeout = timeout
        self.ended = ended
    }

    package func handlerAdded(context: ChannelHandlerContext) {
        self.timer = context.eventLoop.assumeIsolated()
            .scheduleTask(in: self.timeout) {
                self.outcome = .timedOut
                context.channel.cut()
            }
    }

    package func handlerRemoved(context: ChannelHandlerContext) {
        self.timer?.cancel()
        self.timer = nil
        self.ended(self.outcome)
    }

    package func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        // Before it leaves: a handler that has left hands nothing on.
        context.fireUserInboundEventTriggered(event)
        if case .handshakeCompleted? = event as? TLSUserEvent {
            self.outcome = .completed
            context.pipeline.syncOperations.removeHandler(context: context, promise: nil)
        }
    }
}

/// How a TLS handshake ended, by the name that metrics have for it.
package enum HandshakeOutcome: String, Sendable, CaseIterable {
    case completed
    case failed
    case timedOut = "timed_out"
}
