internal import Logging
internal import NIOCore
internal import SluiceAdmission
internal import SluiceBase
internal import SluiceHTTP
internal import SluiceRelay
internal import SluiceWire

/// A subscription as Server-Sent Events: behind TLS, or the end of a stream, the only handler of the connection.
///
/// Loop-confined.
///
/// It is a subscriber like any other; its slow readers are cursors too.
final class EventStreamSession: ChannelInboundHandler, Ticking, SubscriptionDelegate, LiveConnection {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// How often a quiet stream says that it is alive.
    private static let commentInterval = TimeAmount.seconds(15)
    /// How long a reader should stay away after its stream broke, in milliseconds: a different time for each, so that
    /// readers that lost their streams together do not all come back at once.
    private static let retryMilliseconds = 1000...5000

    /// The part that it shares with a WebSocket.
    private var connection: SubscriberConnection
    private let request: SubscriptionRequest
    private let isChunked: Bool
    private let isNamed: Bool
    private var context: ChannelHandlerContext?
    private var subscriber: Subscriber?
    private var seat: ConnectionWheel.Place?
    private var lastCommentAt: NIODeadline
    /// The packer of the stream, if its reader accepts gzip.
    private var gzip: EventStreamGzip?
    /// Whether the last event was written.
    private var isFinished = false

    init(_ connection: SubscriberConnection, request: SubscriptionRequest, isChunked: Bool, isNamed: Bool) {
        self.connection = connection
        self.request = request
        self.isChunked = isChunked
        self.isNamed = isNamed
        self.lastCommentAt = connection.loop.eventLoop.now
    }

    var identity: Identity { self.connection.identity }
    var arrival: Arrival { self.connection.arrival }
    var age: TimeAmount { self.connection.age }
    private var services: GatewayServices { self.connection.services }
    private var eventLoop: any EventLoop { self.connection.loop.eventLoop }
    private var outbox: Outbox? { self.connection.outbox }

    /// Makes the connection a stream; its head has been written.
    func install(in channel: any Channel, gzip: EventStreamGzip?, highWatermark: Int) {
        do {
            try channel.setWatermarks(low: max(1, highWatermark / 2), high: highWatermark)
            if let gzip {
                self.gzip = gzip
                try channel.pipeline.syncOperations.addHandler(gzip)
            }
            try channel.pipeline.syncOperations.addHandler(self)
        } catch {
            self.end()
            channel.close(promise: nil)
        }
    }

