internal import DequeModule
internal import Logging
internal import NIOCore
internal import SluiceAdmission
internal import SluiceBase
internal import SluiceHTTP
internal import SluiceRelay

/// A subscriber's WebSocket: of one scan, named in the path, or of many, named in its frames.
///
/// It answers the client's frames and watches over its token. What the scans send does not come by here: the relay
/// writes it straight to the outbox. Loop-confined.
final class SubscriptionSession: WebSocketSession, SubscriptionDelegate, LiveConnection {
    let services: GatewayServices
    let loop: LoopServices
    let query: SubscriptionQuery
    /// The scan that the path names; nil for a socket of many scans.
    let scanID: ScanID?
    let form: WireForm
    let eventLoop: any EventLoop
    var identity: Identity
    var arrival: Arrival
    var tokenClock: TokenClock
    var subscribers: [ScanID: Subscriber] = [:]
    /// Actions that wait for those before them.
    var actions: Deque<ClientAction> = []
    /// How long their frames were.
    var actionBytes = 0
    /// Whether the relay is being asked on behalf of an action.
    var isLookingUp = false
    private(set) var socket: WebSocketHandler?
    private(set) var outbox: Outbox?
    private let place: ConnectionLimits.ID
    private let openedAt: NIODeadline
    let peer: String
    private var frames: TokenBucket
    private var drainMachine = DrainMachine()
    private var isOver = false

    init(
        services: GatewayServices,
        loop: LoopServices,
        identity: Identity,
        arrival: Arrival,
        place: ConnectionLimits.ID,
        query: SubscriptionQuery,
        scanID: ScanID?,
        form: WireForm,
        peer: String
    ) {
        self.services = services
        self.loop = loop
        self.eventLoop = loop.eventLoop
        self.identity = identity
        self.arrival = arrival
        self.place = place
        self.query = query
        self.scanID = scanID
        self.form = form
        let configuration = services.settings.configuration
        self.tokenClock = TokenClock(identity, leeway: configuration.auth.leeway.seconds)
        self.frames = TokenBucket(limit: RateLimit(configuration.limits.clientFrames))
        self.openedAt = loop.eventLoop.now
        self.peer = peer
    }

    var blockedSince: NIODeadline? { self.outbox?.blockedSince }

    /// Whoever shows a certificate alone reads nothing.
    var certificate: ClientCertificate? { nil }

    // MARK: The connection's life

    func opened(_ socket: WebSocketHandler) {
        guard let context = socket.context else {
            return
        }
        self.socket = socket
        self.outbox = Outbox(
            context: context,
            fanOut: self.loop.fanOut,
            maximumBufferedBytes: self.services.settings.configuration.clients.maxBuffered
        )
        self.services.connections.insert(self, id: self.place, on: self.eventLoop)
        self.services.metrics.opened("websocket")
        self.logger.info("connection established")
        if let scanID = self.scanID {
            self.subscribe(self.query.request(for: scanID, form: self.form))
        }
        self.services.judgeAtStart(self, now: self.eventLoop.now)
    }

    func receivedText(_ text: ByteBuffer) {
        self.services.metrics.receivedClientFrame()
        // A reload changes the limit of connections that stand, too.
        let limit = RateLimit(self.services.settings.configuration.limits.clientFrames)
        if limit != self.frames.limit {
            self.frames.limit = limit
        }
        guard case .taken = self.frames.take(now: self.eventLoop.now.uptimeNanoseconds) else {
            self.services.metrics.refused("client_frames")
            self.end(.policyViolation, "too many frames")
            return
        }
        do throws(ClientAction.Fault) {
            self.act(on: try ClientAction(text))
        } catch {
            self.refuse(code: error.code, error.message, id: error.id)
        }
    }

    func receivedBinary(_ bytes: ByteBuffer) {
        self.end(.unsupportedData, "text frames only")
    }

    func writabilityChanged(isWritable: Bool) {
        self.outbox?.writabilityChanged(isWritable: isWritable, now: self.eventLoop.now) { self.actOnNext() }
    }

    func closing() {
        self.outbox?.close()
    }

    func closed(_ closure: WebSocketClosure) {
        guard !self.isOver else {
            return
        }
        self.isOver = true
        self.outbox?.close()
        for subscriber in self.subscribers.values {
            self.services.relay.unsubscribe(subscriber, on: self.eventLoop)
        }
        self.subscribers.removeAll()
        if self.services.connections.remove(self.place, on: self.eventLoop) {
            self.services.metrics.ended("websocket")
        }
        self.services.limits.subscribers.release(self.place)
        self.services.metrics.closed(closure.code)
        if closure.origin == .gateway, let refusal = closure.code.refusal {
            self.services.metrics.refused(refusal)
        }
        if closure.reason == WebSocketHandler.unreadAnswers, closure.origin == .gateway {
            self.services.metrics.refused("unread_answers")
        }
        self.logEnd(closure)
        self.socket = nil
        self.outbox = nil
    }

