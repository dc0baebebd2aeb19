package import NIOCore
import SluiceAdmission
import SluiceBase
package import SluiceRelay

/// The processes that share the log, by their beats.
///
/// A node without a beat for two seconds is gone. Which node keeps a key follows from the node instances and the key
/// alone (rendezvous hashing), so all nodes agree, except for moments.
package struct NodeTable: Sendable {
    /// How often a node sends a beat.
    package static let beatInterval = TimeAmount.milliseconds(500)
    package static let lifetime = TimeAmount.seconds(2)
    /// The most nodes that are known; beats of others are ignored.
    private static let maximumCount = 1000

    private var heard: [String: (node: EngineNode, id: PeerID, at: NIODeadline)] = [:]

    package init() {}

    package mutating func beat(_ node: EngineNode, now: NIODeadline) {
        guard self.heard[node.instance] != nil || self.heard.count < Self.maximumCount else {
            return
        }
        self.heard[node.instance] = (node, self.heard[node.instance]?.id ?? PeerID(node.instance), now)
    }

    /// Removes a node.
    package mutating func left(_ instance: String) {
        self.heard[instance] = nil
    }

    package mutating func forget(now: NIODeadline) {
        self.heard = self.heard.filter { now - $0.value.at < Self.lifetime }
    }

    /// The known nodes, by name.
    package var nodes: [EngineNode] {
        self.heard.values.map(\.node).sorted { ($0.name, $0.instance) < ($1.name, $1.instance) }
    }

    package var count: Int { self.heard.count }

    /// Whether another node has this node's name, and had it before.
    package func isTaken(nameOf node: EngineNode) -> Bool {
        self.heard.values.contains {
            $0.node.name == node.name && $0.node.instance != node.instance
                && ($0.node.since, $0.node.instance) < (node.since, node.instance)
        }
    }

    /// The instance that keeps a key; nil where no node is known.
    package func keeper(of key: String) -> String? {
        PeerID.keeper(of: StableHash.of(key), among: self.heard.values.map(\.id))?.text
    }
}
