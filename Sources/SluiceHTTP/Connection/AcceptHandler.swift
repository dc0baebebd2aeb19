internal import Logging
internal import NIOCore
internal import SluiceSystem

/// Decides, on a listening channel, about each connection as it is accepted, before anything is built for it.
///
/// A refused connection is closed at once, so that the next ones do not wait in the system's queue. Accepting pauses
/// only where it could not work: while closed connections still have their descriptors, or when the system has no
/// descriptors, an error that would repeat as fast as the loop turns.
final class AcceptHandler: ChannelInboundHandler {
    typealias InboundIn = any Channel

    /// How long it does not ask a system that has nothing to give.
    private static let pause = TimeAmount.milliseconds(100)
    /// How long connections that were closed may take to be gone; they mostly are at once.
    private static let shortPause = TimeAmount.milliseconds(5)
    /// How often the trouble is logged at most.
    private static let logInterval = TimeAmount.minutes(1)

    private let admits: (any Channel, NIODeadline) -> Bool
    private let isFull: () -> Bool
    private let logger: Logger
    private var isPaused = false
    private var lastLoggedAt: NIODeadline?

    /// - Parameters:
    ///   - logger: Takes reports of trouble, at most one in a while.
    ///   - isFull: Whether to accept no further connection for now.
    ///   - admits: Whether a connection is taken, at the loop's time; otherwise it is closed.
    init(logger: Logger, isFull: @escaping () -> Bool, admits: @escaping (any Channel, NIODeadline) -> Bool) {
        self.logger = logger
        self.isFull = isFull
        self.admits = admits
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let accepted = self.unwrapInboundIn(data)
        if self.admits(accepted, context.eventLoop.now) {
            context.fireChannelRead(data)
        } else {
            accepted.close(promise: nil)
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        if self.isFull() {
            self.pause(for: Self.shortPause, context)
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
            self.pause(for: Self.pause, context)
        }
        context.fireErrorCaught(error)
    }

    private func pause(for time: TimeAmount, _ context: ChannelHandlerContext) {
        guard !self.isPaused, self.setAccepting(false, context) else {
            return
        }
        self.isPaused = true
        self.look(after: time, context)
    }

    private func look(after time: TimeAmount, _ context: ChannelHandlerContext) {
        context.eventLoop.assumeIsolated()
            .scheduleTask(in: time) {
                guard context.channel.isActive else {
                    return
                }
                if self.isFull() {
                    self.look(after: Self.shortPause, context)
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