    func tick(now: NIODeadline) {
        switch self.tokenClock.look(now: WallTime.now().seconds) {
        case .doNothing:
            break
        case .warn(let seconds):
            self.send(AnswerText.tokenExpiring(inSeconds: seconds))
        case .expired:
            self.close(.tokenExpired)
            return
        }
        self.watchDraining(now: now)
    }

    func goOn(as identity: Identity, leeway: Double) -> Bool {
        self.identity = identity
        self.tokenClock.leeway = leeway
        return true
    }

    func close(_ closing: Closing) {
        self.end(WebSocketCloseCode(rawValue: closing.code), closing.reason)
    }

    func report(isDetailed: Bool) -> EventLoopFuture<ConnectionReport> {
        var report = ConnectionReport(
            id: self.place,
            kind: "websocket",
            user: self.identity.subject.text,
            peer: self.peer,
            age: self.eventLoop.now - self.openedAt
        )
        report.roundTrip = self.socket?.roundTrip
        return report.completed(
            outbox: self.outbox,
            channel: self.socket?.context?.channel,
            subscribers: Array(self.subscribers.values),
            relay: isDetailed ? self.services.relay : nil,
            on: self.eventLoop
        )
    }

    // MARK: The scans' life

    func subscriptionEnded(_ subscriber: Subscriber, _ end: SubscriptionEnd) {
        self.subscribers[subscriber.scanID] = nil
        let (code, reason) = end.closure
        if end == .scanNotFound {
            self.services.metrics.refused(ProblemCode.scanNotFound.rawValue)
        }
        if self.scanID != nil {
            self.end(code, reason)
        } else if end != .scanNotFound {
            self.send(AnswerText.unsubscribed(subscriber.scanID, reason: reason))
        }
    }

    /// Begins a subscription that the identity may have.
    func subscribe(_ request: SubscriptionRequest) {
        guard let outbox = self.outbox else {
            return
        }
        let subscriber = self.services.relay.subscribe(request, outbox: outbox, delegate: self, on: self.eventLoop)
        // Where the scan's home is this loop, its refusal has come already.
        if !subscriber.isOver {
            self.subscribers[request.scanID] = subscriber
        }
    }

    // MARK: Answers

    func send(_ text: String) {
        self.socket?.send(text: text)
    }

    /// Tells the client that something was not done.
    func refuse(code: String, _ message: String, scanID: String? = nil, id: String?) {
        self.services.metrics.refused(code)
        self.send(AnswerText.error(code: code, message: message, scanID: scanID, id: id))
    }

    func end(_ code: WebSocketCloseCode, _ reason: String) {
        self.socket?.close(code: code, reason: reason)
    }

    /// Ends a connection whose socket takes less than the least rate of what waits for it.
    private func watchDraining(now: NIODeadline) {
        guard let outbox = self.outbox, let socket = self.socket, let channel = socket.context?.channel else {
            return
        }
        let writtenBytes = outbox.counts.bytes + socket.writtenBytes
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

    /// Made when something is to be said: most connections say two things in their life.
    private var logger: Logger {
        var logger = self.services.logger
        logger[metadataKey: "connection"] = .stringConvertible(self.place)
        logger[metadataKey: "user"] = "\(self.identity.subject)"
        logger[metadataKey: "peer"] = "\(self.peer)"
        if let scanID = self.scanID {
            logger[metadataKey: "scan"] = "\(scanID.text)"
        }
        return logger
    }

    private func logEnd(_ closure: WebSocketClosure) {
        let counts = self.outbox?.counts ?? Outbox.Counts()
        if closure.reason == "heartbeat timeout" {
            self.logger.info("client timeout")
        }
        self.logger.info(
            "connection closed",
            metadata: [
                "code": .stringConvertible(closure.code.rawValue),
                "reason": "\(closure.reason)",
                "messages": .stringConvertible(counts.messages),
                "frames": .stringConvertible(counts.frames),
                "bytes": .stringConvertible(counts.bytes),
                "lag_frames": .stringConvertible(counts.lagFrames),
                "duration_ms": .stringConvertible((self.eventLoop.now - self.openedAt).nanoseconds / 1_000_000),
            ]
        )
    }
}

extension TimeAmount {
    /// The length in seconds.
    var seconds: Double { Double(self.nanoseconds) / 1_000_000_000 }
}
