import SluiceBase
import TestSupport

@testable import SluiceAdmission

/// Connections that come and go on several nodes, whose messages arrive late, while nodes come and go and hear of each
/// other in any order, and messages get lost.
struct ConnectionSchedule {
    enum Disturbance {
        case none
        /// Nodes come and go.
        case nodes
        /// And messages get lost.
        case losses
    }

    /// What a node is yet to hear of another.
    private struct News {
        var node: PeerID
        var isThere: Bool
    }

    struct Connection: Hashable {
        var node: PeerID
        var id: ConnectionLimits.ID
    }

    private static let allIDs = ["a", "b", "c", "d"].map { PeerID($0) }
    private static let users: [SharedConnections.Key] = [.user("u"), .user("v")]
    private static let addresses = ["10.0.0.1", "10.0.0.2"].compactMap { AddressKey($0) }
        .map { SharedConnections.Key.address($0) }

    private let disturbance: Disturbance
    private var random: SplitMix64
    private var now: UInt64 = 1_000_000_000_000
    private var limits = ConnectionLimits.Configuration()
    private var nodes: [PeerID: SharedConnections] = [:]
    /// What is on the way from one node to another, in order.
    private var wires: [[PeerID]: [SharedConnections.Message]] = [:]
    private var keys: [Connection: [SharedConnections.Key]] = [:]
    private var isIn: Set<Connection> = []
    private var news: [PeerID: [News]] = [:]
    private var views: [PeerID: Set<PeerID>] = [:]
    private var joinedCount = 0
    private(set) var refusedCount = 0
    private(set) var closedCount = 0
    private(set) var failures: [String] = []

    init(seed: UInt64, whenFull: ConnectionLimits.Configuration.WhenFull, disturbance: Disturbance) {
        self.random = SplitMix64(seed: seed)
        self.disturbance = disturbance
        self.limits.perUser = Int.random(in: 1...3, using: &self.random)
        self.limits.perAddress = Int.random(in: 2...5, using: &self.random)
        self.limits.whenFull = whenFull
        for id in Self.allIDs.prefix(3) {
            self.join(id)
        }
        while self.hearNews() {}
    }

    mutating func run() -> [String] {
        for _ in 0..<300 {
            self.step()
            if self.disturbance == .none {
                self.checkLimits("")
            }
        }
        self.settle(seconds: self.disturbance == .losses ? 2 * 35 : 4)
        self.checkLimits("at the end: ")
        self.checkRoom()
        return self.failures
    }

    private mutating func step() {
        switch Int.random(in: 0..<100, using: &self.random) {
        case 0..<25:
            self.connect()
        case 25..<40:
            if let one = self.isIn.sorted(by: Self.precedes).randomElement(using: &self.random) {
                self.release(one)
            }
        case 40..<80:
            self.deliverOne(loses: self.disturbance == .losses && Int.random(in: 0..<20, using: &self.random) == 0)
        case 80..<85:
            _ = self.hearNews()
        case 85..<97:
            let most: UInt64 = self.disturbance == .none ? 4_000_000 : 400_000_000
            self.pass(UInt64.random(in: 1...most, using: &self.random))
        default:
            if self.disturbance != .none {
                self.changeNodes()
            }
        }
        if self.disturbance == .none {
            // Nobody loses patience where nothing is lost.
            while self.wires.values.joined().count > 6 {
                self.deliverOne(loses: false)
            }
        }
    }

    private mutating func connect(_ keys: [SharedConnections.Key]? = nil, on id: PeerID? = nil) {
        guard let id = id ?? self.nodes.keys.sorted().randomElement(using: &self.random),
            let user = Self.users.randomElement(using: &self.random),
            let address = Self.addresses.randomElement(using: &self.random)
        else {
            return
        }
        let keys = keys ?? (Bool.random(using: &self.random) ? [user, address] : [user])
        let since = Int64(self.now / 1_000_000)
        guard let (connection, actions) = self.nodes[id]?.ask(keys, since: since, now: self.now) else {
            return
        }
        self.keys[Connection(node: id, id: connection)] = keys
        self.act(actions, on: id)
    }

    private mutating func release(_ one: Connection) {
        self.isIn.remove(one)
        self.act(self.nodes[one.node]?.release(one.id, now: self.now) ?? [], on: one.node)
    }

    private mutating func act(_ actions: [SharedConnections.Action], on id: PeerID) {
        for action in actions {
            switch action {
            case .send(let other, let message):
                self.wires[[id, other], default: []].append(message)
            case .admit(let connection):
                if !self.isIn.insert(Connection(node: id, id: connection)).inserted {
                    self.failures.append("admitted twice")
                }
            case .refuse(let connection, _):
                self.refusedCount += 1
                if self.isIn.contains(Connection(node: id, id: connection)) {
                    self.failures.append("refused what is in")
                }
            case .close(let connection, _):
                self.closedCount += 1
                if self.isIn.remove(Connection(node: id, id: connection)) == nil {
                    self.failures.append("closed what is not in")
                }
            }
        }
    }

