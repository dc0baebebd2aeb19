package import NIOCore
import NIOSSL
import SluiceRelay

/// The WebSocket end of a pipeline: behind TLS, the only handler of an upgraded connection.
///
/// It gives whole messages to its session, answers pings, keeps the heartbeat, and ends the connection as RFC 6455 says.
/// Its session may also write whole frames of its own straight through `context`, between `opened` and `closing`; this
/// handler does not look at what is written. Loop-confined.
package final class WebSocketHandler: ChannelDuplexHandler, Ticking {
    package typealias InboundIn = ByteBuffer
    package typealias InboundOut = Never
    package typealias OutboundIn = ByteBuffer
    package typealias OutboundOut = ByteBuffer

    /// Where whole frames may be written as `ByteBuffer`; nil before `opened` and after `closed`.
    package private(set) var context: ChannelHandlerContext?

    /// How long the last ping that was answered took there and back; nil before the first.
    package var roundTrip: TimeAmount? { self.heartbeat?.roundTrip }

    /// Whether frames may still be written.
    package var isOpen: Bool { self.context != nil && self.closing.isOpen }

    private let configuration: WebSocketConfiguration
    private let wheel: ConnectionWheel
    private var place: ConnectionWheel.Place?
    private var session: (any WebSocketSession)?

    private var decoder: WebSocketDecoder
    private var closing: WebSocketCloseMachine
    private var heartbeat: HeartbeatMachine?
    private var budget: ControlFrameBudget
    /// The newest ping that could not be answered when it came.
    private var unansweredPing: ByteBuffer?
    /// The channel wants to read, but the client has to wait for the next tick.
    private var isReadHeld = false
    /// Within a callback that flushes at its end.
    private var isGathering = false
    private var needsFlush = false

    init(
        session: any WebSocketSession,
        deflate: PermessageDeflateAgreement?,
        configuration: WebSocketConfiguration,
        wheel: ConnectionWheel
    ) {
        self.session = session
        self.configuration = configuration
        self.wheel = wheel
        self.decoder = WebSocketDecoder(limits: configuration, deflate: deflate)
        self.closing = WebSocketCloseMachine(closeTimeout: configuration.closeTimeout)
        self.budget = ControlFrameBudget(limit: configuration.controlFrameCountPerTick)
    }

    // MARK: For the session

    /// Sends a text message, uncompressed.
    ///
    /// After a close frame of either side it does nothing.
    package func send(text: String) {
        var frame = ByteBuffer()
        WebSocketFrameHeader.writeFrame(opcode: .text, payload: ByteBuffer(string: text), into: &frame)
        self.send(frames: frame)
    }

    /// Sends a binary message, uncompressed.
    ///
    /// After a close frame of either side it does nothing.
    package func send(binary: ByteBuffer) {
        var frame = ByteBuffer()
        WebSocketFrameHeader.writeFrame(opcode: .binary, payload: binary, into: &frame)
        self.send(frames: frame)
    }

    /// Sends bytes that are whole frames already.
    ///
    /// After a close frame of either side it does nothing.
    package func send(frames: ByteBuffer) {
        guard self.closing.isOpen else { return }
        self.gathering { self.write(frames) }
    }

    /// Begins the close handshake; if the client does not answer within the close timeout, the connection is cut.
    ///
    /// - Parameters:
    ///   - code: One that may be sent.
    ///   - reason: Why, in at most 123 bytes; more is cut off.
    package func close(code: WebSocketCloseCode, reason: String) {
        precondition(code.isSendable, "\(code) never stands in a close frame")
        guard let context = self.context else { return }
        self.gathering {
            self.act(on: self.closing.closeWanted(code: code, reason: reason, now: context.eventLoop.now))
        }
    }

    // MARK: From the pipeline

    package func handlerAdded(context: ChannelHandlerContext) {
        if context.channel.isActive {
            self.open(context)
        }
    }

    package func channelActive(context: ChannelHandlerContext) {
        self.open(context)
        context.fireChannelActive()
    }

    package func handlerRemoved(context: ChannelHandlerContext) {
        self.end()
    }

    package func channelInactive(context: ChannelHandlerContext) {
        self.end()
        context.fireChannelInactive()
    }

    package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let now = context.eventLoop.now
        let frameCount = self.decoder.frameCount
        let controlFrameCount = self.decoder.controlFrameCount
        self.gathering {
            self.decoder.append(self.unwrapInboundIn(data))
            while let event = self.decoder.next() {
                self.take(event, now: now)
            }
        }
        if self.decoder.frameCount != frameCount {
            self.heartbeat?.receivedFrame(now: now)
        }
        self.budget.received(self.decoder.controlFrameCount - controlFrameCount)
    }

    package func channelReadComplete(context: ChannelHandlerContext) {
        self.budget.readCompleted()
        self.gathering { self.answerNewestPing() }
    }

    /// Reads on, unless the client floods the connection with control frames: then the rest stays in its socket.
    package func read(context: ChannelHandlerContext) {
        if self.budget.mayRead {
            context.read()
        } else {
            self.isReadHeld = true
        }
    }

    package func channelWritabilityChanged(context: ChannelHandlerContext) {
        self.gathering {
            // Before the session fills the socket again: what is always full would never be pinged.
            self.answerNewestPing()
            if context.channel.isWritable {
                self.beat(now: context.eventLoop.now)
            }
            self.session?.writabilityChanged(isWritable: context.channel.isWritable)
        }
    }

    package func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        // Whoever cannot speak any more cannot answer a close frame either.
        if case .inputClosed? = event as? ChannelEvent {
            self.cut()
        }
        context.fireUserInboundEventTriggered(event)
    }

    package func errorCaught(context: ChannelHandlerContext, error: any Error) {
        self.cut()
    }

    package func tick(now: NIODeadline) {
        self.budget.ticked()
        if self.isReadHeld {
            self.isReadHeld = false
            self.context?.read()
        }
        self.gathering {
            self.act(on: self.closing.tick(now: now))
            self.beat(now: now)
            if self.closing.isOpen {
                self.session?.tick(now: now)
            }
        }
    }

    // MARK: What becomes of events

    private func open(_ context: ChannelHandlerContext) {
        guard self.context == nil, let session = self.session else { return }
        self.context = context
        self.heartbeat = HeartbeatMachine(configuration: self.configuration, now: context.eventLoop.now)
        self.place = self.wheel.add(self)
        self.gathering { session.opened(self) }
    }

    private func end() {
        guard let closure = self.closing.connectionEnded() else { return }
        if let place = self.place {
            self.wheel.remove(place)
            self.place = nil
        }
        let session = self.session
        let wasOpened = self.context != nil
        self.session = nil
        self.context = nil
        if wasOpened {
            session?.closed(closure)
        }
    }

    private func take(_ event: WebSocketEvent, now: NIODeadline) {
        switch event {
        case .text(let text):
            if self.closing.isOpen {
                self.session?.receivedText(text)
            }
        case .binary(let bytes):
            if self.closing.isOpen {
                self.session?.receivedBinary(bytes)
            }
        case .ping(let payload):
            self.unansweredPing = payload
            if self.budget.mayAnswerPing() {
                self.answerNewestPing()
            }
        case .pong(let payload):
            self.heartbeat?.receivedPong(payload, now: now)
        case .close(let code, let reason):
            self.act(on: self.closing.receivedClose(code: code, reason: reason, now: now))
        case .failed(let fault):
            self.act(on: self.closing.failed(fault, now: now))
        }
    }

    private func act(on action: WebSocketCloseMachine.Action) {
        switch action {
        case .doNothing:
            break
        case .sendClose(let code, let reason):
            self.sendClose(code: code, reason: reason)
        case .sendCloseAndFinish(let code, let reason):
            self.sendClose(code: code, reason: reason)
            self.finish()
        case .finish:
            self.finish()
        case .cut:
            self.cut()
        }
    }

    private func beat(now: NIODeadline) {
        guard self.closing.isOpen, let channel = self.context?.channel else { return }
        let isQuiet = self.heartbeat?.isQuiet(now: now) ?? false
        let waiting = isQuiet ? try? channel.syncOptions?.getOption(.bufferedWritableBytes) : nil
        switch self.heartbeat?.tick(now: now, isWritable: channel.isWritable, waitingBytes: waiting ?? 0) {
        case .doNothing, nil:
            break
        case .sendPing(let number):
            var frame = ByteBuffer()
            WebSocketFrameHeader.writeFrame(opcode: .ping, payload: ByteBuffer(integer: number), into: &frame)
            self.write(frame)
        case .timedOut:
            self.act(on: self.closing.closeWanted(code: .normal, reason: "heartbeat timeout", now: now))
        }
    }

    private func answerNewestPing() {
        guard let payload = self.unansweredPing, let context = self.context else { return }
        guard self.closing.isOpen else {
            self.unansweredPing = nil
            return
        }
        // While the socket takes nothing, pongs do not pile up in front of it.
        guard context.channel.isWritable else { return }
        self.unansweredPing = nil
        var frame = ByteBuffer()
        WebSocketFrameHeader.writeFrame(opcode: .pong, payload: payload, into: &frame)
        self.write(frame)
    }

    private func sendClose(code: WebSocketCloseCode?, reason: String) {
        self.session?.closing()
        var frame = ByteBuffer()
        WebSocketFrameHeader.writeClose(code: code?.rawValue, reason: reason, into: &frame)
        self.write(frame)
    }

    /// Ends the output behind what was written, so that the client sees the end, and goes on reading until it ends too.
    private func finish() {
        guard let context = self.context else { return }
        self.needsFlush = false
        context.flush()
        let promise = context.eventLoop.makePromise(of: Void.self)
        promise.futureResult.assumeIsolated().whenFailure { _ in self.cut() }
        context.close(mode: .output, promise: promise)
    }

    /// Ends the connection at once.
    ///
    /// TLS is passed by: its own farewell would wait for a client that does not answer.
    private func cut() {
        guard let context = self.context else { return }
        if let tls = try? context.pipeline.syncOperations.context(handlerType: NIOSSLServerHandler.self) {
            tls.close(mode: .all, promise: nil)
        } else {
            context.close(mode: .all, promise: nil)
        }
    }

    // MARK: Writing

    private func write(_ frames: ByteBuffer) {
        guard let context = self.context else { return }
        context.write(self.wrapOutboundOut(frames), promise: nil)
        self.needsFlush = true
    }

    /// Does something that may write, and flushes once at the end of the outermost of such calls.
    private func gathering(_ body: () -> Void) {
        guard !self.isGathering else {
            body()
            return
        }
        self.isGathering = true
        body()
        self.isGathering = false
        if self.needsFlush {
            self.needsFlush = false
            self.context?.flush()
        }
    }
}

@available(*, unavailable)
extension WebSocketHandler: Sendable {}
