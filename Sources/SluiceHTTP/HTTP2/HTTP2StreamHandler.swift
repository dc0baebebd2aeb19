internal import NIOCore
internal import NIOHPACK
internal import NIOHTTP1
internal import NIOHTTP2
internal import SluiceBase

/// One stream of an HTTP/2 connection: one request and its answer, or, from there on, another protocol's bytes.
///
/// It is to its handler what `HTTPConnectionHandler` is on HTTP/1.1, and decides by the same machines. The window that a
/// client has for a stream is given back as its handler takes the bytes, and a window that the client keeps shut is a
/// socket that takes nothing.
final class HTTP2StreamHandler: StreamEnd, ChannelDuplexHandler {
    typealias InboundIn = HTTP2Frame.FramePayload
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = HTTP2Frame.FramePayload

    /// What the stream is doing.
    enum State {
        case ready
        case exchanging(ActiveExchange)
        /// The answer was given without a handler; what still comes is discarded.
        case answered
        case handingOver
        /// Another protocol's, whose handlers stand behind this one.
        case handedOver
        case closed
    }

    /// How many bytes a client may send on a stream before its handler has taken them.
    static let windowBytes = 65535
    /// Above this many bytes that wait, an answer goes on only when they have left; below the other it does.
    private static let highWatermark = 64 * 1024
    private static let lowWatermark = 32 * 1024

    let id: Int
    /// The connection, until the stream is over.
    private(set) var connection: HTTP2ConnectionHandler?
    var context: ChannelHandlerContext?
    var state = State.ready
    var deadline: HTTPDeadline
    var timer = MovableTimer()
    /// Whether the request asks for another protocol on the stream.
    var isConnect = false
    /// What was received while the handler took nothing, or before another protocol took over.
    private var held = ByteBuffer()
    private var isReadSuppressed = false
    private(set) var isInputEnded = false
    private var isEndDelivered = false
    private(set) var isOutputEnded = false
    private var isEndEmitted = false
    /// Whether the stream is ended for the client as soon as the answer has left: it has not sent all of its request.
    var isResetAfterAnswer = false

    /// The trailers of the request, once they have come.
    private var trailers: HeaderFields?
    /// How long the client may take none of an answer that is passed on; nil for answers of the gateway's own.
    var relayPatience: TimeAmount?

    var writtenByteCount = 0
    private var emittedByteCount = 0
    private var takenByteCount = 0
    /// Where in all that the connection has written the last of it stands.
    private var position = 0
    private var isFull = false
    private(set) var blockedSince: NIODeadline?
    var drainMachine = DrainMachine()
    /// Whether the connection looks from time to time whether the client takes its bytes.
    var isWatched = false

    init(id: Int, connection: HTTP2ConnectionHandler) {
        self.id = id
        self.connection = connection
        self.deadline = HTTPDeadline(limits: connection.limits)
    }

    // MARK: What the stream tells

    override func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    override func handlerRemoved(context: ChannelHandlerContext) {
        self.finish()
        self.context = nil
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.finish()
        context.fireChannelInactive()
    }

