package import Logging
package import NIOCore
internal import NIOPosix
internal import NIOSSL
package import SluiceBase

/// Why a request got no answer.
package enum NATSFault: Error, Equatable {
    case disconnected
    case timedOut
    /// Nothing subscribes to the subject.
    case noResponders
    /// The subject or a header cannot be written.
    case malformed
}

/// A connection on one event loop to one of several NATS servers, reconnecting by itself.
///
/// Loop-confined. Without a connection publishes are dropped and requests fail at once; callers know what that means
/// for them. Subscriptions are renewed on each connection. Nothing blocks. What a stalled server does not accept waits
/// in the channel; after three unanswered pings, about four seconds, the connection is closed.
package final class NATSConnection {
    private struct Subscription {
        var subject: String
        var receive: (NATSMessage) -> Void
    }

    private struct Request {
        /// How long each of its answers is waited for.
        var timeout: TimeAmount
        var deadline: NIODeadline
        /// Whether more answers are expected after this one.
        var receive: (Result<NATSMessage, NATSFault>) -> Bool
        /// Where its answers come, if not to the common inbox.
        var subscription: Int?
    }

    private static let connectTimeout = TimeAmount.seconds(2)
    private static let pingInterval = TimeAmount.seconds(1)
    private static let maximumSilentPings = 3
    private static let sweepInterval = TimeAmount.milliseconds(100)
    private static let firstWait = TimeAmount.milliseconds(50)
    private static let longestWait = TimeAmount.seconds(2)
    /// The most bytes that wait for a server; beyond them the server counts as stalled, and the connection is closed.
    private static let maximumWaitingBytes = 96 * 1024 * 1024

    package let eventLoop: any EventLoop
    private let settings: Settings
    private let logger: Logger
    /// The server's INFO; nil while there is no connection.
    package private(set) var info: ServerInfo?
    /// The current server, or the one being tried.
    package private(set) var server: ServerAddress
    /// Why there is no connection, as text for the operator; nil while there is one.
    package private(set) var failure: String? = "not connected yet"
    package private(set) var connectCount = 0
    /// Why the connection ends, where that is known before it does.
    private var said: String?
    /// Called when a connection is established, and when it is lost.
    package var changed: (_ isConnected: Bool) -> Void = { _ in }
    private var channel: (any Channel)?
    private var next: Int
    /// Which of the servers are not tried before others have been.
    private var avoided: Set<Int> = []
    /// Whether all others have been tried.
    private var triesAll = false
    private var leaveLimit = LeaveLimit()
    /// The number of `server`; nil while none is tried.
    private var current: Int?
    private var wait = NATSConnection.firstWait
    private var triedCount = 0
    private var isClosed = false
    private var generation = 0
    private var subscriptions: [Int: Subscription] = [:]
    private var requests: [Int: Request] = [:]
    private var nextNumber = 1
    private let inbox = "_INBOX." + RandomText.make(byteCount: 12)
    private var silentPings = 0

    package init(_ settings: Settings, eventLoop: any EventLoop, logger: Logger) {
        precondition(!settings.servers.isEmpty, "a connection goes somewhere")
        self.settings = settings
        self.eventLoop = eventLoop
        self.logger = logger
        // Nodes start at random so that they spread over the servers.
        self.next = Int.random(in: 0..<settings.servers.count)
        self.server = settings.servers[self.next]
    }

    /// Connects, and reconnects until it is closed.
    package func start() {
        _ = self.subscribe(self.inbox + ".*") { [weak self] in self?.answered($0) }
        self.sweepLater()
        self.connect()
    }

    /// Closes it for good; open requests fail with `disconnected`.
    package func close() {
        self.isClosed = true
        self.channel?.close(promise: nil)
        self.lost("closed")
    }

    /// Leaves a server that is of no use, if others are configured.
    package func changeServer(_ why: String) {
        guard self.info != nil, self.settings.servers.count > 1 else { return }
        self.logger.warning(
            "engine server given up",
            metadata: ["server": "\(self.server)", "reason": "\(why)"]
        )
        self.drop(why)
    }

    /// Goes to servers that are of less use last, and leaves those that are seen to be, at once and not too often.
    package func prefer(_ verdict: ServerBoard.Verdict) {
        self.avoided = verdict.avoided
        let allowed = self.allowed
        guard let current = self.current, !allowed.contains(current) else { return }
        let why = "others are linked better"
        if self.info == nil {
            self.next = allowed.randomElement() ?? self.next
            self.drop(why)
        } else if verdict.left.contains(current), self.leaveLimit.leaves(now: self.eventLoop.now) {
            self.next = allowed.randomElement() ?? self.next
            self.changeServer(why)
        }
    }

    /// The numbers of the servers that may be tried now.
    private var allowed: [Int] {
        let all = Array(self.settings.servers.indices)
        let preferred = all.filter { !self.avoided.contains($0) }
        return preferred.isEmpty || self.triesAll ? all : preferred
    }

    /// Ends it at once, whatever the other side does.
    private func drop(_ why: String) {
        let channel = self.channel
        self.lost(why)
        channel?.close(promise: nil)
    }

    package var isConnected: Bool { self.info != nil }

    // MARK: Publishing and subscribing

    /// Receives what is published to a subject until the subscription ends; messages sent while there is no connection
    /// are lost.
    package func subscribe(_ subject: String, _ receive: @escaping (NATSMessage) -> Void) -> Int {
        let number = self.makeNumber()
        self.subscriptions[number] = Subscription(subject: subject, receive: receive)
        _ = self.write { NATSWriter.subscribe(subject, number, into: &$0) }
        return number
    }

    package func unsubscribe(_ subscription: Int) {
        if self.subscriptions.removeValue(forKey: subscription) != nil {
            _ = self.write { NATSWriter.unsubscribe(subscription, into: &$0) }
        }
    }

    package func publish(_ subject: String, headers: MessageHeaders = MessageHeaders(), _ payload: ByteBuffer) {
        _ = self.write { NATSWriter.publish(subject, reply: nil, headers: headers, payload: payload, into: &$0) }
    }

    /// Sends a request; `then` gets one answer or a fault, in a later task.
    package func request(
        _ subject: String,
        headers: MessageHeaders = MessageHeaders(),
        _ payload: ByteBuffer,
        timeout: TimeAmount,
        then: @escaping (Result<NATSMessage, NATSFault>) -> Void
    ) {
        self.requestMany(subject, headers: headers, payload, timeout: timeout) { result in
            then(result)
            return false
        }
    }

    /// Asks, and gets answers for as long as it says that it wants more, or a fault, in later tasks; each answer is
    /// waited for as long as `timeout` says.
    ///
    /// With `isPull` a consumer answers. Its messages keep the subjects that they were stored under, so an inbox of its
    /// own tells which request they are for.
    package func requestMany(
        _ subject: String,
        headers: MessageHeaders = MessageHeaders(),
        _ payload: ByteBuffer,
        timeout: TimeAmount,
        isPull: Bool = false,
        each: @escaping (Result<NATSMessage, NATSFault>) -> Bool
    ) {
        guard self.info != nil else {
            self.eventLoop.assumeIsolated().execute { _ = each(.failure(.disconnected)) }
            return
        }
        let number = self.makeNumber()
        var request = Request(timeout: timeout, deadline: self.eventLoop.now + timeout, receive: each)
        var reply = "\(self.inbox).\(number)"
        if isPull {
            reply = "\(self.inbox)-\(number)"
            request.subscription = self.subscribe(reply) { [weak self] in self?.answered($0, of: number) }
        }
        self.requests[number] = request
        let isWritten = self.write {
            NATSWriter.publish(subject, reply: reply, headers: headers, payload: payload, into: &$0)
        }
        if !isWritten {
            self.eventLoop.assumeIsolated()
                .execute {
                    if let request = self.requests.removeValue(forKey: number) { self.end(request, .malformed) }
                }
        }
    }

    private func makeNumber() -> Int {
        defer { self.nextNumber += 1 }
        return self.nextNumber
    }

    /// Queues bytes for the server; everything written in one task of the loop is flushed together.
    ///
    /// - Parameter body: Writes them; false where they cannot be written.
    /// - Returns: The same; true where there is no connection, which tells its requests itself.
    private func write(_ body: (inout ByteBuffer) -> Bool) -> Bool {
        guard let channel = self.channel, self.info != nil else { return true }
        var buffer = channel.allocator.buffer(capacity: 256)
        guard body(&buffer) else {
            self.logger.error("what cannot be written to the engine is left out")
            return false
        }
        self.send(buffer, channel)
        return true
    }

    private var waitingBytes = 0
    private var isFlushing = false

    private func send(_ buffer: ByteBuffer, _ channel: any Channel) {
        self.waitingBytes += buffer.readableBytes
        guard self.waitingBytes <= Self.maximumWaitingBytes else {
            channel.close(promise: nil)
            return
        }
        let count = buffer.readableBytes
        let generation = self.generation
        channel.write(buffer).assumeIsolated()
            .whenComplete { [weak self] _ in
                if let self, self.generation == generation { self.waitingBytes -= count }
            }
        guard !self.isFlushing else { return }
        self.isFlushing = true
        self.eventLoop.assumeIsolated()
            .execute {
                self.isFlushing = false
                self.channel?.flush()
            }
    }

    // MARK: Connecting

    private func connect() {
        guard !self.isClosed else { return }
        let count = self.settings.servers.count
        let allowed = self.allowed
        while !allowed.contains(self.next % count) { self.next += 1 }
        self.server = self.settings.servers[self.next % count]
        self.current = self.next % count
        self.next += 1
        self.triedCount += 1
        self.generation += 1
        let generation = self.generation
        let server = self.server
        let bootstrap = ClientBootstrap(group: self.eventLoop)
            .connectTimeout(Self.connectTimeout)
            .channelOption(ChannelOptions.tcpOption(.tcp_nodelay), value: 1)
        bootstrap.connect(host: server.host, port: server.port).hop(to: self.eventLoop).assumeIsolated()
            .whenComplete { result in
                guard self.generation == generation, !self.isClosed else {
                    if case .success(let channel) = result { channel.close(promise: nil) }
                    return
                }
                switch result {
                case .success(let channel): self.connected(channel, generation)
                case .failure(let error): self.lost("\(error)")
                }
            }
    }

    private func connected(_ channel: any Channel, _ generation: Int) {
        self.channel = channel
        self.waitingBytes = 0
        self.silentPings = 0
        let handler = NATSHandler { [weak self] event in
            guard let self, self.generation == generation else { return }
            self.handle(event)
        }
        do {
            try channel.pipeline.syncOperations.addHandler(handler)
        } catch {
            channel.close(promise: nil)
            self.lost("\(error)")
            return
        }
        // INFO may have arrived already; the handshake has the same time limit as connecting.
        channel.read()
        self.eventLoop.assumeIsolated()
            .scheduleTask(in: Self.connectTimeout) { [weak self] in
                guard let self, self.generation == generation, self.info == nil else { return }
                self.said = "\(self.server) does not answer"
                channel.close(promise: nil)
            }
    }

    private func handle(_ event: NATSHandler.Event) {
        switch event {
        case .operation(.info(let json)): self.informed(json)
        case .operation(.message(let message)): self.subscriptions[message.subscription]?.receive(message)
        case .operation(.ping): _ = self.write { NATSWriter.pong(into: &$0) }
        case .operation(.pong): self.ponged()
        case .operation(.ok): break
        case .operation(.error(let text)):
            self.logger.warning("engine server said", metadata: ["server": "\(self.server)", "error": "\(text)"])
            self.said = "\(self.server): \(text)"
        case .closed(let why): self.lost(why)
        }
    }

    /// The INFO of a server that has not accepted the connection yet.
    private var greeting: ServerInfo?

    private func informed(_ json: ByteBuffer) {
        guard let info = ServerInfo(json), let channel = self.channel else {
            self.channel?.close(promise: nil)
            return
        }
        if self.info != nil {
            self.info = info
            if info.isLeaving { self.changeServer("shuts down") }
            return
        }
        guard self.greeting == nil else { return }
        self.greeting = info
        guard let speaksTLS = info.speaksTLS(isRequired: self.settings.requiresTLS(self.server)) else {
            self.giveUp("offers no TLS, and engine.nats.tls or its address asks for it", channel)
            return
        }
        if speaksTLS {
            guard let tls = self.settings.tls, self.startTLS(tls, channel) else {
                self.giveUp("wants TLS", channel)
                return
            }
        }
        var buffer = channel.allocator.buffer(capacity: 512)
        NATSWriter.connect(self.settings.introduction(info, to: self.server), into: &buffer)
        NATSWriter.ping(into: &buffer)
        channel.writeAndFlush(buffer, promise: nil)
    }

    /// Leaves a server before anything was said to it.
    private func giveUp(_ why: String, _ channel: any Channel) {
        self.said = "\(self.server) \(why)"
        self.logger.warning("engine server refused", metadata: ["server": "\(self.server)", "reason": "it \(why)"])
        channel.close(promise: nil)
    }

    private func startTLS(_ tls: NIOSSLContext, _ channel: any Channel) -> Bool {
        let isAddress = IPAddress(self.server.host) != nil
        guard let handler = try? NIOSSLClientHandler(context: tls, serverHostname: isAddress ? nil : self.server.host)
        else {
            return false
        }
        return (try? channel.pipeline.syncOperations.addHandler(handler, position: .first)) != nil
    }

    private func ponged() {
        self.silentPings = 0
        guard self.info == nil, let greeting = self.greeting, let channel = self.channel else { return }
        self.info = greeting
        self.failure = nil
        self.said = nil
        self.triedCount = 0
        self.triesAll = false
        self.wait = Self.firstWait
        self.connectCount += 1
        var buffer = channel.allocator.buffer(capacity: 4096)
        for (number, subscription) in self.subscriptions {
            _ = NATSWriter.subscribe(subscription.subject, number, into: &buffer)
        }
        self.send(buffer, channel)
        self.pingLater(self.generation)
        self.logger.info(
            "engine connected",
            metadata: ["server": "\(self.server)", "version": "\(greeting.version)", "name": "\(greeting.name)"]
        )
        self.changed(true)
    }

    private func pingLater(_ generation: Int) {
        self.eventLoop.assumeIsolated()
            .scheduleTask(in: Self.pingInterval) { [weak self] in
                guard let self, self.generation == generation, self.info != nil else { return }
                self.silentPings += 1
                guard self.silentPings <= Self.maximumSilentPings else {
                    self.drop("silent")
                    return
                }
                _ = self.write { NATSWriter.ping(into: &$0) }
                self.pingLater(generation)
            }
    }

    /// Ends a connection, or an attempt at one, and tries the next server; once all have been tried, after a pause.
    private func lost(_ why: String) {
        let wasConnected = self.info != nil
        self.generation += 1
        self.channel = nil
        self.current = nil
        self.info = nil
        self.greeting = nil
        self.failure = self.said ?? "\(self.server): \(why)"
        self.said = nil
        let requests = self.requests
        self.requests = [:]
        if wasConnected {
            self.logger.warning("engine disconnected", metadata: ["server": "\(self.server)", "reason": "\(why)"])
            self.changed(false)
        }
        for request in requests.values { self.end(request, .disconnected) }
        guard !self.isClosed else { return }
        var wait = TimeAmount.milliseconds(1)
        if self.triedCount >= self.allowed.count {
            self.triedCount = 0
            self.triesAll = true
            wait = self.wait
            self.wait = min(self.wait + self.wait, Self.longestWait)
            self.logger.warning("engine not reachable", metadata: ["server": "\(self.server)", "reason": "\(why)"])
        }
        self.eventLoop.assumeIsolated().scheduleTask(in: wait) { [weak self] in self?.connect() }
    }

    // MARK: Answers

    private func answered(_ message: NATSMessage) {
        if let number = message.subject.split(separator: ".").last.flatMap({ Int($0) }) {
            self.answered(message, of: number)
        }
    }

    private func answered(_ message: NATSMessage, of number: Int) {
        // Taken out first: who receives it may end the connection, and all requests with it.
        guard var request = self.requests.removeValue(forKey: number) else { return }
        guard message.status != 503 || message.payload.readableBytes > 0 else {
            self.end(request, .noResponders)
            return
        }
        let generation = self.generation
        guard request.receive(.success(message)) else {
            request.subscription.map { self.unsubscribe($0) }
            return
        }
        if self.generation == generation {
            request.deadline = self.eventLoop.now + request.timeout
            self.requests[number] = request
        } else {
            self.end(request, .disconnected)
        }
    }

    private func end(_ request: Request, _ fault: NATSFault) {
        request.subscription.map { self.unsubscribe($0) }
        _ = request.receive(.failure(fault))
    }

    private func sweepLater() {
        self.eventLoop.assumeIsolated()
            .scheduleTask(in: Self.sweepInterval) { [weak self] in
                guard let self, !self.isClosed else { return }
                let now = self.eventLoop.now
                for (number, request) in self.requests where request.deadline <= now {
                    self.requests[number] = nil
                    self.end(request, .timedOut)
                }
                self.sweepLater()
            }
    }
}
