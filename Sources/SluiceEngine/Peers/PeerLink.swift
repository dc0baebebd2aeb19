import NIOCore
import SluiceAdmission
import SluiceBase
import SluiceRelay

/// A node's part in what nodes say to each other: places of connections, rates, questions, tickets, revocations.
///
/// Loop-confined. Letters from one node arrive at another in order, by one connection, or get lost while a connection is
/// made anew: then the node is to others as one that is gone and another that came, and everything is told again.
final class PeerLink {
    struct Terms {
        var subjects: Subjects
        /// Names this run of the node.
        var instance: String
        /// How long a revocation is tried.
        var appendTimeout: TimeAmount
        /// After how long without the engine a node closes its subscribers.
        var cutOffAfter: TimeAmount
    }

    private static let interval = TimeAmount.milliseconds(250)
    /// How long answers of other nodes are waited for.
    private static let patience = TimeAmount.milliseconds(500)
    /// Revocations are looked for so often besides when one is told of, in intervals.
    private static let intervalsPerLook = 4
    /// The most of a letter, so that it fits in a message.
    private static let bytesPerLetter = 128 * 1024
    private static let sharesPerLetter = 1000
    private static let countsPerLetter = 2000
    /// The most disconnections that are remembered for nodes that missed them.
    private static let maximumDisconnections = 1000

    private let eventLoop: any EventLoop
    private let connection: NATSConnection
    /// What letters come by.
    private let live: NATSConnection
    private let terms: Terms
    private let instance: String
    private let wallClock: @Sendable () -> WallTime
    /// Who beats, this node among them.
    private let heard: () -> [EngineNode]
    let once: OnceBook
    private(set) lazy var facts = FactBook(
        self.stream,
        subjects: self.terms.subjects,
        eventLoop: self.eventLoop
    ) { [unowned self] in self.host?.revoked($0) }
    private let stream: JetStream
    private var host: (any PeerHost)?
    private var nodes: PeerSet
    private var connections: SharedConnections
    private var asked: [ConnectionLimits.ID: @Sendable (ConnectionLimits.Answer) -> Void] = [:]
    private var calls: [Int: (call: PeerCall<PeerForm.Answer>, then: ([PeerForm.Answer]) -> Void)] = [:]
    private var lastCall = 0
    private var disconnections: [(disconnection: Disconnection, at: NIODeadline)] = []
    private var outgoing: [PeerID: [SharedConnections.Message]] = [:]
    private var intervalCount = 0
    private var isClosed = false

    /// - Parameters:
    ///   - connection: What is said goes by it, and what is asked of streams.
    ///   - live: What others say comes by it.
    ///   - stream: By the first of them.
    ///   - terms: The node's own.
    ///   - wallClock: The time of day.
    ///   - heard: Who beats, this node among them.
    init(
        _ connection: NATSConnection,
        live: NATSConnection,
        stream: JetStream,
        terms: Terms,
        wallClock: @escaping @Sendable () -> WallTime,
        heard: @escaping () -> [EngineNode]
    ) {
        self.eventLoop = connection.eventLoop
        self.connection = connection
        self.live = live
        self.stream = stream
        self.terms = terms
        self.instance = terms.instance
        self.wallClock = wallClock
        self.heard = heard
        self.once = OnceBook(stream, subjects: terms.subjects, eventLoop: connection.eventLoop)
        let instance = terms.instance
        self.nodes = PeerSet(own: PeerID("\(instance)-0"))
        self.connections = SharedConnections(limits: ConnectionLimits.Configuration(), nodes: self.nodes)
        let subjects = terms.subjects
        for subject in [subjects.node(instance), subjects.allNodes] {
            _ = live.subscribe(subject) { [weak self] in self?.receive($0.payload) }
        }
        self.tickLater()
    }

    private var now: UInt64 { self.eventLoop.now.uptimeNanoseconds }

    /// Rises with each connection that was made: what came in between is lost.
    var link: Int { self.connection.connectCount + self.live.connectCount }

    func close() {
        self.isClosed = true
    }

    func begin(_ host: any PeerHost, limits: ConnectionLimits.Configuration) {
        self.host = host
        self.connections.limits = limits
    }

