/// How many connections users and addresses have on all nodes together: this node's part in it.
///
/// The keeper of a user or an address has the list of its connections on all nodes, in memory. A connection that wants
/// in is asked about there, and is told of when it goes. A keeper that is silent for ``patience`` is not waited for: then
/// the node's own connections count, and the keeper is asked again until it answers; what it refuses then is closed.
/// Where nodes come and go, each tells the new keepers what it has, and what is beyond a limit is closed once
/// ``settling`` is over. Every ``retelling`` all is told anew, so that nothing that got lost is wrong for longer. Time is
/// an argument, and messages are values, which arrive in order from one node at another, or not at all.
package struct SharedConnections: Sendable {
    /// How long a keeper is waited for, in nanoseconds.
    package static let patience: UInt64 = 500_000_000
    /// How often one that has not answered is asked again.
    package static let askInterval: UInt64 = 1_000_000_000
    /// How long after a node came or went too many are let be.
    package static let settling: UInt64 = 1_500_000_000
    /// How often all is told anew.
    package static let retelling: UInt64 = 30_000_000_000

    private struct Connection {
        var since: Int64
        /// Its keys, and of each whether its keeper has answered.
        var keys: [Key: Bool]
        var isIn = false
        var askedAt: UInt64
    }

    /// How many this node allows.
    package var limits: ConnectionLimits.Configuration
    private var nodes: PeerSet
    private var lastID: ConnectionLimits.ID = 0
    private var connections: [ConnectionLimits.ID: Connection] = [:]
    /// This node's connections by key, oldest first, also those that wait.
    private var own: [Key: [ConnectionLimits.ID]] = [:]
    /// Connections of which a keeper has not answered.
    private var open: Set<ConnectionLimits.ID> = []
    /// What is known of keys that this node keeps, or kept lately: oldest first.
    private var kept: [Key: [Name]] = [:]
    /// Keys with too many connections because nodes came or went, and when those are closed.
    private var overfull: [Key: UInt64] = [:]
    private var retoldAt: UInt64?

    package init(limits: ConnectionLimits.Configuration, nodes: PeerSet) {
        self.limits = limits
        self.nodes = nodes
    }

    /// How many connections this node has, also those that wait.
    package var count: Int { self.connections.count }

    /// A connection wants in; the actions say sooner or later whether it may.
    ///
    /// - Parameters:
    ///   - keys: Whose it is, and where it comes from; none for one that counts for neither.
    ///   - since: When it came, in milliseconds since 1970.
    ///   - now: The monotonic clock, in nanoseconds.
    /// - Returns: Its name, and what is to be done.
    package mutating func ask(_ keys: [Key], since: Int64, now: UInt64) -> (ConnectionLimits.ID, [Action]) {
        self.lastID += 1
        let id = self.lastID
        guard self.connections.count < self.limits.total else {
            return (id, [.refuse(id, .total)])
        }
        let states = Dictionary(keys.map { ($0, false) }, uniquingKeysWith: { one, _ in one })
        self.connections[id] = Connection(since: since, keys: states, askedAt: now)
        for key in states.keys {
            self.own[key, default: []].append(id)
        }
        self.open.insert(id)
        var actions: [Action] = []
        self.askKeepers(id, now: now, &actions)
        self.decide(id, &actions)
        return (id, actions)
    }

    /// A connection is gone; a second time does nothing.
    package mutating func release(_ id: ConnectionLimits.ID, now: UInt64) -> [Action] {
        var actions: [Action] = []
        self.remove(id, now: now, &actions)
        return actions
    }

    /// A message came from a node.
    package mutating func received(_ message: Message, from node: PeerID, now: UInt64) -> [Action] {
        var actions: [Action] = []
        switch message {
        case .ask(let key, let name, let terms):
            let isAdmitted = self.judge(key, name, terms, now: now, &actions)
            self.send(.answer(key, name.id, isAdmitted: isAdmitted), to: node, now: now, &actions)
        case .answer(let key, let id, let isAdmitted):
            // Who was the keeper before is not asked any more, and the new one may not have heard of it.
            if node == self.keeper(of: key) {
                self.answered(key, id, isAdmitted: isAdmitted, now: now, &actions)
            }
        case .release(let key, let id):
            self.keep(key, (self.kept[key] ?? []).filter { $0.node != node || $0.id != id })
        case .tell(let key):
            self.tell(key, to: node, isNews: false, now: now, &actions)
        case .tellAll:
            for key in self.own.keys where self.keeper(of: key) == node {
                self.tell(key, to: node, isNews: true, now: now, &actions)
            }
        case .told(let key, let names, let isNews):
            self.learn(key, names.filter { $0.node == node }, of: node, isNews: isNews, now: now)
        case .close(let id, let isReplaced):
            if let connection = self.connections[id] {
                // One that waits for its other keeper has lost its place already.
                actions.append(connection.isIn ? .close(id, isReplaced: isReplaced) : .refuse(id, .user))
                self.remove(id, now: now, &actions)
            }
        }
        return actions
    }

    /// Nodes came or went, or this one lost messages and has another name: keys have other keepers, who are told what
    /// there is.
    package mutating func nodesChanged(_ nodes: PeerSet, now: UInt64) -> [Action] {
        let old = self.nodes
        self.nodes = nodes
        let gone = Set(old.live).subtracting(nodes.live)
        if !gone.isEmpty {
            for (key, names) in self.kept where names.contains(where: { gone.contains($0.node) }) {
                self.keep(key, names.filter { !gone.contains($0.node) })
            }
        }
        var actions: [Action] = []
        for (key, ids) in self.own where old.own != nodes.own || old.keeper(of: key.bytes) != self.keeper(of: key) {
            self.tell(key, to: self.keeper(of: key), isNews: true, now: now, &actions)
            // Who waits for another key's keeper has to be known to this key's, too.
            for id in ids where !(self.connections[id]?.isIn ?? true) {
                self.connections[id]?.keys[key] = false
            }
        }
        for id in self.open.sorted() {
            self.askKeepers(id, now: now, &actions)
            self.decide(id, &actions)
        }
        for newcomer in Set(nodes.live).subtracting(old.live).subtracting([nodes.own]).sorted() {
            actions.append(.send(newcomer, .tellAll))
        }
        return actions
    }

    /// Time has passed.
    package mutating func tick(now: UInt64) -> [Action] {
        var actions: [Action] = []
        for id in self.open.sorted() {
            guard let connection = self.connections[id] else {
                continue
            }
            if !connection.isIn, now >= connection.askedAt + Self.patience {
                self.decideAlone(id, now: now, &actions)
            } else if connection.isIn, now >= connection.askedAt + Self.askInterval {
                self.askKeepers(id, now: now, &actions)
                self.decide(id, &actions)
            }
        }
        for (key, due) in self.overfull where now >= due {
            self.overfull[key] = nil
            self.closeSurplus(of: key, now: now, &actions)
        }
        if let retoldAt = self.retoldAt, now < retoldAt + Self.retelling {
            return actions
        }
        self.retoldAt = now
        self.retell(now: now, &actions)
        return actions
    }

    /// Tells keepers anew what there is, and forgets what is kept elsewhere by now, and whose node never came.
    private mutating func retell(now: UInt64, _ actions: inout [Action]) {
        let live = Set(self.nodes.live)
        for (key, names) in self.kept {
            self.keep(key, self.keeper(of: key) == self.nodes.own ? names.filter { live.contains($0.node) } : [])
        }
        for key in self.own.keys {
            self.tell(key, to: self.keeper(of: key), isNews: false, now: now, &actions)
        }
    }

    private func keeper(of key: Key) -> PeerID { self.nodes.keeper(of: key.bytes) }

    private func terms(of key: Key) -> Terms {
        switch key {
        case .user: Terms(limit: self.limits.perUser, closesOldest: self.limits.whenFull == .closeOldest)
        case .address: Terms(limit: self.limits.perAddress, closesOldest: false)
        }
    }

    /// Sends a message, or hears it where this node is the receiver.
    private mutating func send(_ message: Message, to node: PeerID, now: UInt64, _ actions: inout [Action]) {
        if node == self.nodes.own {
            actions += self.received(message, from: node, now: now)
        } else {
            actions.append(.send(node, message))
        }
    }

    private mutating func tell(_ key: Key, to node: PeerID, isNews: Bool, now: UInt64, _ actions: inout [Action]) {
        let names = (self.own[key] ?? [])
            .compactMap { id in
                self.connections[id].map { Name(node: self.nodes.own, id: id, since: $0.since) }
            }
        self.send(.told(key, names, isNews: isNews), to: node, now: now, &actions)
    }

    private mutating func askKeepers(_ id: ConnectionLimits.ID, now: UInt64, _ actions: inout [Action]) {
        guard let connection = self.connections[id] else {
            return
        }
        self.connections[id]?.askedAt = now
        let name = Name(node: self.nodes.own, id: id, since: connection.since)
        for (key, isAnswered) in connection.keys where !isAnswered {
            self.send(.ask(key, name, self.terms(of: key)), to: self.keeper(of: key), now: now, &actions)
        }
    }

    // MARK: The keeper's part

    private mutating func keep(_ key: Key, _ names: [Name]) {
        self.kept[key] = names.isEmpty ? nil : names
    }

    /// Whether there is room for one more.
    private mutating func judge(
        _ key: Key,
        _ name: Name,
        _ terms: Terms,
        now: UInt64,
        _ actions: inout [Action]
    ) -> Bool {
        var names = self.kept[key] ?? []
        if let rank = names.firstIndex(where: { $0.node == name.node && $0.id == name.id }) {
            guard rank >= terms.limit, !terms.closesOldest else {
                return true
            }
            // It was told of before it was asked about.
            names.remove(at: rank)
            self.keep(key, names)
            return false
        }
        if names.count >= terms.limit {
            // Own ones may have gone while another node was the keeper.
            names.removeAll { $0.node == self.nodes.own && self.connections[$0.id] == nil }
        }
        var oldest: Name?
        if names.count >= terms.limit {
            guard terms.closesOldest else {
                for node in Set(names.map(\.node)).sorted() where node != self.nodes.own {
                    actions.append(.send(node, .tell(key)))
                }
                return false
            }
            oldest = names.removeFirst()
        }
        names.insert(name, at: names.lastIndex { $0 < name }.map { $0 + 1 } ?? 0)
        self.keep(key, names)
        if let oldest {
            self.send(.close(oldest.id, isReplaced: true), to: oldest.node, now: now, &actions)
        }
        return true
    }

    private mutating func learn(_ key: Key, _ names: [Name], of node: PeerID, isNews: Bool, now: UInt64) {
        let before = self.kept[key] ?? []
        let all = (before.filter { $0.node != node } + names).sorted()
        self.keep(key, all)
        // Where it is only that the operator allows fewer than before, those inside stay.
        if all.count > self.terms(of: key).limit, isNews || !names.allSatisfy({ before.contains($0) }) {
            self.overfull[key] = self.overfull[key] ?? now + Self.settling
        }
    }

    private mutating func closeSurplus(of key: Key, now: UInt64, _ actions: inout [Action]) {
        let terms = self.terms(of: key)
        guard let names = self.kept[key], names.count > terms.limit, self.keeper(of: key) == self.nodes.own else {
            return
        }
        let count = names.count - terms.limit
        self.keep(key, Array(terms.closesOldest ? names.dropFirst(count) : names.dropLast(count)))
        for name in terms.closesOldest ? names.prefix(count) : names.suffix(count) {
            self.send(.close(name.id, isReplaced: terms.closesOldest), to: name.node, now: now, &actions)
        }
    }

    // MARK: The part of the connection's node

    private mutating func answered(
        _ key: Key,
        _ id: ConnectionLimits.ID,
        isAdmitted: Bool,
        now: UInt64,
        _ actions: inout [Action]
    ) {
        guard let connection = self.connections[id], connection.keys[key] != nil else {
            // It went meanwhile: its keeper is not to count it.
            if isAdmitted {
                self.send(.release(key, id), to: self.keeper(of: key), now: now, &actions)
            }
            return
        }
        self.connections[id]?.keys[key] = true
        guard !isAdmitted else {
            self.decide(id, &actions)
            return
        }
        // What was let in without its keeper's word goes again.
        actions.append(connection.isIn ? .close(id, isReplaced: false) : .refuse(id, key.reason))
        self.remove(id, now: now, &actions)
    }

    /// A connection whose keepers have all answered is in.
    private mutating func decide(_ id: ConnectionLimits.ID, _ actions: inout [Action]) {
        guard let connection = self.connections[id], !connection.keys.values.contains(false) else {
            return
        }
        self.open.remove(id)
        self.letIn(id, &actions)
    }

    /// A keeper is silent: what this node has itself decides.
    private mutating func decideAlone(_ id: ConnectionLimits.ID, now: UInt64, _ actions: inout [Action]) {
        guard let connection = self.connections[id] else {
            return
        }
        for (key, isAnswered) in connection.keys where !isAnswered {
            let count = (self.own[key] ?? []).count { self.connections[$0]?.isIn ?? false }
            if count >= self.terms(of: key).limit {
                actions.append(.refuse(id, key.reason))
                self.remove(id, now: now, &actions)
                return
            }
        }
        self.letIn(id, &actions)
    }

    private mutating func letIn(_ id: ConnectionLimits.ID, _ actions: inout [Action]) {
        if let connection = self.connections[id], !connection.isIn {
            self.connections[id]?.isIn = true
            actions.append(.admit(id))
        }
    }

    private mutating func remove(_ id: ConnectionLimits.ID, now: UInt64, _ actions: inout [Action]) {
        guard let connection = self.connections.removeValue(forKey: id) else {
            return
        }
        self.open.remove(id)
        for key in connection.keys.keys {
            let rest = (self.own[key] ?? []).filter { $0 != id }
            self.own[key] = rest.isEmpty ? nil : rest
            self.send(.release(key, id), to: self.keeper(of: key), now: now, &actions)
        }
    }
}
