internal import Logging
internal import NIOCore
internal import NIOHTTP1
internal import SluiceAdmission
internal import SluiceBase
internal import SluiceHTTP

/// Passes one request on to an upstream of its route, and the answer back.
///
/// Nothing is held but what one side has sent and the other's socket does not take yet; then the first is not read.
/// What becomes of the fields is decided by `ForwardedHead`, who gets it by `UpstreamBoard`, and for how long by
/// `ProxyTimes`.
final class ProxyHandler: RequestHandler {
    private let services: GatewayServices
    private let loop: LoopServices
    private let route: ProxyRoute
    private let proxy: ProxyServices
    private var exchange: HTTPExchange?
    private var times: ProxyTimes
    private var timer: Scheduled<Void>?
    private var timerAt = NIODeadline.distantFuture
    private var peer = ForwardedHead.Peer(address: "", isTrusted: false, isTLS: false)
    /// What is given back at the end.
    private var hasEntered = false
    private var upstream: ProxyRoute.Upstream?
    private var seat: ConnectionLimits.ID?
    /// The connection to the upstream, once there is one.
    private var connection: UpstreamConnection?
    private var isReused = false
    private var hasRetried = false
    /// Upstreams that take no connection.
    private var tried: Set<String> = []
    private var bodyByteCount = 0
    private var bodyLimit: Int?
    /// How many bytes waited for the upstream at the last look.
    private var waitingByteCount = 0
    private var isRequestWhole = false
    private var trailers: HeaderFields?
    private var hasAnswer = false
    private var isOver = false

    init(services: GatewayServices, loop: LoopServices, route: ProxyRoute) {
        self.services = services
        self.loop = loop
        self.route = route
        self.proxy = services.proxy
        self.times = ProxyTimes(timeout: route.configuration.timeout, idle: route.configuration.idle)
    }

    var bodyMode: BodyMode { .stream(idleTimeout: self.route.configuration.idle) }

    /// The upstream says whether it wants the body.
    var continuesByItself: Bool { true }

    // MARK: The client's side

    func start(_ exchange: HTTPExchange) {
        self.exchange = exchange
        let gatekeeper = Gatekeeper(services: self.services)
        self.peer = gatekeeper.peer(of: exchange)
        if let requestID = ForwardedHead.requestID(of: exchange.request, self.peer) {
            exchange.requestID = requestID
        }
        // Whom its answers are for is the upstream's business.
        exchange.commonFields = [("X-Request-Id", exchange.requestID)]
        if let problem = self.refusal(exchange) {
            self.fail(problem)
            return
        }
        if ForwardedHead.asksForUpgrade(exchange.request) {
            do throws(Problem) {
                self.seat = try gatekeeper.admitTunnel(exchange)
            } catch {
                self.fail(error)
                return
            }
        }
        if exchange.request.hasBody {
            exchange.pauseReading()
        } else {
            self.receivedEnd()
        }
        self.attempt()
    }

    private func refusal(_ exchange: HTTPExchange) -> Problem? {
        let configuration = self.services.settings.configuration
        guard !self.services.isDraining else {
            return self.services.drainClosing(now: exchange.eventLoop.now).problem
        }
        guard self.proxy.enter(limit: configuration.limits.proxyRequests) else {
            return Problem(
                .upstreamBusy,
                "as many requests are being passed on as may be",
                retryAfterSeconds: 1
            )
        }
        self.hasEntered = true
        self.bodyLimit = configuration.proxy.maxBodyBytes
        if let limit = self.bodyLimit, exchange.request.contentLength ?? 0 > limit {
            return Self.tooLarge(limit)
        }
        return nil
    }

    func receivedBytes(_ bytes: ByteBuffer) {
        guard !self.isOver, let connection = self.connection, let exchange = self.exchange else {
            return
        }
        self.bodyByteCount += bytes.readableBytes
        if let limit = self.bodyLimit, self.bodyByteCount > limit {
            self.giveUp(Self.tooLarge(limit))
            return
        }
        self.times.uploaded(now: exchange.eventLoop.now)
        connection.write(bytes)
        if !self.isOver, !connection.isWritable {
            exchange.pauseReading()
            self.waitingByteCount = connection.waitingBytes
            self.times.uploadBlocked(true, now: exchange.eventLoop.now)
            self.watch()
        }
    }