    private func finish() {
        guard let connection = self.connection else { return }
        self.abort(.peerClosed)
        self.state = .closed
        self.cancelTimer()
        self.connection = nil
        connection.loopContext.note(self, isFull: false)
        connection.ended(self)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if case .handedOver = self.state {
            context.fireErrorCaught(error)
        }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch self.unwrapInboundIn(data) {
        case .headers(let payload):
            guard HTTP2RequestHead.byteCount(payload.headers) <= HTTP2AbuseMachine.maximumHeaderListBytes else {
                self.connection?.receivedLongList()
                return
            }
            if case .ready = self.state {
                self.receivedHead(payload.headers, endsStream: payload.endStream)
            } else if payload.endStream {
                // A trailer section (RFC 9113, section 8.1).
                self.trailers = HeaderFields(payload.headers.map { ($0.name, $0.value) })
                self.inputEnded()
            }
        case .data(let payload):
            if case .byteBuffer(let bytes) = payload.data, bytes.readableBytes > 0 {
                self.receivedBytes(bytes)
            }
            if payload.endStream {
                self.inputEnded()
            }
        default:
            break
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        self.settle()
        context.fireChannelReadComplete()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if case .handedOver = self.state {
            context.fireChannelWritabilityChanged()
        } else {
            self.lookAtRoom()
        }
    }

    func read(context: ChannelHandlerContext) {
        if self.wantsBytes {
            context.read()
        } else {
            self.isReadSuppressed = true
        }
    }

    private var wantsBytes: Bool {
        switch self.state {
        case .exchanging(let active): !active.isReadingPaused && !self.isConnect
        case .handingOver: false
        case .ready, .answered, .handedOver, .closed: true
        }
    }

    // MARK: The request

    private func receivedHead(_ headers: HPACKHeaders, endsStream: Bool) {
        guard let connection = self.connection, let context = self.context else { return }
        let accepted: RequestHeadCheck.Accepted
        do {
            accepted = try HTTP2RequestHead.accept(headers, endsStream: endsStream, limits: connection.limits)
        } catch {
            self.refuseUnread(error, endsStream: endsStream)
            return
        }
        let request = accepted.request
        self.isConnect = request.connectProtocol != nil
        let exchange = HTTPExchange(
            request: request,
            connection: connection.info,
            eventLoop: context.eventLoop,
            driver: self
        )
        if request.headers.contains(name: "Origin") {
            exchange.commonFields = connection.router.answerFields(request, on: connection.info)
        }
        let handler = connection.router.route(request, on: connection.info)
        self.state = .exchanging(
            ActiveExchange(
                exchange: exchange,
                handler: handler,
                machine: ExchangeMachine(accepted, limits: connection.limits),
                memory: connection.loopContext.requests
            )
        )
        self.isInputEnded = endsStream
        if connection.info.refusal != nil {
            connection.endAfterStreams()
        }
        handler.start(exchange)
        self.handlerStarted(handler)
        if endsStream || !request.hasBody, !self.isConnect, case .exchanging(let active) = self.state {
            self.receivedEnd(active)
        }
    }

    private func handlerStarted(_ handler: any RequestHandler) {
        guard case .exchanging(let active) = self.state, active.machine.answer == .awaited else { return }
        switch active.machine.started(mode: handler.bodyMode) {
        case .sendContinue where handler.continuesByItself:
            break
        case .sendContinue:
            self.write(.headers(.init(headers: [":status": "100"])))
            self.context?.flush()
        case .refuseTooLarge(let limit):
            self.refuseTooLarge(limit: limit)
        case .doNothing:
            break
        }
    }

    private func receivedBytes(_ bytes: ByteBuffer) {
        switch self.state {
        case .exchanging(let active) where active.isRefused || self.isConnect && active.machine.answer == .complete:
            return
        case .exchanging(let active) where self.isConnect || active.isReadingPaused:
            self.hold(bytes)
        case .exchanging(let active):
            self.deliver(bytes, to: active)
        case .handingOver:
            self.hold(bytes)
        case .handedOver where self.isConnect:
            self.context?.fireChannelRead(self.wrapInboundOut(bytes))
        case .ready, .answered, .handedOver, .closed:
            return
        }
    }

    /// Keeps bytes; no more of them come than the stream's window allows, since no more are read.
    private func hold(_ bytes: ByteBuffer) {
        self.held.writeImmutableBuffer(bytes)
    }

    private func deliver(_ bytes: ByteBuffer, to active: ActiveExchange) {
        switch active.machine.receivedBody(byteCount: bytes.readableBytes) {
        case .collect:
            if !active.collect(bytes) {
                self.end(HTTPConnectionHandler.overfull, reason: .overloaded)
            }
        case .stream:
            active.streamedByteCount += bytes.readableBytes
            active.handler.receivedBytes(bytes)
        case .discard:
            break
        case .refuseTooLarge(let limit):
            self.refuseTooLarge(limit: limit)
        case .giveUp:
            self.resetAfterAnswer()
        }
    }

    private func inputEnded() {
        self.isInputEnded = true
        switch self.state {
        case .exchanging(let active):
            if !self.isConnect, !active.isReadingPaused, !active.isRefused {
                self.receivedEnd(active)
            }
        case .handedOver where self.isConnect:
            self.tellInputClosed()
        case .ready, .answered, .handingOver, .handedOver, .closed:
            return
        }
    }

    /// Later: what was written because of the last bytes leaves first, and may have been all.
    private func tellInputClosed() {
        guard let context = self.context else { return }
        context.eventLoop.assumeIsolated()
            .execute {
                if context.channel.isActive {
                    context.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
                }
            }
    }

    private func receivedEnd(_ active: ActiveExchange) {
        guard !self.isEndDelivered else { return }
        self.isEndDelivered = true
        let action = active.machine.receivedEnd()
        let body = active.takeCollected()
        switch action {
        case .deliverBody: active.handler.receivedBody(body ?? ByteBuffer())
        case .deliverEnd:
            if let trailers = self.trailers.take() {
                active.handler.receivedTrailers(trailers)
            }
            active.handler.receivedEnd()
        case .doNothing: break
        }
    }

    /// Takes no more of the body for now, and so gives back no more of the window; or takes it again.
    func setReading(isPaused: Bool) {
        guard case .exchanging(let active) = self.state, active.isReadingPaused != isPaused else { return }
        active.isReadingPaused = isPaused
        guard !isPaused else {
            // What the client may still send, and what was read with the last of it.
            if !active.hold(2 * Self.windowBytes) {
                self.end(HTTPConnectionHandler.overfull, reason: .overloaded)
            }
            return
        }
        _ = active.hold(0)
        let held = self.held
        self.held = ByteBuffer()
        if held.readableBytes > 0 {
            self.deliver(held, to: active)
        }
        guard case .exchanging = self.state, !active.isReadingPaused else { return }
        if self.isInputEnded {
            self.receivedEnd(active)
        }
        if self.isReadSuppressed {
            self.isReadSuppressed = false
            self.context?.read()
        }
        self.settle()
    }

    /// The gateway is about to stop.
    func drain() {
        if case .exchanging(let active) = self.state {
            active.handler.draining()
        }
    }

    // MARK: Another protocol

    /// Writes a head, and hands the stream over.
    func takeOver(then: @escaping (any Channel) -> Void, head: (HTTPExchange) -> Void) {
        guard case .exchanging(let active) = self.state, active.machine.answer == .awaited,
            let context = self.context
        else {
            return
        }
        head(active.exchange)
        active.exchange.driver = nil
        self.state = .handingOver
        self.cancelTimer()
        context.flush()
        let handler = active.handler
        context.eventLoop.assumeIsolated().execute { self.handOver(handler, then: then) }
    }

    private func handOver(_ handler: any RequestHandler, then: (any Channel) -> Void) {
        guard case .handingOver = self.state, let context = self.context, context.channel.isActive else {
            handler.aborted(.peerClosed)
            return
        }
        self.state = .handedOver
        then(context.channel)
        let held = self.held
        self.held = ByteBuffer()
        if held.readableBytes > 0 {
            context.fireChannelRead(self.wrapInboundOut(held))
            context.fireChannelReadComplete()
        }
        if self.isConnect, self.isInputEnded {
            self.tellInputClosed()
        }
        if self.isReadSuppressed {
            self.isReadSuppressed = false
            context.channel.read()
        }
    }

    // MARK: Bytes

    /// Bytes of the other protocol.
    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        let bytes = self.unwrapOutboundIn(data)
        guard !self.isOutputEnded else {
            promise?.fail(ChannelError.outputClosed)
            return
        }
        self.writtenByteCount += bytes.readableBytes
        context.write(self.wrapOutboundOut(.data(.init(data: .byteBuffer(bytes)))), promise: promise)
    }

