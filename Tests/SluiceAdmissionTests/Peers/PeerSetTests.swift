import Testing

@testable import SluiceAdmission

@Suite("Which gateways there are, and which keeps what")
struct PeerSetTests {
    private func peers(_ own: String, _ others: String...) -> PeerSet {
        PeerSet(own: PeerID(own), others: others.map { PeerID($0) })
    }

    @Test("All nodes name the same keeper, each keeps its share, and only a lost node's keys move")
    func keepers() {
        let views = [self.peers("a", "b", "c"), self.peers("b", "c", "a", "b"), self.peers("c", "a", "b")]
        #expect(views.allSatisfy { $0.live.map(\.text) == ["a", "b", "c"] })
        let smaller = self.peers("a", "b")
        var shares: [PeerID: Int] = [:]
        for number in 0..<9000 {
            let key = Array("user-\(number)".utf8)
            let keepers = Set(views.map { $0.keeper(of: key) })
            #expect(keepers.count == 1)
            let keeper = views[0].keeper(of: key)
            shares[keeper, default: 0] += 1
            #expect(keeper == PeerID("c") || smaller.keeper(of: key) == keeper)
        }
        #expect(shares.count == 3 && shares.values.allSatisfy { (2700...3300).contains($0) }, "\(shares)")
    }

    @Test("Who keeps what never changes")
    func values() {
        let nodes = self.peers("b-1", "c-2", "a-1")
        let keepers = (0..<6).map { nodes.keeper(of: Array("user-\($0)".utf8)).text }
        #expect(keepers == ["a-1", "a-1", "a-1", "c-2", "c-2", "a-1"])
        #expect(PeerID.keeper(of: 7, among: []) == nil)
    }

    @Test("A question is over when all have answered that were there, or are gone")
    func calls() {
        var call = PeerCall<Int>(asking: self.peers("a", "b", "c"))
        call.answered(3, by: PeerID("b"), isLast: false)
        call.answered(5, by: PeerID("b"))
        call.answered(7, by: PeerID("b"))
        call.answered(9, by: PeerID("d"))
        #expect(call.answers == [3, 5] && !call.isOver)
        call.nodesChanged(self.peers("a", "b", "d"))
        #expect(call.isOver)
        #expect(PeerCall<Int>(asking: self.peers("a")).isOver)
    }
}
