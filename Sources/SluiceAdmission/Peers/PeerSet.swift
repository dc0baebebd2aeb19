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
    package func keeper(of key: some Sequence<UInt8>) -> PeerID {
        let hash = PeerID.hash(key)
        var best = (score: UInt64(0), id: self.own)
        for id in self.live {
            let score = PeerID.mixed(hash ^ id.hash)
            if score > best.score || (score == best.score && id < best.id) {
                best = (score, id)
            }
        }
        return best.id
    }
}

/// Names one run of one gateway.
package struct PeerID: Hashable, Comparable, Sendable, CustomStringConvertible {
    package let text: String
    fileprivate let hash: UInt64

    package init(_ text: String) {
        self.text = text
        self.hash = Self.mixed(Self.hash(text.utf8))
    }

    package var description: String { self.text }

    package static func < (one: Self, other: Self) -> Bool {
        one.text.utf8.lexicographicallyPrecedes(other.text.utf8)
    }

    /// FNV-1a.
    fileprivate static func hash(_ bytes: some Sequence<UInt8>) -> UInt64 {
        bytes.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
    }

    /// Each bit of the result depends on each of the value (the end of SplitMix64).
    fileprivate static func mixed(_ value: UInt64) -> UInt64 {
        var value = value
        value = (value ^ (value >> 30)) &* 0xbf58_476d_1ce4_e5b9
        value = (value ^ (value >> 27)) &* 0x94d0_49bb_1331_11eb
        return value ^ (value >> 31)
    }
}