    /// Ends the other protocol's stream in order: behind what was written, and not by a reset.
    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        guard case .handedOver = self.state, mode != .input, context.channel.isActive else {
            context.close(mode: mode, promise: promise)
            return
        }
        self.endOutput()
        context.flush()
        if mode == .output {
            promise?.succeed()
        } else {
            context.channel.closeFuture.cascade(to: promise)
            if !self.isInputEnded {
                self.resetAfterAnswer()
            }
        }
    }

    func write(_ payload: HTTP2Frame.FramePayload) {
        if case .data(let data) = payload {
            self.writtenByteCount += data.data.readableBytes
        }
        self.context?.write(self.wrapOutboundOut(payload), promise: nil)
        if !self.isWatched, let connection = self.connection {
            self.isWatched = true
            connection.mayWait(self)
        }
        self.lookAtRoom()
    }

    /// Ends the gateway's side.
    func endOutput() {
        guard !self.isOutputEnded else { return }
        self.write(.data(.init(data: .byteBuffer(ByteBuffer()), endStream: true)))
        self.isOutputEnded = true
    }

    /// A frame ended the gateway's side.
    func outputEnded() {
        self.isOutputEnded = true
    }

    /// A frame left for the connection.
    ///
    /// Comes while NIO writes: nothing may be written from here.
    func emitted(byteCount: Int, endsStream: Bool, upTo position: Int) {
        self.emittedByteCount += byteCount
        self.position = position
        guard let context = self.context else { return }
        self.isEndEmitted = self.isEndEmitted || endsStream
        if endsStream, self.isResetAfterAnswer {
            context.eventLoop.assumeIsolated().execute { self.reset() }
        } else if self.isFull, self.hasRoom {
            context.eventLoop.nextTurn { self.lookAtRoom() }
        }
    }

    /// The client need not send the rest of its request (RFC 9113, section 8.1): it is told so behind the answer.
    func resetAfterAnswer() {
        self.isResetAfterAnswer = true
        if self.isEndEmitted {
            self.context?.eventLoop.assumeIsolated().execute { self.reset() }
        }
    }

    private func reset() {
        guard let context = self.context, context.channel.isActive, !self.isInputEnded else { return }
        context.writeAndFlush(self.wrapOutboundOut(.rstStream(.noError)), promise: nil)
    }

    override var waitingBytes: Int {
        let unsent = self.writtenByteCount - self.emittedByteCount
        let untaken = self.connection?.untakenByteCount(upTo: self.position) ?? 0
        if untaken == 0 {
            self.takenByteCount = self.emittedByteCount
        }
        return unsent + min(untaken, self.emittedByteCount - self.takenByteCount)
    }

    private var hasRoom: Bool {
        let limit = self.isFull ? Self.lowWatermark : Self.highWatermark
        return self.writtenByteCount - self.emittedByteCount < limit && self.context?.channel.isWritable ?? false
    }

    /// Whether the stream takes more of an answer.
    var isWritable: Bool { !self.isFull && self.hasRoom }

    /// The stream is full, or takes bytes again.
    private func lookAtRoom() {
        guard let connection = self.connection, let context = self.context else { return }
        if case .handedOver = self.state { return }
        let isFull = !self.hasRoom
        guard isFull != self.isFull else { return }
        self.isFull = isFull
        self.blockedSince = isFull ? context.eventLoop.now : nil
        connection.loopContext.note(self, isFull: isFull)
        guard case .exchanging(let active) = self.state, active.machine.answer == .streaming else { return }
        if active.flow == nil {
            active.handler.writabilityChanged(isWritable: !isFull)
        } else if !isFull {
            self.pumpBody()
        }
    }
}

extension HTTP2StreamHandler: HTTPBodySender, SlowReader {}

@available(*, unavailable)
extension HTTP2StreamHandler: Sendable {}