    func receivedTrailers(_ trailers: HeaderFields) {
        self.trailers = ForwardedHead.trailers(trailers)
    }

    /// Of a request without a body the connection need not tell it.
    func receivedEnd() {
        guard !self.isOver, !self.isRequestWhole, let exchange = self.exchange else {
            return
        }
        self.isRequestWhole = true
        self.times.requestEnded(now: exchange.eventLoop.now)
        self.connection?.finish(trailers: self.trailers)
        self.watch()
    }

    func writabilityChanged(isWritable: Bool) {
        guard !self.isOver, let exchange = self.exchange else {
            return
        }
        self.times.answerPaused(!isWritable, now: exchange.eventLoop.now)
        self.connection?.setPaused(!isWritable)
        self.watch()
    }

    func inputClosed() {
        guard !self.isOver, let exchange = self.exchange else {
            return
        }
        self.times.clientLeft(now: exchange.eventLoop.now)
        self.watch()
    }

    func aborted(_ reason: AbortReason) {
        guard !self.isOver else {
            return
        }
        let connection = self.connection
        self.end()
        connection?.cancel()
    }

    // MARK: Towards the upstream

    /// Sends the request to the next upstream that has not refused it.
    private func attempt() {
        guard let exchange = self.exchange, !self.isOver else {
            return
        }
        let now = exchange.eventLoop.now
        guard let upstream = self.proxy.take(of: self.route, except: self.tried, now: now) else {
            self.fail(Problem(.upstreamUnreachable, "the server that answers here takes no connection"))
            return
        }
        self.upstream = upstream
        self.connect(to: upstream, exchange)
    }

    private func connect(to upstream: ProxyRoute.Upstream, _ exchange: HTTPExchange) {
        self.loop.upstreams.lease(
            upstream.address,
            isRepeatable: Self.isRepeatable(exchange.request),
            isNew: self.hasRetried,
            timeout: .nanoseconds(self.route.configuration.timeout.nanoseconds / 2)
        ) { result in
            guard !self.isOver else {
                if case .success(let (connection, _)) = result {
                    connection.cancel()
                }
                return
            }
            switch result {
            case .success(let (connection, isReused)):
                if !isReused {
                    self.proxy.accepted(upstream)
                }
                self.send(by: connection, isReused: isReused, upstream, exchange)
            case .failure(let failure):
                self.refused(by: upstream, failure, exchange)
            }
        }
    }

    private func refused(by upstream: ProxyRoute.Upstream, _ failure: UpstreamFailure, _ exchange: HTTPExchange) {
        let now = exchange.eventLoop.now
        guard !failure.isOwn else {
            let requestID = exchange.requestID
            self.proxy.tell("no connection to an upstream", upstream, failure.detail, request: requestID, now: now)
            self.fail(Problem(.overloaded, "the gateway has no room for another connection", retryAfterSeconds: 1))
            return
        }
        self.proxy.refused(upstream, failure.detail, now: now)
        self.proxy.release(upstream)
        self.upstream = nil
        self.tried.insert(upstream.name)
        self.attempt()
    }

    private func send(
        by connection: UpstreamConnection,
        isReused: Bool,
        _ upstream: ProxyRoute.Upstream,
        _ exchange: HTTPExchange
    ) {
        self.connection = connection
        self.isReused = isReused
        let request = ForwardedHead.request(
            exchange.request,
            target: self.route.target(exchange.request.originForm),
            host: upstream.authority,
            keepsHost: self.route.configuration.host == .keep,
            peer: self.peer,
            requestID: exchange.requestID
        )
        guard request.isLine else {
            connection.cancel()
            self.fail(Problem(.invalidTarget))
            return
        }
        connection.begin(request, receiver: self)
        guard !self.isOver, self.connection === connection else {
            return
        }
        if self.isRequestWhole {
            connection.finish(trailers: self.trailers)
        } else {
            exchange.resumeReading()
        }
    }

