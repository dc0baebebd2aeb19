internal import NIOCore
internal import NIOHTTP2

/// One HTTP/2 connection: admits its streams, keeps its time, and ends it.
///
/// The requests are its streams' business (`HTTP2StreamHandler`); what no stream may do is `HTTP2Gate`'s.
final class HTTP2ConnectionHandler: ChannelInboundHandler, ServedConnection, SlowReader {
    typealias InboundIn = HTTP2Frame
    typealias OutboundOut = HTTP2Frame

    /// How often to check whether the peer takes the bytes that wait for it.
    private static let lookInterval = TimeAmount.seconds(1)

    let info: HTTPConnectionInfo
    let router: any RequestRouter
    let limits: HTTPLimits
    let loopContext: HTTPLoopContext
    private let options: HTTP2Options
    private let gate: HTTP2Gate
    private var context: ChannelHandlerContext?
    private var streams: [Int: HTTP2StreamHandler] = [:]
    private var requestCount = 0
    private(set) var isDraining = false
    private var deadline: HTTPDeadline
    private var timer = MovableTimer()
    private var lookTimer: Scheduled<Void>?
    private var drainMachine = DrainMachine()
    /// The streams for whose clients bytes may wait.
    private var waiting: [ObjectIdentifier: HTTP2StreamHandler] = [:]
    /// Since when the socket takes no more; nil while it does.
    private(set) var blockedSince: NIODeadline?
    var whenRemoved: (() -> Void)?

    /// A connection whose handshake is over; `deadline` is that of its first request, which began with the connection.
    init(
        info: HTTPConnectionInfo,
        router: any RequestRouter,
        limits: HTTPLimits,
        loopContext: HTTPLoopContext,
        options: HTTP2Options,
        gate: HTTP2Gate,
        deadline: HTTPDeadline
    ) {
        self.info = info
        self.router = router
        self.limits = limits
        self.loopContext = loopContext
        self.options = options
        self.gate = gate
        self.deadline = deadline
        gate.attach(to: self)
    }

