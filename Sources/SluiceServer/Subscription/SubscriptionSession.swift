internal import DequeModule
internal import Logging
internal import NIOCore
internal import SluiceAdmission
internal import SluiceBase
internal import SluiceHTTP
internal import SluiceRelay

/// A subscriber's WebSocket: of one scan, named in the path, or of many, named in its frames.
///
/// It answers the client's frames and watches over its token. Frames of scans do not come by here: the relay writes
/// them straight to the outbox. Loop-confined.
final class SubscriptionSession: WebSocketSession, SubscriptionDelegate, LiveConnection {
    /// The part that it shares with an event stream.
    private(set) var connection: SubscriberConnection
    let query: SubscriptionQuery
    let form: WireForm
    var subscribers: [ScanID: Subscriber] = [:]
    /// Actions that wait for those before them.
    var actions: Deque<ClientAction> = []
    /// How long their frames were.
    var actionBytes = 0
    /// Whether the relay is being asked on behalf of an action.
    var isLookingUp = false
    private(set) var socket: WebSocketHandler?
    private var frames: TokenBucket

    init(_ connection: SubscriberConnection, query: SubscriptionQuery, form: WireForm) {
        self.connection = connection
        self.query = query
        self.form = form
        self.frames = TokenBucket(limit: RateLimit(connection.services.settings.configuration.limits.clientFrames))
    }

    var services: GatewayServices { self.connection.services }
    var eventLoop: any EventLoop { self.connection.loop.eventLoop }
    /// The scan that the path names; nil for a socket of many scans.
    var scanID: ScanID? { self.connection.scanID }
    var peer: String { self.connection.peer }
    var identity: Identity { self.connection.identity }
    var arrival: Arrival { self.connection.arrival }
    var age: TimeAmount { self.connection.age }
    var outbox: Outbox? { self.connection.outbox }

    var blockedSince: NIODeadline? { self.outbox?.blockedSince }

    // MARK: The connection's life

    func opened(_ socket: WebSocketHandler) {
        guard let context = socket.context else {
            return
        }
        self.socket = socket
        _ = self.connection.open(self, context)
        if let scanID = self.scanID {
            self.subscribe(self.query.request(for: scanID, form: self.form))
        }
        self.services.judgeAtStart(self, now: self.eventLoop.now)
    }

    func receivedText(_ text: ByteBuffer) {
        self.services.metrics.receivedClientFrame()
        // A reload changes the limit of existing connections, too.
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
        guard let counts = self.connection.end(self.subscribers.values) else {
            return
        }
        self.subscribers.removeAll()
        self.services.metrics.closed(closure.code)
        if closure.origin == .gateway, let refusal = closure.code.refusal {
            self.services.metrics.refused(refusal)
        }
        if closure.reason == WebSocketHandler.unreadAnswers, closure.origin == .gateway {
            self.services.metrics.refused("unread_answers")
        }
        self.logEnd(closure, counts)
        self.socket = nil
    }

    func tick(now: NIODeadline) {
        switch self.connection.lookAtToken() {
        case .doNothing:
            break
        case .warn(let seconds):
            self.send(AnswerText.tokenExpiring(inSeconds: seconds))
        case .expired:
            self.close(.tokenExpired)
            return
        }
        if let outbox = self.outbox, let socket = self.socket, let channel = socket.context?.channel {
            let writtenBytes = outbox.counts.bytes + socket.writtenBytes
            if self.connection.isStuck(writtenBytes: writtenBytes, channel: channel, now: now) {
                self.close(.slowClient)
            }
        }
    }

    func goOn(as identity: Identity, leeway: Double) -> Bool {
        self.connection.goOn(as: identity, leeway: leeway)
        return true
    }

    func reconsider(as identity: Identity) {
        // At once: what is asked for from now on is allowed by this alone.
        self.connection.refresh(as: identity, self.arrival)
        self.connection.mayFollow(Array(self.subscribers.keys), as: identity).assumeIsolated()
            .whenSuccess { mayStay in
                if !mayStay {
                    self.close(.notAllowed)
                }
            }
    }

    /// Continues with a newer token.
    func refresh(as identity: Identity, _ arrival: Arrival) {
        self.connection.refresh(as: identity, arrival)
    }

    func close(_ closing: Closing) {
        self.end(WebSocketCloseCode(rawValue: closing.code), closing.reason)
    }

    func report(isDetailed: Bool) -> EventLoopFuture<ConnectionReport> {
        self.connection.report(
            channel: self.socket?.context?.channel,
            roundTrip: self.socket?.roundTrip,
            subscribers: Array(self.subscribers.values),
            isDetailed: isDetailed
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

    private func logEnd(_ closure: WebSocketClosure, _ counts: Outbox.Counts) {
        if closure.reason == "heartbeat timeout" {
            self.connection.logger.info("client timeout")
        }
        self.connection.logger.info(
            "connection closed",
            metadata: [
                "code": .stringConvertible(closure.code.rawValue),
                "reason": "\(closure.reason)",
                "messages": .stringConvertible(counts.messages),
                "frames": .stringConvertible(counts.frames),
                "bytes": .stringConvertible(counts.bytes),
                "lag_frames": .stringConvertible(counts.lagFrames),
                "duration_ms": .stringConvertible(self.connection.age.nanoseconds / 1_000_000),
            ]
        )
    }
}

extension TimeAmount {
    /// The length in seconds.
    var seconds: Double { Double(self.nanoseconds) / 1_000_000_000 }
}
