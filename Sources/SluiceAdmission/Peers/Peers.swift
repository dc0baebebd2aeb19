package import SluiceBase

/// The other gateways that act as one with this one: what one of them lets in, takes or ends counts on all.
///
/// Nothing blocks, and any thread may ask; answers come once, on any thread. Revocations that are kept here are durable
/// and told to all nodes.
package protocol Peers: RevocationStore {
    /// From now on the host is told of what others do, and asked for what they want to know.
    func begin(_ host: any PeerHost, limits: ConnectionLimits.Configuration)
    /// How many connections this node allows from now on.
    func setLimits(_ limits: ConnectionLimits.Configuration)

    /// Whether a connection may come in, counted over all nodes; it is counted until it is released.
    func admit(
        user: ByteName?,
        address: AddressKey?,
        _ then: @escaping @Sendable (ConnectionLimits.Answer) -> Void
    )
    /// Gives back a connection's place; a second time does nothing.
    func release(_ id: ConnectionLimits.ID)

    /// Keeps a ticket where every node finds it.
    func mint(_ ticket: SealedTicket, _ then: @escaping @Sendable (Result<Void, PeersUnavailable>) -> Void)
    /// What is kept of a ticket; nil where there is none of this digest.
    func ticket(_ digest: String, _ then: @escaping @Sendable (Result<[UInt8]?, PeersUnavailable>) -> Void)
    /// Uses a ticket up; false where it was used before, on whatever node.
    func redeem(_ digest: String, _ then: @escaping @Sendable (Result<Bool, PeersUnavailable>) -> Void)

    /// Ends connections on all other nodes; how many they were, on those that answer in time.
    ///
    /// A node that misses it is told when it is heard of again.
    func tellAll(_ disconnection: Disconnection, _ then: @escaping @Sendable (Int) -> Void)
    /// How many subscribers scans have on all other nodes that answer in time.
    func subscribersElsewhere(_ then: @escaping @Sendable ([ScanID: Int]) -> Void)
}

/// What a gateway does for the others.
///
/// Called on any thread.
package protocol PeerHost: AnyObject, Sendable {
    /// A connection is to be closed: a newer one of its user took its place, or there are too many.
    func close(_ id: ConnectionLimits.ID, isReplaced: Bool)
    /// A revocation was given on some node, perhaps this one.
    func revoked(_ kept: KeptRevocation)
    /// Ends connections that are at least so old; how many they were.
    func disconnect(_ disconnection: Disconnection, ageMilliseconds: Int, _ then: @escaping @Sendable (Int) -> Void)
    /// How many subscribers scans have here.
    func countSubscribers(_ then: @escaping @Sendable ([ScanID: Int]) -> Void)
    /// What was taken of shared rates since this was last asked.
    func takeShares() -> [RateShare]
    /// Pays what was taken elsewhere.
    func pay(_ shares: [RateShare])
}

/// That connections of one user or ingest key are to end.
package enum Disconnection: Hashable, Sendable {
    case user(ByteName)
    case ingestKey(ByteName)

    /// Whether it ends a connection of this identity.
    package func hits(_ identity: Identity) -> Bool {
        switch self {
        case .user(let name): identity.isUser && identity.subject == name
        case .ingestKey(let name): identity.kind == .ingestKey && identity.subject == name
        }
    }
}

/// What was taken of a rate on one node.
package struct RateShare: Hashable, Sendable {
    /// Which rate.
    package var limit: String
    /// Whose, by a text that is the same on all nodes.
    package var key: String
    package var count: Int

    package init(limit: String, key: String, count: Int) {
        self.limit = limit
        self.key = key
        self.count = count
    }
}

/// The other nodes, or what they share, could not be reached in time.
package struct PeersUnavailable: Error, Equatable {
    package init() {}
}
