internal import Logging
internal import NIOCore

#if canImport(Glibc)
private import Glibc
#elseif canImport(Musl)
private import Musl
#endif

/// Stands on a listening channel, and stops accepting for a moment where going on would not work.
///
/// A listener without a descriptor for the connection that waits is told so again and again, as fast as its loop turns.
/// So it does not ask for a while; what waits stays in the system's queue.
final class AcceptPauseHandler: ChannelInboundHandler {
    typealias InboundIn = any Channel

    private static let pause = TimeAmount.milliseconds(100)
    /// How often the trouble is logged at most.
    private static let logInterval = TimeAmount.minutes(1)

    private let isFull: @Sendable () -> Bool
    private let logger: Logger
    private var isPaused = false
    private var lastLoggedAt: NIODeadline?

    /// - Parameters:
    ///   - logger: Where trouble is told, once in a while.
    ///   - isFull: Whether no further connection is to be accepted for now.
    init(logger: Logger, isFull: @escaping @Sendable () -> Bool) {
        self.logger = logger
        self.isFull = isFull
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        if self.isFull() {
            self.pause(context)
        }
        context.fireChannelReadComplete()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if let error = error as? IOError, [EMFILE, ENFILE, ENOBUFS, ENOMEM].contains(error.errnoCode) {
            let now = context.eventLoop.now
            if self.lastLoggedAt.map({ $0 + Self.logInterval <= now }) ?? true {
                self.lastLoggedAt = now
                self.logger.error("no connection can be accepted for now", metadata: ["error": "\(error)"])
            }
            self.pause(context)
        }
        context.fireErrorCaught(error)
    }

    private func pause(_ context: ChannelHandlerContext) {
        guard !self.isPaused, self.setAccepting(false, context) else {
            return
        }
        self.isPaused = true
        self.lookLater(context)
    }

    private func lookLater(_ context: ChannelHandlerContext) {
        context.eventLoop.assumeIsolated()
            .scheduleTask(in: Self.pause) {
                guard context.channel.isActive else {
                    return
                }
                if self.isFull() {
                    self.lookLater(context)
                } else {
                    self.isPaused = false
                    _ = self.setAccepting(true, context)
                }
            }
    }

    private func setAccepting(_ accepts: Bool, _ context: ChannelHandlerContext) -> Bool {
        guard let options = context.channel.syncOptions else {
            return false
        }
        return (try? options.setOption(.autoRead, value: accepts)) != nil
    }
}