    var blockedSince: NIODeadline? { self.outbox?.blockedSince }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        let outbox = self.connection.open(self, context) { [gzip = self.gzip] in
            $0.waitingBytes + (gzip?.pendingBytes ?? 0)
        }
        self.gzip?.whenPacked = { [weak outbox] in
            // It may have stopped reading pages because bytes waited to be packed.
            outbox?.writabilityChanged(isWritable: context.channel.isWritable, now: context.eventLoop.now)
        }
        self.seat = self.connection.loop.wheel.add(self)
        var retry = ByteBuffer()
        let milliseconds = Int.random(in: Self.retryMilliseconds)
        EventText.writeRetry(milliseconds: milliseconds, isChunked: self.isChunked, into: &retry)
        outbox.write(retry, frameCount: 0)
        let subscriber = self.services.relay.subscribe(
            self.request,
            outbox: outbox,
            delegate: self,
            on: self.eventLoop
        )
        // Where the scan's home is this loop, its refusal has come already.
        self.subscriber = subscriber.isOver ? nil : subscriber
        self.services.judgeAtStart(self, now: self.eventLoop.now)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.end()
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.end()
        context.fireChannelInactive()
    }

    /// A client that follows a stream has nothing more to send; its bytes are ignored.
    func channelRead(context: ChannelHandlerContext, data: NIOAny) {}

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        self.outbox?.writabilityChanged(isWritable: context.channel.isWritable, now: context.eventLoop.now)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .inputClosed? = event as? ChannelEvent {
            context.close(promise: nil)
        }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    func tick(now: NIODeadline) {
        guard !self.isFinished else {
            return
        }
        switch self.connection.lookAtToken() {
        case .doNothing:
            break
        case .warn(let seconds):
            self.send("tokenExpiring", AnswerText.tokenExpiring(inSeconds: seconds))
        case .expired:
            self.close(.tokenExpired)
            return
        }
        if let outbox = self.outbox, let channel = self.context?.channel {
            let writtenBytes = self.gzip?.writtenBytes ?? outbox.counts.bytes
            if self.connection.isStuck(writtenBytes: writtenBytes, channel: channel, now: now) {
                self.close(.slowClient)
            }
        }
        guard let outbox = self.outbox, outbox.isWritable, self.lastCommentAt + Self.commentInterval <= now else {
            return
        }
        self.lastCommentAt = now
        var comment = ByteBuffer()
        EventText.writeComment("alive", isChunked: self.isChunked, into: &comment)
        outbox.write(comment)
    }

    func subscriptionEnded(_ subscriber: Subscriber, _ end: SubscriptionEnd) {
        self.subscriber = nil
        let (code, reason) = end.closure
        if end == .scanNotFound {
            self.services.metrics.refused(ProblemCode.scanNotFound.rawValue)
        }
        self.finish(EventStreamEnd(code: code.rawValue, reason: reason))
    }

    func goOn(as identity: Identity, leeway: Double) -> Bool {
        self.connection.goOn(as: identity, leeway: leeway)
        return true
    }

    func reconsider(as identity: Identity) {
        self.connection.refresh(as: identity, self.arrival)
        self.connection.mayFollow(self.subscriber.map { [$0.scanID] } ?? [], as: identity).assumeIsolated()
            .whenSuccess { mayStay in
                if !mayStay {
                    self.close(.notAllowed)
                }
            }
    }

    func close(_ closing: Closing) {
        self.finish(EventStreamEnd(closing))
    }

    func report(isDetailed: Bool) -> EventLoopFuture<ConnectionReport> {
        self.connection.report(
            channel: self.context?.channel,
            subscribers: self.subscriber.map { [$0] } ?? [],
            isDetailed: isDetailed
        )
    }

    private func send(_ type: String, _ text: String) {
        var event = ByteBuffer()
        EventText.write(
            isChunked: self.isChunked,
            id: nil,
            type: self.isNamed ? type : nil,
            data: ByteBuffer(string: text),
            into: &event
        )
        self.outbox?.write(event)
    }

    /// The stream's last event, and its end.
    private func finish(_ end: EventStreamEnd) {
        guard !self.isFinished, let context = self.context, let outbox = self.outbox else {
            return
        }
        self.isFinished = true
        var last = ByteBuffer()
        end.write(isChunked: self.isChunked, isNamed: self.isNamed, into: &last)
        if self.isChunked {
            last.writeStaticString("0\r\n\r\n")
        }
        outbox.write(last)
        outbox.flush()
        outbox.close()
        self.services.metrics.closed(WebSocketCloseCode(rawValue: end.code))
        let loopBound = NIOLoopBound(context, eventLoop: context.eventLoop)
        let promise = context.eventLoop.makePromise(of: Void.self)
        // A reader that takes nothing does not keep the connection: it is cut after the close timeout.
        let cut = context.eventLoop.scheduleTask(in: self.services.settings.configuration.limits.timeouts.close) {
            loopBound.value.channel.cut()
        }
        promise.futureResult.whenComplete { _ in cut.cancel() }
        // Only bytes that have left the channel are sure to arrive: without TLS, closing drops bytes that still wait in
        // it.
        context.writeAndFlush(self.wrapOutboundOut(ByteBuffer())).assumeIsolated()
            .whenComplete { _ in context.close(promise: promise) }
    }

    /// The connection is over, or never came to be.
    func end() {
        guard let counts = self.connection.end(self.subscriber.map { [$0] } ?? []) else {
            return
        }
        if let seat = self.seat {
            self.connection.loop.wheel.remove(seat)
        }
        self.connection.logger.info(
            "connection closed",
            metadata: [
                "messages": .stringConvertible(counts.messages),
                "bytes": .stringConvertible(counts.bytes),
                "duration_ms": .stringConvertible(self.connection.age.nanoseconds / 1_000_000),
            ]
        )
        self.subscriber = nil
        self.gzip = nil
        self.context = nil
    }
}
