package import NIOCore

/// Two connections whose bytes go to each other, after both have agreed to another protocol than HTTP.
///
/// Neither is read while the other takes no more. An end of input on one side is passed on; the tunnel ends when both
/// have ended, when one breaks, or after a time without a byte. Loop-confined.
package final class Tunnel {
    private let idle: TimeAmount
    private let eventLoop: any EventLoop
    private let client: TunnelEnd
    private let upstream: TunnelEnd
    private var whenOver: (() -> Void)?
    private var lastByteAt: NIODeadline
    /// How many bytes waited for both when nothing more had come; bytes that leave count, too.
    private var waitingBytes: Int?
    private var timer: Scheduled<Void>?

    /// Joins them; the handlers of HTTP have left the client's connection.
    ///
    /// - Parameters:
    ///   - channel: The client's connection.
    ///   - connection: The upstream's, whose answer was 101.
    ///   - idle: The longest without a byte either way.
    ///   - whenOver: Called once, when both are gone.
    /// - Returns: Whether there is a tunnel; if not, both are closed, and `whenOver` is not called. An upstream that has
    ///   said all that it had to and left is one until its client has taken that.
    package static func join(
        _ channel: any Channel,
        _ connection: UpstreamConnection,
        idle: TimeAmount,
        whenOver: @escaping () -> Void
    ) -> Bool {
        let (upstream, held) = connection.takeOver()
        guard channel.isActive, upstream != nil || held.readableBytes > 0 else {
            upstream?.close(promise: nil)
            channel.close(promise: nil)
            return false
        }
        let tunnel = Tunnel(eventLoop: channel.eventLoop, idle: idle, whenOver: whenOver)
        return upstream.map { tunnel.start(channel, $0, held) } ?? tunnel.finish(channel, held)
    }

    private init(eventLoop: any EventLoop, idle: TimeAmount, whenOver: @escaping () -> Void) {
        self.eventLoop = eventLoop
        self.idle = idle
        self.whenOver = whenOver
        self.client = TunnelEnd()
        self.upstream = TunnelEnd()
        self.lastByteAt = eventLoop.now
    }

    private func start(_ channel: any Channel, _ upstream: any Channel, _ held: ByteBuffer) -> Bool {
        self.client.partner = self.upstream
        self.upstream.partner = self.client
        self.client.tunnel = self
        self.upstream.tunnel = self
        // A stream of HTTP/2 has no such option, and tells of its end in any case.
        for end in [channel, upstream] where end.streamEnd == nil {
            try? end.syncOptions?.setOption(.allowRemoteHalfClosure, value: true)
        }
        do {
            try channel.pipeline.syncOperations.addHandler(self.client)
            try upstream.pipeline.syncOperations.addHandler(self.upstream)
        } catch {
            self.whenOver = nil
            self.over()
            channel.close(promise: nil)
            upstream.close(promise: nil)
            return false
        }
        if held.readableBytes > 0 {
            self.client.write(held)
            self.client.flush()
        }
        // It may have been paused for the sake of its answer.
        try? upstream.syncOptions?.setOption(.autoRead, value: true)
        self.watch()
        return true
    }

    /// The upstream has left: its last bytes have as much time as any, and what the client says goes nowhere.
    private func finish(_ channel: any Channel, _ held: ByteBuffer) -> Bool {
        self.upstream.isGone = true
        self.client.tunnel = self
        if channel.streamEnd == nil {
            try? channel.syncOptions?.setOption(.allowRemoteHalfClosure, value: true)
        }
        do {
            try channel.pipeline.syncOperations.addHandler(self.client)
        } catch {
            self.whenOver = nil
            self.over()
            channel.close(promise: nil)
            return false
        }
        self.watch()
        self.client.write(held)
        self.client.closeAfterFlush()
        return true
    }

    fileprivate func moved() {
        self.lastByteAt = self.eventLoop.now
        self.waitingBytes = nil
    }

    /// Whether fewer bytes wait than before, or some wait that were not looked at before.
    private func drains() -> Bool {
        let waiting = self.client.waitingBytes + self.upstream.waitingBytes
        guard waiting > 0, waiting < self.waitingBytes ?? .max else { return false }
        self.waitingBytes = waiting
        self.lastByteAt = self.eventLoop.now
        return true
    }

    /// One of them is gone: the other follows when it has taken what waits for it.
    fileprivate func ended(_ end: TunnelEnd) {
        end.partner?.closeAfterFlush()
        if self.client.isGone, self.upstream.isGone {
            self.over()
        }
    }

    private func over() {
        self.timer?.cancel()
        self.timer = nil
        self.client.partner = nil
        self.upstream.partner = nil
        self.client.tunnel = nil
        self.upstream.tunnel = nil
        let whenOver = self.whenOver
        self.whenOver = nil
        whenOver?()
    }

    private func watch() {
        self.timer = self.eventLoop.assumeIsolated()
            .scheduleTask(deadline: self.lastByteAt + self.idle) {
                guard self.whenOver != nil else { return }
                guard self.lastByteAt + self.idle <= self.eventLoop.now, !self.drains() else {
                    self.watch()
                    return
                }
                self.client.cut()
                self.upstream.cut()
            }
    }
}

/// One of a tunnel's two connections.
private final class TunnelEnd: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    var partner: TunnelEnd?
    var tunnel: Tunnel?
    fileprivate(set) var isGone = false
    private var context: ChannelHandlerContext?
    private var isReadHeld = false
    private var isOutputClosed = false
    private var isInputClosed = false

    var isWritable: Bool { self.context?.channel.isWritable ?? false }
    var waitingBytes: Int { self.context?.channel.waitingBytes ?? 0 }

    func write(_ bytes: ByteBuffer) {
        self.tunnel?.moved()
        self.context?.write(self.wrapOutboundOut(bytes), promise: nil)
    }

    func flush() {
        self.context?.flush()
    }

    /// The partner takes bytes again.
    func resume() {
        guard self.isReadHeld else { return }
        self.isReadHeld = false
        self.context?.read()
    }

    /// The partner's peer sends nothing more.
    func closeOutput() {
        guard let context = self.context, !self.isOutputClosed else { return }
        self.isOutputClosed = true
        guard !self.isInputClosed else {
            self.closeAfterFlush()
            return
        }
        context.writeAndFlush(self.wrapOutboundOut(ByteBuffer())).assumeIsolated()
            .whenComplete { _ in context.close(mode: .output, promise: nil) }
    }

    func closeAfterFlush() {
        guard let context = self.context, !self.isGone else { return }
        context.writeAndFlush(self.wrapOutboundOut(ByteBuffer())).assumeIsolated()
            .whenComplete { _ in context.close(promise: nil) }
    }

    func cut() {
        self.context?.channel.cut()
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.leave()
        self.context = nil
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        self.partner?.write(self.unwrapInboundIn(data))
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        self.partner?.flush()
        context.fireChannelReadComplete()
    }

    func read(context: ChannelHandlerContext) {
        if self.partner?.isWritable ?? true {
            context.read()
        } else {
            self.isReadHeld = true
        }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable {
            self.partner?.resume()
        }
        context.fireChannelWritabilityChanged()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .inputClosed = event as? ChannelEvent {
            self.isInputClosed = true
            self.partner?.closeOutput()
            if self.isOutputClosed {
                self.closeAfterFlush()
            }
        }
        context.fireUserInboundEventTriggered(event)
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.leave()
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    private func leave() {
        guard !self.isGone else { return }
        self.isGone = true
        self.tunnel?.ended(self)
    }
}

@available(*, unavailable)
extension Tunnel: Sendable {}