    /// Whether the answer of the connection's end can only be that the request was not looked at.
    private static func isRepeatable(_ request: HTTPRequest) -> Bool {
        switch request.method {
        case .GET, .HEAD, .OPTIONS, .PUT, .DELETE: !request.hasBody
        default: false
        }
    }

    private static func tooLarge(_ limit: Int) -> Problem {
        Problem(.bodyTooLarge, "the body has more than \(limit) bytes")
    }

    // MARK: The time

    private func watch() {
        guard !self.isOver, let exchange = self.exchange, let deadline = self.times.deadline, deadline < self.timerAt
        else {
            return
        }
        self.timer?.cancel()
        self.timerAt = deadline
        self.timer = exchange.eventLoop.assumeIsolated().scheduleTask(deadline: deadline) { self.timerFired() }
    }

    private func timerFired() {
        self.timerAt = .distantFuture
        guard !self.isOver, let exchange = self.exchange else {
            return
        }
        switch self.times.verdict(now: exchange.eventLoop.now) {
        case .uploadStuck where (self.connection?.waitingBytes ?? 0) < self.waitingByteCount:
            // Slowly, but it takes them.
            self.waitingByteCount = self.connection?.waitingBytes ?? 0
            self.times.uploadBlocked(false, now: exchange.eventLoop.now)
            self.times.uploadBlocked(true, now: exchange.eventLoop.now)
            self.watch()
        case .goesOn:
            self.watch()
        case .uploadStuck:
            self.giveUp(Problem(.requestTimeout, "no byte of the body was passed on for too long"))
        case .noAnswer:
            self.tell("upstream does not answer in time", "no head of an answer")
            self.giveUp(Problem(.upstreamTimeout, "the server that answers here did not do so in time"))
        case .answerStuck:
            self.tell("upstream falls silent within an answer", "no byte of the body")
            self.giveUp(nil)
        case .clientGone:
            self.giveUp(nil)
        }
    }

    // MARK: The end

    /// Ends it on both sides: with this answer, or by cutting off the one that is under way.
    private func giveUp(_ problem: Problem?) {
        let connection = self.connection
        let exchange = self.exchange
        let hasAnswer = self.hasAnswer
        self.end()
        connection?.cancel()
        if let problem, !hasAnswer {
            exchange?.respond(problem: problem)
        } else {
            exchange?.abort()
        }
    }

    private func fail(_ problem: Problem) {
        let exchange = self.exchange
        self.end()
        exchange?.respond(problem: problem)
    }

    private func tell(_ message: String, _ detail: String) {
        guard let upstream = self.upstream, let exchange = self.exchange else {
            return
        }
        self.proxy.tell("\(message)", upstream, detail, request: exchange.requestID, now: exchange.eventLoop.now)
    }

    /// Gives back all that it holds.
    private func end() {
        self.detach()
        self.giveBack()
    }

    /// Takes no further part in it.
    private func detach() {
        self.isOver = true
        self.timer?.cancel()
        self.timer = nil
        self.exchange = nil
        self.connection = nil
    }

    private func giveBack() {
        if let upstream = self.upstream {
            self.proxy.release(upstream)
        }
        if let seat = self.seat {
            self.services.limits.subscribers.release(seat)
        }
        if self.hasEntered {
            self.proxy.leave()
        }
        self.upstream = nil
        self.seat = nil
        self.hasEntered = false
    }
}

extension ProxyHandler: UpstreamReceiver {
    func upstreamInformed(_ answer: UpstreamAnswer) {
        self.exchange?.inform(self.relayed(answer, .none))
    }

    func upstreamAnswered(_ answer: UpstreamAnswer) {
        guard let exchange = self.exchange else {
            return
        }
        guard answer.status.code != 101 else {
            self.openTunnel(answer, exchange)
            return
        }
        self.hasAnswer = true
        self.times.answered(now: exchange.eventLoop.now)
        switch answer.framing {
        case .none: exchange.relay(self.relayed(answer, .none))
        case .length(let byteCount): exchange.relay(self.relayed(answer, .length(byteCount)))
        case .chunked, .connection: exchange.relay(self.relayed(answer, .open))
        }
        guard exchange.isOpen else {
            // The client cannot have such an answer, and was told so.
            self.giveUp(nil)
            return
        }
        self.watch()
    }

