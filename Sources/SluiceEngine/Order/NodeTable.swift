package import NIOCore
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

    private var heard: [String: (node: EngineNode, at: NIODeadline)] = [:]

    package init() {}

    package mutating func beat(_ node: EngineNode, now: NIODeadline) {
        guard self.heard[node.instance] != nil || self.heard.count < Self.maximumCount else {
            return
        }
        self.heard[node.instance] = (node, now)
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
        self.heard.keys.max { one, other in
            (Self.weight(one, key), one) < (Self.weight(other, key), other)
        }
    }

    private static func weight(_ instance: String, _ key: String) -> UInt64 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in instance.utf8 + [0] + Array(key.utf8) {
            hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3
        }
        // The upper bits of FNV change little with the last bytes.
        hash = (hash ^ hash >> 33) &* 0xff51_afd7_ed55_8ccd
        return hash ^ hash >> 33
    }
}
