package import NIOCore
internal import NIOHTTP1
internal import NIOTLS

/// Learns what becomes of a request at an upstream, on the event loop of both.
package protocol UpstreamReceiver: AnyObject {
    /// An interim answer.
    func upstreamInformed(_ answer: UpstreamAnswer)
    /// The head of the final answer.
    func upstreamAnswered(_ answer: UpstreamAnswer)
    /// Some bytes of its body.
    func upstreamSent(_ bytes: ByteBuffer)
    /// The answer is whole. Nothing follows.
    func upstreamEnded(trailers: HeaderFields?)
    /// The connection broke, or the answer cannot be read. Nothing follows.
    ///
    /// - Parameters:
    ///   - detail: What is wrong, for the log.
    ///   - isUntouched: Whether not a byte of an answer had come.
    func upstreamFailed(_ detail: String, isUntouched: Bool)
    /// The upstream takes more of the request, or no more for now.
    func upstreamWritabilityChanged(isWritable: Bool)
}

/// One connection of HTTP/1.1 to an upstream: one request at a time.
///
/// Loop-confined. What it reads is read by `AnswerParser`.
package final class UpstreamConnection: ChannelInboundHandler, RemovableChannelHandler {
    package typealias InboundIn = ByteBuffer
    package typealias OutboundOut = ByteBuffer

    /// A request at work.
    private struct Work {
        let receiver: any UpstreamReceiver
        let isChunked: Bool
        /// How much of the body is still to be sent, where its length was said.
        var bodyLeft: Int
        var parser: AnswerParser
        var isRequestWhole = false
        var isKeepAlive = true
    }

    private let limits: HTTPLimits
    private var share: RequestMemory.Share
    private var context: ChannelHandlerContext?
    private var work: Work?
    private var isPaused = false
    private var isPumping = false
    /// How the connection ended: cleanly or not; nil while it has not.
    private var endedCleanly: Bool?
    private var isTransportBroken = false
    /// Whether it is being ended from here; TLS takes its time for that.
    private var isClosing = false
    /// When it became idle last.
    internal private(set) var idleSince = NIODeadline.now()
    internal var idleTimer: Scheduled<Void>?
    /// Called when it is idle, to be used again.
    internal var whenIdle: ((UpstreamConnection) -> Void)?
    /// Called once it can no longer be used.
    internal var whenGone: ((UpstreamConnection) -> Void)?
    private let isTLS: Bool
    /// Whether it has come up, TLS included, or why it did not; nil while it is not known.
    private var opening: Opening?
    private var whenOpen: ((Opening) -> Void)?

    internal init(limits: HTTPLimits, memory: RequestMemory, isTLS: Bool) {
        self.limits = limits
        self.share = RequestMemory.Share(of: memory)
        self.isTLS = isTLS
    }

    /// How the connection came up.
    internal enum Opening {
        case open
        case failed(String)
    }

    /// Tells once whether the connection has come up, TLS included: at once if that is known.
    internal func whenOpen(_ told: @escaping (Opening) -> Void) {
        if let opening = self.opening {
            told(opening)
        } else {
            self.whenOpen = told
        }
    }

    /// Whether a request can be sent.
    package var isUsable: Bool {
        self.work == nil && !self.isClosing && self.endedCleanly == nil && self.context?.channel.isActive ?? false
    }

    /// Whether more of a request's body may be written.
    package var isWritable: Bool { self.context?.channel.isWritable ?? false }

    // MARK: The request

    /// Sends the head of a request; the receiver is held until the answer is over, or `cancel`.
    package func begin(_ request: UpstreamRequest, receiver: any UpstreamReceiver) {
        guard self.isUsable, let context = self.context else {
            receiver.upstreamFailed("The connection is gone.", isUntouched: true)
            return
        }
        self.work = Work(
            receiver: receiver,
            isChunked: request.isChunked,
            bodyLeft: request.contentLength ?? 0,
            parser: AnswerParser(
                limits: self.limits,
                isHead: request.method == .HEAD,
                mayUpgrade: request.asksForUpgrade
            )
        )
        self.send(request.encoded(allocator: context.channel.allocator), context)
    }

    /// Sends some of the body.
    ///
    /// More than was said would be taken for another request: it ends the connection.
    package func write(_ bytes: ByteBuffer) {
        guard let work, let context = self.context, bytes.readableBytes > 0 else { return }
        guard work.isChunked else {
            guard bytes.readableBytes <= work.bodyLeft else {
                self.fail("The request's body is longer than it says.")
                return
            }
            self.work?.bodyLeft -= bytes.readableBytes
            self.send(bytes, context)
            return
        }
        var size = context.channel.allocator.buffer(capacity: 12)
        size.writeString(String(bytes.readableBytes, radix: 16))
        size.writeStaticString("\r\n")
        context.write(self.wrapOutboundOut(size), promise: nil)
        context.write(self.wrapOutboundOut(bytes), promise: nil)
        self.send(ByteBuffer(staticString: "\r\n"), context)
    }

    /// The request is whole.
    package func finish(trailers: HeaderFields? = nil) {
        guard let work, let context = self.context else { return }
        guard work.isChunked || work.bodyLeft == 0 else {
            self.fail("The request's body is shorter than it says.")
            return
        }
        self.work?.isRequestWhole = true
        guard work.isChunked else { return }
        var end = ByteBuffer(staticString: "0\r\n")
        trailers?.write(into: &end)
        end.writeStaticString("\r\n")
        self.send(end, context)
    }

    private func send(_ bytes: ByteBuffer, _ context: ChannelHandlerContext) {
        context.writeAndFlush(self.wrapOutboundOut(bytes)).assumeIsolated()
            .whenFailure { error in
                // Only this says that a connection was reset which then seems to end in order.
                if error as? ChannelError != .eof {
                    self.isTransportBroken = true
                }
            }
    }

    /// How many bytes of the request its socket has not taken.
    package var waitingBytes: Int { self.context?.channel.waitingBytes ?? 0 }

    /// Nobody waits for the answer any more: the connection ends, which the upstream sees.
    package func cancel() {
        self.work = nil
        self.close()
    }

    /// Takes no more of the answer for now, or takes it again.
    package func setPaused(_ isPaused: Bool) {
        guard self.isPaused != isPaused else { return }
        self.isPaused = isPaused
        if !isPaused {
            self.pump()
        }
        guard self.isPaused == isPaused, let context = self.context else { return }
        try? context.channel.syncOptions?.setOption(.autoRead, value: !isPaused)
    }

    /// Ends HTTP on this connection, whose answer has switched to another protocol.
    ///
    /// - Returns: The connection, nil if it is gone, and what was read behind the answer.
    internal func takeOver() -> (channel: (any Channel)?, held: ByteBuffer) {
        let held = self.work?.parser.takeHeld() ?? ByteBuffer()
        _ = self.share.set(0)
        self.work = nil
        guard let context = self.context, context.channel.isActive, self.endedCleanly == nil else { return (nil, held) }
        let channel = context.channel
        context.pipeline.syncOperations.removeHandler(self, promise: nil)
        return (channel, held)
    }

    internal func close() {
        self.isClosing = true
        self.gone()
        self.context?.close(promise: nil)
    }

    // MARK: What the pipeline tells

    package func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        if context.channel.isActive, !self.isTLS {
            self.opened(.open)
        }
    }

    package func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        self.opened(.failed("The connection was closed."))
        self.gone()
    }

    package func channelActive(context: ChannelHandlerContext) {
        if !self.isTLS {
            self.opened(.open)
        }
        context.fireChannelActive()
    }

    package func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .handshakeCompleted = event as? TLSUserEvent {
            self.opened(.open)
        }
        context.fireUserInboundEventTriggered(event)
    }

    package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard self.work != nil else {
            // An answer that nobody asked for: the next request's would be mistaken for it.
            self.close()
            return
        }
        self.work?.parser.append(self.unwrapInboundIn(data))
        self.pump()
        guard self.share.set(self.work?.parser.held.readableBytes ?? 0) else {
            self.isTransportBroken = true
            self.fail("There is no memory for more of the answer.")
            return
        }
    }

    package func channelInactive(context: ChannelHandlerContext) {
        self.endedCleanly = !self.isTransportBroken
        self.opened(.failed("The connection was closed."))
        self.pump()
        self.gone()
        context.fireChannelInactive()
    }

    package func channelWritabilityChanged(context: ChannelHandlerContext) {
        self.work?.receiver.upstreamWritabilityChanged(isWritable: context.channel.isWritable)
        context.fireChannelWritabilityChanged()
    }

    package func errorCaught(context: ChannelHandlerContext, error: any Error) {
        self.isTransportBroken = true
        self.opened(.failed("\(error)"))
        context.close(promise: nil)
    }

    private func opened(_ opening: Opening) {
        guard self.opening == nil else { return }
        self.opening = opening
        let whenOpen = self.whenOpen
        self.whenOpen = nil
        whenOpen?(opening)
    }

    private func gone() {
        let whenGone = self.whenGone
        self.whenGone = nil
        whenGone?(self)
    }

    // MARK: The answer

    private func pump() {
        guard !self.isPumping else { return }
        self.isPumping = true
        while !self.isPaused, let part = self.work?.parser.next() {
            self.take(part)
        }
        if !self.isPaused, let endedCleanly, let part = self.work?.parser.inputEnded(isClean: endedCleanly) {
            self.take(part)
        }
        self.isPumping = false
        _ = self.share.set(self.work?.parser.held.readableBytes ?? 0)
    }

    private func take(_ part: AnswerParser.Part) {
        guard let receiver = self.work?.receiver else { return }
        switch part {
        case .interim(let answer):
            self.noteKeepAlive(answer)
            receiver.upstreamInformed(answer)
        case .head(let answer):
            self.noteKeepAlive(answer)
            receiver.upstreamAnswered(answer)
        case .body(let bytes):
            receiver.upstreamSent(bytes)
        case .end(let trailers):
            self.settle()
            receiver.upstreamEnded(trailers: trailers)
        case .refused(let detail):
            self.fail(detail)
        }
    }

    /// One head that says so, an interim one too, is enough for the connection to end.
    private func noteKeepAlive(_ answer: UpstreamAnswer) {
        if !answer.isKeepAlive {
            self.work?.isKeepAlive = false
        }
    }

    /// Makes the connection ready for another request, or ends it.
    private func settle() {
        guard let work = self.work else { return }
        self.work = nil
        self.isPaused = false
        guard work.isRequestWhole, work.isKeepAlive, work.parser.held.readableBytes == 0, self.isUsable,
            let context = self.context
        else {
            self.close()
            return
        }
        try? context.channel.syncOptions?.setOption(.autoRead, value: true)
        self.idleSince = context.eventLoop.now
        self.whenIdle?(self)
    }

    private func fail(_ detail: String) {
        guard let work = self.work else { return }
        self.work = nil
        self.close()
        work.receiver.upstreamFailed(detail, isUntouched: !work.parser.hasBegun)
    }
}

@available(*, unavailable)
extension UpstreamConnection: Sendable {}