    func upstreamSent(_ bytes: ByteBuffer) {
        guard let exchange = self.exchange else {
            return
        }
        let now = exchange.eventLoop.now
        self.times.answered(now: now)
        exchange.write(bytes)
        if !self.isOver, !exchange.isWritable {
            self.times.answerPaused(true, now: now)
            self.connection?.setPaused(true)
        }
        self.watch()
    }

    func upstreamEnded(trailers: HeaderFields?) {
        let exchange = self.exchange
        self.end()
        exchange?.finish(trailers: ForwardedHead.trailers(trailers))
    }

    func upstreamFailed(_ detail: String, isUntouched: Bool) {
        guard !self.isOver, let exchange = self.exchange, let upstream = self.upstream else {
            return
        }
        if isUntouched, self.isReused, !self.hasRetried, Self.isRepeatable(exchange.request) {
            self.hasRetried = true
            self.connection = nil
            self.proxy.retried()
            self.connect(to: upstream, exchange)
            return
        }
        self.tell("upstream's answer is broken", detail)
        self.giveUp(Problem(.upstreamBroken, "the server that answers here broke off, or gave an answer that is none"))
    }

    func upstreamWritabilityChanged(isWritable: Bool) {
        guard isWritable, !self.isOver, let exchange = self.exchange, !self.isRequestWhole else {
            return
        }
        self.times.uploadBlocked(false, now: exchange.eventLoop.now)
        exchange.resumeReading()
    }

    private func relayed(_ answer: UpstreamAnswer, _ framing: RelayedAnswer.Framing) -> RelayedAnswer {
        RelayedAnswer(
            status: answer.status,
            fields: ForwardedHead.answer(answer),
            framing: framing,
            patience: self.route.configuration.idle
        )
    }

    /// Both have agreed to another protocol: from now on their bytes go to each other.
    private func openTunnel(_ answer: UpstreamAnswer, _ exchange: HTTPExchange) {
        guard self.isRequestWhole, let connection = self.connection else {
            // RFC 9110, section 7.8: not before the request is whole.
            self.giveUp(Problem(.upstreamBroken, "the server that answers here switched protocols too early"))
            return
        }
        self.hasAnswer = true
        exchange.takeOver(self.relayed(answer, .none)) { channel in
            self.detach()
            self.services.metrics.opened("tunnel")
            let isOpen = Tunnel.join(channel, connection, idle: self.route.configuration.idle) { self.closeTunnel() }
            if !isOpen {
                self.closeTunnel()
            }
        }
    }

    private func closeTunnel() {
        self.services.metrics.ended("tunnel")
        self.giveBack()
    }
}

extension Gatekeeper {
    /// Who sent a request that is passed on.
    func peer(of exchange: HTTPExchange) -> ForwardedHead.Peer {
        let connection = exchange.connection
        return ForwardedHead.Peer(
            // A socket of the machine itself has no address to add.
            address: connection.isLocal ? "" : connection.peerAddress,
            isTrusted: self.services.settings.isTrusted(connection),
            isTLS: connection.isTLS
        )
    }

    /// A tunnel counts as a handshake and as a connection of its address.
    func admitTunnel(_ exchange: HTTPExchange) throws(Problem) -> ConnectionLimits.ID {
        let address = self.address(of: exchange)
        let now = exchange.eventLoop.now.uptimeNanoseconds
        if let address,
            let problem = self.services.limits.handshakesByAddress.take(for: address, now: now)
                .problem("handshakes from this address")
        {
            throw problem
        }
        guard !self.services.load.isOverMemory else {
            throw Problem(.overloaded, "the gateway is short of memory", retryAfterSeconds: 5)
        }
        switch self.services.limits.subscribers.admit(user: nil, address: address) {
        case .admitted(let id), .admittedClosing(let id, _): return id
        case .refused(let reason): throw self.problem(for: reason)
        }
    }
}
