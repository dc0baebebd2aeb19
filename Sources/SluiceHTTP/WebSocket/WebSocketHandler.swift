package import NIOCore
import SluiceWire

/// The WebSocket end of a pipeline: behind TLS, the only handler of an upgraded connection.
///
/// It gives whole messages to its session, answers pings, keeps the heartbeat, and ends the connection as RFC 6455 says.
/// Its session may also write whole frames of its own straight through `context`, between `opened` and `closing`; this
/// handler does not look at them. Loop-confined.
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
    private var allowance: AnswerAllowance
    private var hold: InputHold
    /// Whether the loop that takes decoded events is running.
    private var isTaking = false
    /// The newest ping that could not be answered when it came.
    private var unansweredPing: ByteBuffer?
    /// The channel wants to read, but the client must wait.
    private var isReadHeld = false
    /// How many bytes were written by this handler: all except those that the session wrote through `context`.
    package private(set) var writtenBytes = 0
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
        self.allowance = AnswerAllowance(limit: configuration.maximumAnswerBytes)
        self.hold = InputHold(maximumBytes: configuration.maximumAnswerBytes)
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

    /// Sends bytes that are whole frames already, as an answer: it counts against `maximumAnswerBytes` until the socket
    /// has taken it, and one too many closes the connection with 1013.
    ///
    /// After a close frame of either side it does nothing.
    package func send(frames: ByteBuffer) {
        guard self.closing.isOpen, let context = self.context else { return }
        self.gathering {
            if self.allowance.add(frames.readableBytes) {
                self.writeCounted(frames)
            } else {
                let now = context.eventLoop.now
                self.act(on: self.closing.closeWanted(code: .tryAgainLater, reason: Self.unreadAnswers, now: now))
            }
        }
    }

    /// The reason of a close because of answers that the client does not take.
    package static let unreadAnswers = "answers are not taken"

    /// Whether the session wants no more of the client's messages for now: they stay in the client's socket.
    package var isInputHeld = false {
        didSet {
            self.goOn()
        }
    }

    /// Begins the close handshake; if the client does not answer within the close timeout, the connection is cut.
    ///
    /// - Parameters:
    ///   - code: A code that may be sent.
    ///   - reason: The reason, cut off after 123 bytes.
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
        let bytes = self.unwrapInboundIn(data)
        guard self.hold.received(byteCount: bytes.readableBytes) else {
            self.cut()
            return
        }
        self.decoder.append(bytes)
        if !self.hold.isHolding {
            self.takeDecoded(now: context.eventLoop.now)
        }
    }

    package func channelReadComplete(context: ChannelHandlerContext) {
        self.budget.readCompleted()
        self.gathering { self.answerNewestPing() }
    }

    /// Reads on, unless the client floods the connection with control frames, or a message of its is held: then the
    /// rest stays in its socket.
    package func read(context: ChannelHandlerContext) {
        if self.budget.mayRead, !self.hold.isHolding {
            context.read()
        } else {
            self.isReadHeld = true
        }
    }

    /// Whether a message can be acted on: all answers so far were taken, and the socket takes more.
    ///
    /// Earlier writes are offered to the socket first. After a close frame messages are ignored.
    private var takesMessages: Bool {
        guard self.closing.isOpen, let context = self.context else { return true }
        if self.allowance.waitingBytes > 0 {
            self.needsFlush = false
            context.flush()
        }
        return !self.isInputHeld && self.allowance.waitingBytes == 0 && context.channel.isWritable
    }

    /// Acts on the held message, if that is possible now, and reads on.
    private func goOn() {
        if self.hold.isHolding, !self.isTaking, self.takesMessages, let context = self.context {
            self.takeDecoded(now: context.eventLoop.now)
            self.budget.readCompleted()
            self.gathering { self.answerNewestPing() }
        }
        guard self.isReadHeld, self.budget.mayRead, !self.hold.isHolding else { return }
        self.isReadHeld = false
        self.context?.read()
    }

    package func channelWritabilityChanged(context: ChannelHandlerContext) {
        self.gathering {
            // Before the session fills the socket again: a socket that is always full would never be pinged.
            self.answerNewestPing()
            if context.channel.isWritable {
                self.beat(now: context.eventLoop.now)
                self.goOn()
            }
            self.session?.writabilityChanged(isWritable: context.channel.isWritable)
        }
    }

    package func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        // A client that has ended its output cannot answer a close frame.
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
        self.goOn()
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

    /// Acts on a held message, and on the events decoded behind it, up to a message that must wait.
    private func takeDecoded(now: NIODeadline) {
        self.isTaking = true
        let frameCount = self.decoder.frameCount
        let controlFrameCount = self.decoder.controlFrameCount
        repeat {
            self.gathering {
                if let message = self.hold.release() {
                    self.take(message, now: now)
                }
                while !self.hold.isHolding, let event = self.decoder.next() {
                    let takesMessages = !event.isMessage || self.takesMessages
                    if self.hold.received(event, takesMessages: takesMessages) {
                        self.take(event, now: now)
                    }
                }
            }
        } while self.hold.isHolding && self.takesMessages
        self.isTaking = false
        if self.decoder.frameCount != frameCount {
            self.heartbeat?.receivedFrame(now: now)
        }
        self.budget.received(self.decoder.controlFrameCount - controlFrameCount)
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
        if self.hold.isHolding {
            // The session judges whether the client takes its waiting data.
            self.heartbeat?.notListening(now: now)
        }
        let isQuiet = self.heartbeat?.isQuiet(now: now) ?? false
        let waiting = isQuiet ? channel.waitingBytes : 0
        switch self.heartbeat?.tick(now: now, isWritable: channel.isWritable, waitingBytes: waiting) {
        case .doNothing, nil:
            break
        case .sendPing(let number):
            var frame = channel.allocator.buffer(capacity: WebSocketFrameHeader.maximumBytes)
            WebSocketFrameHeader.write(opcode: .ping, payloadBytes: MemoryLayout.size(ofValue: number), into: &frame)
            frame.writeInteger(number)
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
        guard context.channel.isWritable, self.allowance.hasRoomForPongs else { return }
        var frame = ByteBuffer()
        WebSocketFrameHeader.writeFrame(opcode: .pong, payload: payload, into: &frame)
        guard self.allowance.add(frame.readableBytes) else { return }
        self.unansweredPing = nil
        self.writeCounted(frame)
    }

    private func sendClose(code: WebSocketCloseCode?, reason: String) {
        self.session?.closing()
        var frame = ByteBuffer()
        WebSocketFrameHeader.writeClose(code: code?.rawValue, reason: reason, into: &frame)
        self.write(frame)
        self.goOn()
    }

    /// Ends the output after the written bytes, so that the client sees the end, and reads on until the client ends
    /// too.
    private func finish() {
        guard let context = self.context else { return }
        self.needsFlush = false
        context.flush()
        let promise = context.eventLoop.makePromise(of: Void.self)
        promise.futureResult.assumeIsolated().whenFailure { _ in self.cut() }
        context.close(mode: .output, promise: promise)
    }

    /// Ends the connection at once.
    private func cut() {
        self.context?.channel.cut()
    }

    // MARK: Writing

    private func write(_ frames: ByteBuffer, promise: EventLoopPromise<Void>? = nil) {
        guard let context = self.context else {
            promise?.succeed()
            return
        }
        context.write(self.wrapOutboundOut(frames), promise: promise)
        self.writtenBytes += frames.readableBytes
        self.needsFlush = true
    }

    /// Writes an answer for which the allowance had room, and hears when the socket has taken it.
    private func writeCounted(_ frames: ByteBuffer) {
        guard let context = self.context else { return }
        let byteCount = frames.readableBytes
        let promise = context.eventLoop.makePromise(of: Void.self)
        promise.futureResult.assumeIsolated()
            .whenComplete { _ in
                self.allowance.taken(byteCount)
                self.gathering { self.answerNewestPing() }
                self.goOn()
            }
        self.write(frames, promise: promise)
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
