package import NIOCore

/// One HTTP/1.1 connection: takes its requests strictly one after the other, gives each to the handler that the router
/// chooses, and writes the answers.
///
/// `HTTPByteGate` reads them, and gives no part of a second request before the first is over.
/// What to decide is decided by `ExchangeMachine` and `HTTPDeadline`; this is where it is done.
package final class HTTPConnectionHandler: ChannelInboundHandler, RemovableChannelHandler {
    package typealias InboundIn = Never
    package typealias OutboundOut = ByteBuffer

    /// What the connection is doing.
    internal enum State {
        case ready
        case exchanging(ActiveExchange)
        /// The last answer is out; the peer's bytes are read and thrown away until it closes too.
        case lingering
        case handingOver
        case closed
    }

    internal let gate: HTTPByteGate
    internal let router: any RequestRouter
    internal let limits: HTTPLimits
    package let connection: HTTPConnectionInfo
    internal let encoder: ResponseEncoder
    internal var context: ChannelHandlerContext?
    internal var state = State.ready
    internal var deadline: HTTPDeadline
    internal var timer = MovableTimer()
    internal var requestCount = 0
    internal var isDraining = false
    internal var isInputClosed = false
    internal var needsFlush = false
    /// Called once it has left the pipeline: the connection is over, or another protocol's.
    package var whenRemoved: (() -> Void)?
    /// How many bytes were written to the connection.
    internal var writtenByteCount = 0
    internal var drainMachine = DrainMachine()
    /// The time of the next check whether the peer takes the bytes that wait for it; nil while none are known to wait.
    internal var drainLookAt: NIODeadline?
    /// Since when the socket takes no more; nil while it does.
    internal var blockedSince: NIODeadline?
    /// How long the peer may take none of an answer that was passed on last; nil for answers of the gateway's own.
    internal var relayPatience: TimeAmount?
    /// Whether the connection's end cuts off an answer that has no other end.
    internal var cutsAnswer = false
    /// Whether the protocol that takes over is told that the peer has ended its side before.
    internal var tellsInputClosed = false

    internal init(
        connection: HTTPConnectionInfo,
        router: any RequestRouter,
        limits: HTTPLimits,
        context: HTTPLoopContext,
        gate: HTTPByteGate
    ) {
        self.connection = connection
        self.router = router
        self.limits = limits
        self.gate = gate
        self.encoder = ResponseEncoder(allocator: connection.allocator, isTLS: connection.isTLS, context: context)
        self.deadline = HTTPDeadline(limits: limits)
        gate.attach(to: self)
    }

    // MARK: What the pipeline tells

    package func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        if context.channel.isActive {
            self.settle()
        }
    }

    package func handlerRemoved(context: ChannelHandlerContext) {
        self.abort(.connectionClosed)
        self.cancelTimer()
        self.encoder.context.note(self, isFull: false)
        self.context = nil
        self.whenRemoved?()
        self.whenRemoved = nil
    }

    package func channelActive(context: ChannelHandlerContext) {
        self.settle()
        context.fireChannelActive()
    }

    package func channelInactive(context: ChannelHandlerContext) {
        self.abort(.peerClosed)
        self.state = .closed
        self.cancelTimer()
        context.fireChannelInactive()
    }

    package func channelWritabilityChanged(context: ChannelHandlerContext) {
        let isWritable = context.channel.isWritable
        self.noteWritability(isWritable, now: context.eventLoop.now)
        if case .exchanging(let active) = self.state, active.machine.answer == .streaming {
            if active.flow == nil {
                active.handler.writabilityChanged(isWritable: isWritable)
            } else if isWritable {
                self.pumpBody()
            }
        }
        if isWritable {
            self.gate.pump()
        }
        context.fireChannelWritabilityChanged()
    }

    package func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // The transport's own trouble: TLS alerts, resets. There is no peer left to be told.
        self.close()
    }

    // MARK: What the gate tells

    /// Whether another request may begin: one at a time, and none while the peer leaves answers unread.
    internal var acceptsRequest: Bool {
        guard case .ready = self.state, let context = self.context else { return false }
        return context.channel.isWritable
    }

    /// All that was read in this turn has been seen.
    internal func readCompleted() {
        self.flushIfNeeded()
    }

    /// The peer sends nothing more; it may still read.
    internal func inputClosed() {
        self.isInputClosed = true
        switch self.state {
        case .ready: self.gate.pump()
        case .exchanging(let active):
            self.gate.pump()
            active.handler.inputClosed()
        case .lingering, .handingOver: self.close()
        case .closed: return
        }
    }

    /// Stops taking requests: the one at work is answered, with `Connection: close`; an idle connection is closed now.
    package func drain() {
        guard !self.isDraining else { return }
        self.isDraining = true
        switch self.state {
        case .ready:
            if !self.gate.isWithinHead { self.close() }
        case .exchanging(let active):
            active.handler.draining()
        case .lingering, .handingOver, .closed:
            return
        }
    }

    // MARK: The request

    internal func receivedHead(_ head: RequestHead) {
        guard case .ready = self.state else { return }
        do {
            self.received(self.gate.remember(try RequestHeadCheck.accept(head, limits: self.limits)))
        } catch {
            self.requestCount += 1
            self.relayPatience = nil
            self.refuseConnection(error)
        }
    }

    /// Takes a request whose head was judged, now or when the same one came before.
    internal func received(_ accepted: RequestHeadCheck.Accepted) {
        guard case .ready = self.state, let context = self.context else { return }
        self.requestCount += 1
        self.relayPatience = nil
        let request = accepted.request
        self.gate.bodyFollows(request.isChunked ? .chunked : request.contentLength.map { .length($0) } ?? .none)
        let exchange = HTTPExchange(
            request: request,
            connection: self.connection,
            eventLoop: context.eventLoop,
            driver: self,
            headNote: accepted.note
        )
        if accepted.note?.hasOrigin ?? request.headers.contains(name: "Origin") {
            exchange.commonFields = self.router.answerFields(request, on: self.connection)
        }
        let known = (accepted.note?.kept).flatMap { self.router.routeAgain($0, on: self.connection) }
        let handler = known ?? self.router.route(request, on: self.connection)
        let machine = ExchangeMachine(accepted, limits: self.limits)
        self.state = .exchanging(
            ActiveExchange(
                exchange: exchange,
                handler: handler,
                machine: machine,
                memory: self.encoder.context.requests
            )
        )
        handler.start(exchange)
        self.handlerStarted(handler)
    }

    private func handlerStarted(_ handler: any RequestHandler) {
        guard case .exchanging(let active) = self.state, active.machine.answer == .awaited else {
            // A handler that has begun to answer has all it wants of the request.
            return
        }
        switch active.machine.started(mode: handler.bodyMode) {
        case .sendContinue where handler.continuesByItself:
            break
        case .sendContinue:
            self.write(ByteBuffer(string: "HTTP/1.1 100 Continue\r\n\r\n"))
            self.flushUnlessReading()
        case .refuseTooLarge(let limit):
            self.refuseTooLarge(limit: limit)
        case .doNothing:
            break
        }
        if self.isInputClosed {
            handler.inputClosed()
        }
    }

    internal func receivedBody(_ bytes: ByteBuffer) {
        guard case .exchanging(let active) = self.state else { return }
        switch active.machine.receivedBody(byteCount: bytes.readableBytes) {
        case .collect:
            if !active.collect(bytes) {
                self.end(Self.overfull, reason: .overloaded)
            }
        case .stream:
            active.streamedByteCount += bytes.readableBytes
            active.handler.receivedBytes(bytes)
        case .discard:
            break
        case .refuseTooLarge(let limit):
            self.refuseTooLarge(limit: limit)
        case .giveUp:
            self.giveUpBody(active)
        }
    }

    /// The rest of the request is not worth reading; an answer in progress is finished first.
    private func giveUpBody(_ active: ActiveExchange) {
        if active.flow == nil {
            self.linger()
        } else {
            active.closesAfterAnswer = true
            self.gate.discard()
        }
    }

    internal func receivedTrailers(_ trailers: HeaderFields) {
        guard case .exchanging(let active) = self.state, case .stream = active.machine.mode,
            active.machine.answer != .complete
        else {
            return
        }
        active.handler.receivedTrailers(trailers)
    }

    internal func receivedEnd() {
        guard case .exchanging(let active) = self.state else { return }
        let action = active.machine.receivedEnd()
        let body = active.takeCollected()
        switch action {
        case .deliverBody: active.handler.receivedBody(body ?? ByteBuffer())
        case .deliverEnd: active.handler.receivedEnd()
        case .doNothing: break
        }
        self.finishIfOver()
    }

    internal func setReading(isPaused: Bool) {
        guard case .exchanging(let active) = self.state, active.isReadingPaused != isPaused else { return }
        active.isReadingPaused = isPaused
        self.gate.setPaused(isPaused)
    }

    /// Goes on to the next request once this one and its answer are complete.
    internal func finishIfOver() {
        guard case .exchanging(let active) = self.state, active.machine.isOver else { return }
        // A long answer may have begun before the gateway was told to stop.
        if active.closesAfterAnswer || self.isDraining && self.gate.heldByteCount == 0 {
            self.closeAfterFlush()
        } else {
            self.state = .ready
            self.gate.nextRequest()
        }
    }
}

extension HTTPConnectionHandler: HTTPBodySender, SlowReader, ServedConnection {}

@available(*, unavailable)
extension HTTPConnectionHandler: Sendable {}
