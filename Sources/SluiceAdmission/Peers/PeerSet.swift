import SluiceBase

/// The gateways that act as one and are alive, as this one knows them, and which of them keeps what.
///
/// What needs one place (how many connections a user has) has a *keeper*: the live node whose name and the key hash
/// highest, which all nodes find out by themselves. Where a node comes or goes, only the keys move that it keeps.
package struct PeerSet: Sendable, Equatable {
    /// This node.
    package let own: PeerID
    /// The live nodes, this one among them, each once and in order.
    package let live: [PeerID]

    /// - Parameters:
    ///   - own: This node.
    ///   - others: The other live ones.
    package init(own: PeerID, others: [PeerID] = []) {
        self.own = own
        self.live = Set([own] + others).sorted()
    }

    /// The node that keeps a key: every node says the same that knows of the same nodes.
    package func keeper(of key: [UInt8]) -> PeerID {
        PeerID.keeper(of: StableHash.of(key), among: self.live) ?? self.own
    }
}

/// Names one run of one gateway.
package struct PeerID: Hashable, Comparable, Sendable, CustomStringConvertible {
    package let text: String
    private let hash: UInt64

    package init(_ text: String) {
        self.text = text
        self.hash = StableHash.mixed(StableHash.of(text))
    }

    package var description: String { self.text }

    package static func < (one: Self, other: Self) -> Bool {
        one.text.utf8.lexicographicallyPrecedes(other.text.utf8)
    }

    /// Which of several nodes keeps a key (rendezvous hashing); nil where there are none.
    ///
    /// - Parameters:
    ///   - key: The key's ``StableHash``.
    ///   - nodes: In whatever order.
    /// - Returns: One of them, the same on every node.
    package static func keeper(of key: UInt64, among nodes: [PeerID]) -> PeerID? {
        nodes.max { one, other in
            let scores = (StableHash.mixed(key ^ one.hash), StableHash.mixed(key ^ other.hash))
            return scores.0 < scores.1 || scores.0 == scores.1 && other < one
        }
    }
}
