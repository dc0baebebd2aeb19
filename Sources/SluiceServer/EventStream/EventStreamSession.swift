internal import Logging
internal import NIOCore
internal import SluiceAdmission
internal import SluiceBase
internal import SluiceHTTP
internal import SluiceRelay
internal import SluiceWire

/// A subscription as Server-Sent Events: behind TLS, the only handler of the connection.
///
/// Loop-confined.
///
/// It is a subscriber like any other; its slow readers are cursors too.
final class EventStreamSession: ChannelInboundHandler, Ticking, SubscriptionDelegate, LiveConnection {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// How often a quiet stream says that it is alive.
    private static let commentInterval = TimeAmount.seconds(15)
    /// How long a reader is to stay away whose stream broke, in milliseconds: each another time, so that many who lost
    /// theirs at the same moment do not all come back at once.
    private static let retryMilliseconds = 1000...5000

    private(set) var identity: Identity
    let arrival: Arrival
    private let services: GatewayServices
    private let loop: LoopServices
    private let place: ConnectionLimits.ID
    private let request: SubscriptionRequest
    private let isChunked: Bool
    private let isNamed: Bool
    private var logger: Logger
    private var tokenClock: TokenClock
    private var context: ChannelHandlerContext?
    private var outbox: Outbox?
    private var subscriber: Subscriber?
    private var seat: ConnectionWheel.Place?
    private var lastCommentAt: NIODeadline
    private let openedAt: NIODeadline
    private let peer: String
    private var drainMachine = DrainMachine()
    /// What packs the stream, if its reader takes that.
    private var gzip: EventStreamGzip?
    /// Whether the last event was written.
    private var isFinished = false
    private var isOver = false

    init(
        services: GatewayServices,
        loop: LoopServices,
        identity: Identity,
        arrival: Arrival,
        place: ConnectionLimits.ID,
        request: SubscriptionRequest,
        isChunked: Bool,
        isNamed: Bool,
        peer: String
    ) {
        self.services = services
        self.loop = loop
        self.identity = identity
        self.arrival = arrival
        self.place = place
        self.request = request
        self.isChunked = isChunked
        self.isNamed = isNamed
        self.tokenClock = TokenClock(identity, leeway: services.settings.configuration.auth.leeway.seconds)
        self.openedAt = loop.eventLoop.now
        self.peer = peer
        self.lastCommentAt = loop.eventLoop.now
        self.logger = services.logger
        self.logger[metadataKey: "connection"] = .stringConvertible(place)
        self.logger[metadataKey: "peer"] = "\(peer)"
        self.logger[metadataKey: "user"] = "\(identity.subject)"
        self.logger[metadataKey: "scan"] = "\(request.scanID.text)"
    }

    /// Makes the connection a stream; its head has been written.
    func install(in channel: any Channel, gzip: EventStreamGzip?, highWatermark: Int) {
        do {
            let mark = ChannelOptions.Types.WriteBufferWaterMark(low: max(1, highWatermark / 2), high: highWatermark)
            try channel.syncOptions?.setOption(.writeBufferWaterMark, value: mark)
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
        let outbox = Outbox(
            context: context,
            fanOut: self.loop.fanOut,
            maximumBufferedBytes: self.services.settings.configuration.clients.maxBuffered
        )
        self.outbox = outbox
        self.seat = self.loop.wheel.add(self)
        self.services.connections.insert(self, id: self.place, on: self.loop.eventLoop)
        self.services.metrics.opened("event_stream")
        self.logger.info("connection established")
        var retry = ByteBuffer()
        let milliseconds = Int.random(in: Self.retryMilliseconds)
        EventText.writeRetry(milliseconds: milliseconds, isChunked: self.isChunked, into: &retry)
        outbox.write(retry, frameCount: 0)
        let subscriber = self.services.relay.subscribe(
            self.request,
            outbox: outbox,
            delegate: self,
            on: self.loop.eventLoop
        )
        // Where the scan's home is this loop, its refusal has come already.
        self.subscriber = subscriber.isOver ? nil : subscriber
        self.services.judgeAtStart(self, now: self.loop.eventLoop.now)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.end()
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.end()
        context.fireChannelInactive()
    }

    /// A client that follows a stream has nothing more to say; what it sends is not looked at.
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
        switch self.tokenClock.look(now: WallTime.now().seconds) {
        case .doNothing:
            break
        case .warn(let seconds):
            self.send("tokenExpiring", AnswerText.tokenExpiring(inSeconds: seconds))
        case .expired:
            self.close(.tokenExpired)
            return
        }
        self.watchDraining(now: now)
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

    /// Whoever shows a certificate alone reads nothing.
    var certificate: ClientCertificate? { nil }

    func goOn(as identity: Identity, leeway: Double) -> Bool {
        self.identity = identity
        self.tokenClock.leeway = leeway
        return true
    }

    func close(_ closing: Closing) {
        self.finish(EventStreamEnd(closing))
    }

    func report(isDetailed: Bool) -> EventLoopFuture<ConnectionReport> {
        let report = ConnectionReport(
            id: self.place,
            kind: "event_stream",
            user: self.identity.subject.text,
            peer: self.peer,
            age: self.loop.eventLoop.now - self.openedAt
        )
        return report.completed(
            outbox: self.outbox,
            channel: self.context?.channel,
            subscribers: self.subscriber.map { [$0] } ?? [],
            relay: isDetailed ? self.services.relay : nil,
            on: self.loop.eventLoop
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
            loopBound.value.channel.close(promise: nil)
        }
        promise.futureResult.whenComplete { _ in cut.cancel() }
        context.close(promise: promise)
    }

    /// The connection is over, or never came to be.
    func end() {
        guard !self.isOver else {
            return
        }
        self.isOver = true
        let counts = self.outbox?.counts ?? Outbox.Counts()
        self.outbox?.close()
        if let subscriber = self.subscriber {
            self.services.relay.unsubscribe(subscriber, on: self.loop.eventLoop)
        }
        if let seat = self.seat {
            self.loop.wheel.remove(seat)
        }
        if self.services.connections.remove(self.place, on: self.loop.eventLoop) {
            self.services.metrics.ended("event_stream")
        }
        self.services.limits.subscribers.release(self.place)
        self.logger.info(
            "connection closed",
            metadata: [
                "messages": .stringConvertible(counts.messages),
                "bytes": .stringConvertible(counts.bytes),
                "duration_ms": .stringConvertible((self.loop.eventLoop.now - self.openedAt).nanoseconds / 1_000_000),
            ]
        )
        self.subscriber = nil
        self.outbox = nil
        self.gzip = nil
        self.context = nil
    }

    /// Ends a stream whose reader takes less than the least rate of what waits for it.
    private func watchDraining(now: NIODeadline) {
        guard let outbox = self.outbox, let channel = self.context?.channel else {
            return
        }
        let writtenBytes = self.gzip?.writtenBytes ?? outbox.counts.bytes
        guard self.drainMachine.mayWait(writtenBytes: writtenBytes) else {
            return
        }
        let isStuck = self.drainMachine.isStuck(
            writtenBytes: writtenBytes,
            waitingBytes: channel.waitingBytes,
            patience: self.services.settings.configuration.clients.timeout,
            now: now
        )
        if isStuck {
            self.services.metrics.refused("slow_reader")
            self.logger.info("client does not drain")
            self.close(.slowClient)
        }
    }
}