    private mutating func deliverOne(loses: Bool) {
        let busy = self.wires.filter { !$0.value.isEmpty }.keys
        guard let wire = busy.sorted(by: { $0.lexicographicallyPrecedes($1) }).randomElement(using: &self.random),
            let message = self.wires[wire]?.removeFirst(), !loses
        else {
            return
        }
        self.act(self.nodes[wire[1]]?.received(message, from: wire[0], now: self.now) ?? [], on: wire[1])
    }

    private mutating func pass(_ nanoseconds: UInt64) {
        self.now += nanoseconds
        for id in self.nodes.keys.sorted() {
            self.act(self.nodes[id]?.tick(now: self.now) ?? [], on: id)
        }
    }

    private mutating func join(_ id: PeerID) {
        self.nodes[id] = SharedConnections(limits: self.limits, nodes: PeerSet(own: id))
        self.views[id] = [id]
        for other in self.nodes.keys where other != id {
            self.news[other, default: []].append(News(node: id, isThere: true))
            self.news[id, default: []].append(News(node: other, isThere: true))
        }
    }

    /// A node dies with its connections, or another one starts, or one does not hear of another for a while.
    private mutating func changeNodes() {
        let ids = self.nodes.keys.sorted()
        if Int.random(in: 0..<3, using: &self.random) == 0, let one = ids.randomElement(using: &self.random),
            let other = ids.randomElement(using: &self.random), one != other
        {
            self.news[one, default: []] += [News(node: other, isThere: false), News(node: other, isThere: true)]
        } else if self.nodes.count > 2, let id = self.nodes.keys.sorted().randomElement(using: &self.random) {
            self.nodes[id] = nil
            self.views[id] = nil
            self.news[id] = nil
            self.isIn = self.isIn.filter { $0.node != id }
            self.wires = self.wires.filter { !$0.key.contains(id) }
            for other in self.nodes.keys {
                self.news[other, default: []].append(News(node: id, isThere: false))
            }
        } else {
            // A name is of one run.
            self.joinedCount += 1
            self.join(PeerID("n\(self.joinedCount)"))
        }
    }

    /// Some node hears of another; of each it hears in order, and of several in any.
    private mutating func hearNews() -> Bool {
        let waiting = self.news.filter { !$0.value.isEmpty }.keys.sorted()
        guard let id = waiting.randomElement(using: &self.random), let news = self.news[id],
            let some = news.indices.randomElement(using: &self.random),
            let index = news.firstIndex(where: { $0.node == news[some].node }), var view = self.views[id]
        else {
            return false
        }
        self.news[id]?.remove(at: index)
        if news[index].isThere {
            view.insert(news[index].node)
        } else {
            view.remove(news[index].node)
        }
        self.views[id] = view
        let set = PeerSet(own: id, others: Array(view))
        self.act(self.nodes[id]?.nodesChanged(set, now: self.now) ?? [], on: id)
        return true
    }

    /// Nothing happens any more, and all that is on the way arrives.
    private mutating func settle(seconds: UInt64) {
        while self.hearNews() {}
        for _ in 0..<4 * seconds {
            while self.wires.values.contains(where: { !$0.isEmpty }) {
                self.deliverOne(loses: false)
            }
            self.pass(250_000_000)
        }
    }

    private func count(_ key: SharedConnections.Key) -> Int {
        self.isIn.count { self.keys[$0]?.contains(key) ?? false }
    }

    private func limit(_ key: SharedConnections.Key) -> Int {
        if case .user = key { self.limits.perUser } else { self.limits.perAddress }
    }

    private mutating func checkLimits(_ what: String) {
        // The oldest is closed by a message, so a user may have one more for as long as that takes, each time.
        guard self.limits.whenFull == .refuse || !what.isEmpty else {
            return
        }
        for key in Self.users + Self.addresses where self.count(key) > self.limit(key) {
            self.failures.append("\(what)\(self.count(key)) of \(key), limit \(self.limit(key))")
        }
    }

    /// Where there is room a connection is let in, at the second attempt at the latest, and where there is none it is not.
    private mutating func checkRoom() {
        for key in Self.users + Self.addresses {
            let before = self.count(key)
            for _ in 0..<2 where self.count(key) == before {
                self.connect([key], on: self.nodes.keys.sorted().first)
                self.settle(seconds: 3)
            }
            if self.count(key) != min(before + 1, self.limit(key)) {
                self.failures.append("\(before) of \(key), then \(self.count(key)), limit \(self.limit(key))")
            }
        }
    }

    private static func precedes(_ one: Connection, _ other: Connection) -> Bool {
        (one.node, one.id) < (other.node, other.id)
    }
}