    func setLimits(_ limits: ConnectionLimits.Configuration) {
        self.connections.limits = limits
    }

    // MARK: Time, and who is there

    private func tickLater() {
        self.eventLoop.assumeIsolated()
            .scheduleTask(in: Self.interval) { [weak self] in
                guard let self, !self.isClosed else {
                    return
                }
                self.tick()
                self.tickLater()
            }
    }

    private func tick() {
        self.look()
        self.perform(self.connections.tick(now: self.now))
        self.tellShares()
        self.intervalCount += 1
        if self.intervalCount % Self.intervalsPerLook == 0 {
            self.facts.look()
        }
    }

    /// Looks who is there.
    func look() {
        let others = self.heard().filter { $0.instance != self.instance }.map { PeerID("\($0.instance)-\($0.link)") }
        let nodes = PeerSet(own: PeerID("\(self.instance)-\(self.link)"), others: others)
        guard nodes != self.nodes else {
            return
        }
        let newcomers = Set(nodes.live).subtracting(self.nodes.live).subtracting([nodes.own])
        if nodes.own != self.nodes.own {
            self.facts.look()
        }
        self.nodes = nodes
        for number in self.calls.keys.sorted() {
            self.calls[number]?.call.nodesChanged(nodes)
            self.endIfOver(number)
        }
        self.perform(self.connections.nodesChanged(nodes, now: self.now))
        self.tellDisconnections(newcomers)
    }

    // MARK: Letters

    private func send(_ content: PeerForm.Content, to peer: PeerID?) {
        let letter = PeerForm.Letter(from: self.nodes.own, to: peer, content: content)
        let subjects = self.terms.subjects
        let subject = peer.map { subjects.node(String($0.text.prefix { $0 != "-" })) } ?? subjects.allNodes
        self.connection.publish(subject, PeerForm.bytes(letter))
    }

    private func receive(_ payload: ByteBuffer) {
        guard let letter = PeerForm.letter(payload), !letter.from.text.hasPrefix(self.instance + "-"),
            letter.to == nil || letter.to == self.nodes.own
        else {
            return
        }
        switch letter.content {
        case .connections(let messages):
            for message in messages {
                self.perform(self.connections.received(message, from: letter.from, now: self.now), flushes: false)
            }
            self.flush()
        case .shares(let shares):
            self.host?.pay(shares)
        case .fact:
            self.facts.look()
        case .question(let question, let number):
            self.answer(question, number, to: letter.from)
        case .answer(let answer, let number, let isLast):
            self.calls[number]?.call.answered(answer, by: letter.from, isLast: isLast)
            self.endIfOver(number)
        }
    }

    // MARK: Connections

    func admit(_ keys: [SharedConnections.Key], _ then: @escaping @Sendable (ConnectionLimits.Answer) -> Void) {
        let (id, actions) = self.connections.ask(keys, since: self.wallClock().milliseconds, now: self.now)
        self.asked[id] = then
        self.perform(actions)
    }

    func release(_ id: ConnectionLimits.ID) {
        self.perform(self.connections.release(id, now: self.now))
    }

    private func perform(_ actions: [SharedConnections.Action], flushes: Bool = true) {
        for action in actions {
            switch action {
            case .send(let peer, let message): self.outgoing[peer, default: []].append(message)
            case .admit(let id): self.asked.removeValue(forKey: id)?(.admitted(id))
            case .refuse(let id, let reason): self.asked.removeValue(forKey: id)?(.refused(reason))
            case .close(let id, let isReplaced): self.host?.close(id, isReplaced: isReplaced)
            }
        }
        if flushes {
            self.flush()
        }
    }

    private func flush() {
        let outgoing = self.outgoing
        self.outgoing = [:]
        for (peer, messages) in outgoing {
            var letter: [SharedConnections.Message] = []
            var byteCount = 0
            for message in messages {
                let count = PeerForm.byteCount(of: message)
                if !letter.isEmpty, byteCount + count > Self.bytesPerLetter {
                    self.send(.connections(letter), to: peer)
                    letter = []
                    byteCount = 0
                }
                letter.append(message)
                byteCount += count
            }
            self.send(.connections(letter), to: peer)
        }
    }

    // MARK: Rates