    // MARK: What the pipeline tells

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        self.router.http2Began()
        self.settle()
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.finish()
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.finish()
        context.fireChannelInactive()
    }

    private func finish() {
        guard self.context != nil else { return }
        self.context = nil
        self.cancelTimer()
        self.lookTimer?.cancel()
        self.waiting.removeAll()
        self.loopContext.note(self, isFull: false)
        self.router.http2Ended()
        self.whenRemoved?()
        self.whenRemoved = nil
    }

    /// Frames of the connection itself; NIO has acted on them.
    func channelRead(context: ChannelHandlerContext, data: NIOAny) {}

    func channelReadComplete(context: ChannelHandlerContext) {
        self.settle()
        context.fireChannelReadComplete()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        let isWritable = context.channel.isWritable
        self.blockedSince = isWritable ? nil : (self.blockedSince ?? context.eventLoop.now)
        self.loopContext.note(self, isFull: !isWritable)
        if !isWritable {
            self.lookLater()
        }
        context.fireChannelWritabilityChanged()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if error is NIOHTTP2Errors.ExcessiveOutboundFrameBuffering {
            // The client makes the gateway answer, and reads none of the answers.
            self.gate.abused()
        } else {
            // If it was a stream's, NIO has reset that and goes on.
            self.gate.failed()
        }
    }

    /// A client has sent a list of fields that is far too long.
    func receivedLongList() {
        self.gate.abused()
    }

    // MARK: Streams

    /// A client has begun a stream.
    func begin(_ channel: any Channel) throws {
        guard let options = channel.syncOptions else { return }
        let id = Int(try options.getOption(HTTP2StreamChannelOptions.streamID))
        guard self.streams.count < self.options.maximumStreamCount, self.context != nil else {
            self.router.streamRefused()
            if self.context?.channel.isWritable == false {
                // It opens streams beyond the limit and reads none of the refusals, each of which keeps its stream.
                self.gate.abused()
            }
            try channel.pipeline.syncOperations.addHandler(HTTP2RefusedStream())
            return
        }
        self.requestCount += 1
        self.gate.highestStreamID = max(self.gate.highestStreamID, id)
        let handler = HTTP2StreamHandler(id: id, connection: self)
        self.streams[id] = handler
        try channel.pipeline.syncOperations.addHandler(handler)
    }

    /// A stream is over.
    func ended(_ stream: HTTP2StreamHandler) {
        self.waiting[ObjectIdentifier(stream)] = nil
        self.streams[stream.id] = nil
        guard self.streams.isEmpty else { return }
        if self.isDraining {
            // Later: NIO is in the middle of it.
            self.context?.eventLoop.assumeIsolated().execute { self.endIfIdle() }
        } else {
            self.settle()
        }
    }

    /// A frame of a stream goes out to the connection, or to the bytes that wait in front of its socket.
    func emitted(_ head: HTTP2FrameHead, at position: Int) {
        guard let stream = self.streams[head.streamID] else { return }
        let byteCount = head.kind == .data ? head.payloadByteCount : 0
        stream.emitted(
            byteCount: byteCount,
            endsStream: head.endsStream,
            upTo: position + HTTP2FrameHead.byteCount + head.payloadByteCount
        )
    }

    /// How many of the bytes up to a place in all that was written the socket has not taken.
    func untakenByteCount(upTo position: Int) -> Int {
        let waitingBytes = self.context?.channel.waitingBytes ?? 0
        return max(0, position - (self.gate.writtenByteCount - waitingBytes))
    }

    // MARK: Peers that take nothing

    /// Bytes may wait for a stream's client.
    func mayWait(_ stream: HTTP2StreamHandler) {
        self.waiting[ObjectIdentifier(stream)] = stream
        self.lookLater()
    }

    private func lookLater() {
        guard self.lookTimer == nil, let context = self.context else { return }
        self.lookTimer = context.eventLoop.assumeIsolated()
            .scheduleTask(in: Self.lookInterval) {
                self.lookTimer = nil
                self.look()
            }
    }

    private func look() {
        guard let context = self.context else { return }
        let now = context.eventLoop.now
        let isStuck = self.drainMachine.isStuck(
            writtenBytes: self.gate.writtenByteCount,
            waitingBytes: context.channel.waitingBytes,
            patience: self.limits.drainTimeout,
            now: now
        )
        guard !isStuck else {
            self.cutSlowReader()
            return
        }
        for (id, stream) in self.waiting where !stream.lookAtDraining(now: now) {
            self.waiting[id] = nil
        }
        if !self.waiting.isEmpty || self.drainMachine.deadline != nil {
            self.lookLater()
        }
    }

    /// Ends the connection of a peer that does not take its answers.
    func cutSlowReader() {
        guard let channel = self.context?.channel else { return }
        self.router.slowReaderCut()
        channel.cut()
    }

    // MARK: Time

    private var phase: HTTPDeadline.Phase {
        if self.requestCount == 0 { return .firstHead }
        if self.gate.isWithinHeaderBlock { return .head(request: self.gate.headerBlockCount) }
        return self.streams.isEmpty ? .idle(requests: self.requestCount) : .handler
    }

    /// Looks at what the connection waits for now, and has the timer fire in time for it.
    private func settle() {
        guard let context = self.context, !self.gate.isEnded else { return }
        self.deadline.enter(self.phase, now: context.eventLoop.now)
        guard let instant = self.deadline.instant else { return }
        guard self.timer.isLate(for: instant) else { return }
        self.timer.set(to: instant, on: context.eventLoop) {
            self.timer.fired()
            self.tick(now: instant)
            self.settle()
        }
    }

    private func tick(now: NIODeadline) {
        guard let context = self.context, self.deadline.isOver(now: now) else { return }
        switch self.deadline.phase {
        case .firstHead, .head:
            if self.gate.isWithinHeaderBlock {
                self.router.refused(.requestTimeout)
            }
            self.gate.end(.noError)
        case .idle where context.channel.waitingBytes > 0:
            // The last answer is being read; it is watched whether that goes on.
            self.deadline.extend(now: now)
            self.lookLater()
        case .idle:
            self.gate.end(.noError)
        case .body, .stream, .linger, .handler:
            return
        }
    }

    private func cancelTimer() {
        self.timer.cancel()
    }

    // MARK: The end

    /// Begins no more streams: those at work are answered, and then the connection ends.
    ///
    /// A client that has begun others meanwhile learns from the frame which, and that nothing came of them (RFC 9113,
    /// section 6.8).
    func drain() {
        self.endAfterStreams()
        for stream in Array(self.streams.values) {
            stream.drain()
        }
    }

    /// The same, for a connection that got more than it was to get.
    func endAfterStreams() {
        guard !self.isDraining, let context = self.context else { return }
        self.isDraining = true
        guard !self.streams.isEmpty else {
            self.gate.end(.noError)
            return
        }
        let last = HTTP2StreamID(self.gate.highestStreamID)
        let frame = HTTP2Frame(
            streamID: .rootStream,
            payload: .goAway(lastStreamID: last, errorCode: .noError, opaqueData: nil)
        )
        context.writeAndFlush(self.wrapOutboundOut(frame), promise: nil)
    }

    private func endIfIdle() {
        if self.streams.isEmpty {
            self.gate.end(.noError)
        }
    }
}

/// A stream beyond those that a client may have open: it may be tried again (RFC 9113, section 5.1.2).
final class HTTP2RefusedStream: ChannelInboundHandler {
    typealias InboundIn = HTTP2Frame.FramePayload
    typealias OutboundOut = HTTP2Frame.FramePayload

    private var isRefused = false

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if !self.isRefused {
            self.isRefused = true
            context.writeAndFlush(self.wrapOutboundOut(.rstStream(.refusedStream)), promise: nil)
        }
    }
}

@available(*, unavailable)
extension HTTP2ConnectionHandler: Sendable {}
