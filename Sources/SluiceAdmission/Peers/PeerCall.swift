/// A question to all nodes: how many connections were closed, how many subscribers there are.
///
/// It is over when every node has answered that was there when it was asked, or when its time is.
package struct PeerCall<Answer: Sendable>: Sendable {
    private var waiting: Set<PeerID>
    /// What came so far, in the order in which it came.
    package private(set) var answers: [Answer] = []

    /// - Parameter nodes: Those that are asked, but for this one itself.
    package init(asking nodes: PeerSet) {
        self.waiting = Set(nodes.live).subtracting([nodes.own])
    }

    /// A node answers; what comes after its last piece, or from one that was not asked, does not count.
    package mutating func answered(_ answer: Answer, by node: PeerID, isLast: Bool = true) {
        guard self.waiting.contains(node) else {
            return
        }
        self.answers.append(answer)
        if isLast {
            self.waiting.remove(node)
        }
    }

    /// Nodes are gone, and answer no more.
    package mutating func nodesChanged(_ nodes: PeerSet) {
        self.waiting.formIntersection(nodes.live)
    }

    /// Whether nothing more is waited for.
    package var isOver: Bool { self.waiting.isEmpty }
}