    private func tellShares() {
        let shares = self.host?.takeShares() ?? []
        guard self.nodes.live.count > 1 else {
            return
        }
        for start in stride(from: 0, to: shares.count, by: Self.sharesPerLetter) {
            self.send(.shares(Array(shares[start..<min(start + Self.sharesPerLetter, shares.count)])), to: nil)
        }
    }

    // MARK: Questions

    private func ask(_ question: PeerForm.Question, then: @escaping ([PeerForm.Answer]) -> Void) {
        self.lastCall += 1
        let number = self.lastCall
        self.calls[number] = (PeerCall(asking: self.nodes), then)
        self.send(.question(question, number: number), to: nil)
        self.endIfOver(number)
        if self.calls[number] != nil {
            self.eventLoop.assumeIsolated()
                .scheduleTask(in: Self.patience) { [weak self] in self?.end(number) }
        }
    }

    private func endIfOver(_ number: Int) {
        if self.calls[number]?.call.isOver ?? false {
            self.end(number)
        }
    }

    private func end(_ number: Int) {
        if let (call, then) = self.calls.removeValue(forKey: number) {
            then(call.answers)
        }
    }

    private func answer(_ question: PeerForm.Question, _ number: Int, to peer: PeerID) {
        let eventLoop = self.eventLoop
        let bound = NIOLoopBound(self, eventLoop: eventLoop)
        switch question {
        case .disconnect(let disconnection, let age):
            self.host?
                .disconnect(disconnection, ageMilliseconds: age) { count in
                    eventLoop.execute {
                        bound.value.send(.answer(.count(count), number: number, isLast: true), to: peer)
                    }
                }
        case .subscribers:
            self.host?
                .countSubscribers { counts in
                    eventLoop.execute { bound.value.tell(Array(counts), number, to: peer) }
                }
        }
    }

    private func tell(_ counts: [(key: ScanID, value: Int)], _ number: Int, to peer: PeerID) {
        var rest = counts[...]
        repeat {
            let piece = Dictionary(rest.prefix(Self.countsPerLetter).map { ($0.key, $0.value) }) { one, _ in one }
            rest = rest.dropFirst(Self.countsPerLetter)
            self.send(.answer(.subscribers(piece), number: number, isLast: rest.isEmpty), to: peer)
        } while !rest.isEmpty
    }

    func subscribersElsewhere(_ then: @escaping @Sendable ([ScanID: Int]) -> Void) {
        self.ask(.subscribers) { answers in
            var counts: [ScanID: Int] = [:]
            for case .subscribers(let some) in answers {
                counts.merge(some) { one, other in one + other }
            }
            then(counts)
        }
    }

    func tellAll(_ disconnection: Disconnection, _ then: @escaping @Sendable (Int) -> Void) {
        self.disconnections.append((disconnection, self.eventLoop.now))
        self.disconnections.removeFirst(max(0, self.disconnections.count - Self.maximumDisconnections))
        self.ask(.disconnect(disconnection, ageMilliseconds: 0)) { answers in
            var sum = 0
            for case .count(let count) in answers {
                sum += count
            }
            then(sum)
        }
    }

    /// Who was not heard of for a while may have missed something: by the time that this is forgotten, a node that was cut
    /// off has closed all its subscribers.
    private func tellDisconnections(_ newcomers: Set<PeerID>) {
        let now = self.eventLoop.now
        let lifetime = self.terms.cutOffAfter + .seconds(60)
        self.disconnections.removeAll { now - $0.at > lifetime }
        for peer in newcomers {
            for (disconnection, at) in self.disconnections {
                let age = Int((now - at).nanoseconds / 1_000_000)
                // Its answer is for a number that nobody waits for.
                self.send(.question(.disconnect(disconnection, ageMilliseconds: age), number: 0), to: peer)
            }
        }
    }

    // MARK: Revocations

    func keep(_ kept: KeptRevocation, _ done: @escaping @Sendable ((any Error)?) -> Void) {
        let deadline = self.eventLoop.now + self.terms.appendTimeout
        self.facts.keep(kept, until: deadline, now: self.wallClock()) { [weak self] isStored in
            if isStored {
                self?.send(.fact, to: nil)
            }
            done(isStored ? nil : PeersUnavailable())
        }
    }
}
