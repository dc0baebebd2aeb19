internal import Logging
internal import NIOCore
internal import SluiceAdmission
internal import SluiceBase
internal import SluiceHTTP
internal import SluiceRelay

/// The part that a subscriber's WebSocket and its event stream share: the identity, the place among the live
/// connections, the token's time, the outbox, and whether the client takes its data.
///
/// Loop-confined, like the session that holds it.
struct SubscriberConnection {
    /// The protocol, by the name that metrics and reports have for it.
    enum Kind: String {
        case webSocket = "websocket"
        case eventStream = "event_stream"
    }

    let services: GatewayServices
    let loop: LoopServices
    /// The scan that the path names; nil for a socket of many scans.
    let scanID: ScanID?
    let peer: String
    private let kind: Kind
    private let place: ConnectionLimits.ID
    private let openedAt: NIODeadline
    private(set) var identity: Identity
    private(set) var arrival: Arrival
    /// What the application is asked again; nil where it was not asked.
    private let errand: Errand?
    private var watch: ApplicationWatch?
    private(set) var outbox: Outbox?
    private var tokenClock: TokenClock
    private var drainMachine = DrainMachine()
    private var isOver = false

    init(
        _ kind: Kind,
        services: GatewayServices,
        loop: LoopServices,
        identity: Identity,
        arrival: Arrival,
        errand: Errand?,
        place: ConnectionLimits.ID,
        scanID: ScanID?,
        peer: String
    ) {
        self.kind = kind
        self.services = services
        self.loop = loop
        self.identity = identity
        self.arrival = arrival
        self.errand = errand
        self.place = place
        self.scanID = scanID
        self.peer = peer
        self.openedAt = loop.eventLoop.now
        self.tokenClock = TokenClock(identity, leeway: services.settings.configuration.auth.leeway.seconds)
    }

    /// How long it has stood.
    var age: TimeAmount { self.loop.eventLoop.now - self.openedAt }

    /// Made when a line is logged: most connections log two lines in their life.
    var logger: Logger {
        var logger = self.services.logger
        logger[metadataKey: "connection"] = .stringConvertible(self.place)
        logger[metadataKey: "user"] = "\(self.identity.subject)"
        logger[metadataKey: "peer"] = "\(self.peer)"
        if let scanID = self.scanID {
            logger[metadataKey: "scan"] = "\(scanID.text)"
        }
        return logger
    }

    // MARK: Its life

    /// The connection is open, and `context` takes writes to it.
    ///
    /// - Parameters:
    ///   - session: The connection, as the registry knows it.
    ///   - context: The context that takes writes to the connection.
    ///   - waitingBytes: How many bytes wait for the client.
    /// - Returns: The outbox that writes to it.
    mutating func open(
        _ session: any LiveConnection,
        _ context: ChannelHandlerContext,
        waitingBytes: @escaping (any Channel) -> Int = { $0.waitingBytes }
    ) -> Outbox {
        let outbox = Outbox(
            context: context,
            fanOut: self.loop.fanOut,
            maximumBufferedBytes: self.services.settings.configuration.clients.maxBuffered,
            waitingBytes: waitingBytes
        )
        self.outbox = outbox
        self.services.connections.insert(session, id: self.place, on: self.loop.eventLoop)
        self.watch = ApplicationWatch(
            session,
            self.identity,
            self.errand,
            services: self.services,
            on: self.loop.eventLoop
        )
        self.services.metrics.opened(self.kind.rawValue)
        self.logger.info("connection established")
        return outbox
    }

    /// The connection is over, or never opened: gives back everything it held.
    ///
    /// - Parameter subscribers: The subscriptions that it still had.
    /// - Returns: The counts of everything it was sent; nil if it was over already.
    mutating func end(_ subscribers: some Sequence<Subscriber>) -> Outbox.Counts? {
        guard !self.isOver else {
            return nil
        }
        self.isOver = true
        self.watch?.stop()
        self.watch = nil
        let counts = self.outbox?.counts ?? Outbox.Counts()
        self.outbox?.close()
        self.outbox = nil
        for subscriber in subscribers {
            self.services.relay.unsubscribe(subscriber, on: self.loop.eventLoop)
        }
        if self.services.connections.remove(self.place, on: self.loop.eventLoop) {
            self.services.metrics.ended(self.kind.rawValue)
        }
        self.services.release(self.place)
        return counts
    }

    // MARK: Its right

    /// Looks at the token by the time of day.
    mutating func lookAtToken() -> TokenClock.Verdict {
        self.tokenClock.look(now: WallTime.now().seconds)
    }

    /// It was judged again, and continues with the identity that its credential gives now.
    mutating func goOn(as identity: Identity, leeway: Double) {
        self.identity = identity
        self.tokenClock.leeway = leeway
    }

    /// It showed a newer token of the same user, or the application was asked again.
    mutating func refresh(as identity: Identity, _ arrival: Arrival) {
        // The same end is announced once.
        if identity.expiresAt != self.identity.expiresAt {
            self.tokenClock = TokenClock(identity, leeway: self.services.settings.configuration.auth.leeway.seconds)
        }
        self.identity = identity
        self.arrival = arrival
    }

    /// Asks the scans' homes whether somebody may follow all of some scans.
    ///
    /// Fails where they cannot be asked.
    func mayFollow(_ scans: [ScanID], as identity: Identity) -> EventLoopFuture<Bool> {
        let owners = scans.map { self.services.relay.owner(of: $0, on: self.loop.eventLoop) }
        return EventLoopFuture.whenAllSucceed(owners, on: self.loop.eventLoop)
            .map { owners in
                zip(scans, owners)
                    .allSatisfy { scanID, found in
                        identity.maySubscribe(scan: scanID.text, owner: found?.owner)
                    }
            }
    }

    // MARK: Its client

    /// Judges whether the client takes its waiting data below the minimum rate, and counts it then.
    ///
    /// - Parameters:
    ///   - writtenBytes: How many bytes were written to the connection since its start.
    ///   - channel: The connection.
    ///   - now: The loop's time.
    /// - Returns: Whether to close it.
    mutating func isStuck(writtenBytes: Int, channel: any Channel, now: NIODeadline) -> Bool {
        guard self.drainMachine.mayWait(writtenBytes: writtenBytes) else {
            return false
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
        }
        return isStuck
    }

    /// A report of its counts and its state.
    func report(
        channel: (any Channel)?,
        roundTrip: TimeAmount? = nil,
        subscribers: [Subscriber],
        isDetailed: Bool
    ) -> EventLoopFuture<ConnectionReport> {
        var report = ConnectionReport(
            id: self.place,
            kind: self.kind.rawValue,
            user: self.identity.subject.text,
            peer: self.peer,
            age: self.age
        )
        report.roundTrip = roundTrip
        return report.completed(
            outbox: self.outbox,
            channel: channel,
            subscribers: subscribers,
            relay: isDetailed ? self.services.relay : nil,
            on: self.loop.eventLoop
        )
    }
}

/// Says when a live connection's token ends, by the time of day of each look: a clock that jumps is judged anew.
struct TokenClock: Sendable, Equatable {
    enum Verdict: Sendable, Equatable {
        case doNothing
        /// Tell the client, once, that its token ends in so many seconds.
        case warn(inSeconds: Int)
        case expired
    }

    /// How long before its end a client is told.
    static let warningSeconds = 60.0

    private let expiresAt: Double?
    /// How far clocks may differ, in seconds.
    var leeway: Double
    private var hasWarned = false

    init(_ identity: Identity, leeway: Double) {
        self.expiresAt = identity.expiresAt
        self.leeway = leeway
    }

    /// Looks at the time of day, in seconds since 1970.
    mutating func look(now: Double) -> Verdict {
        guard let expiresAt = self.expiresAt else {
            return .doNothing
        }
        if now >= expiresAt + self.leeway {
            return .expired
        }
        if !self.hasWarned, now >= expiresAt - Self.warningSeconds {
            self.hasWarned = true
            return .warn(inSeconds: max(0, Int(clamping: (expiresAt - now).rounded())))
        }
        return .doNothing
    }
}
