import NIOCore
import SluiceAdmission
import SluiceEngine
import SluiceRelay
import Testing

struct NodeTableTests {
    private func node(_ name: String) -> EngineNode {
        EngineNode(name: name, instance: "i-\(name)", version: "1", load: EngineLoad(), since: 0)
    }

    @Test
    func aNodeIsThereForTwoSecondsAfterItsLastBeat() {
        var table = NodeTable()
        let start = NIODeadline.uptimeNanoseconds(0)
        table.beat(self.node("b"), now: start)
        table.beat(self.node("a"), now: start + .seconds(1))
        #expect(table.nodes.map(\.name) == ["a", "b"])
        table.forget(now: start + .milliseconds(1999))
        #expect(table.count == 2)
        table.forget(now: start + .milliseconds(2000))
        #expect(table.nodes.map(\.name) == ["a"])
        table.beat(self.node("a"), now: start + .seconds(4))
        table.forget(now: start + .seconds(5))
        #expect(table.count == 1)
    }

    @Test
    func aNameIsTakenByWhoHadItBeforeUntilThatIsGone() {
        var table = NodeTable()
        let now = NIODeadline.uptimeNanoseconds(0)
        func node(_ instance: String, since: Int64) -> EngineNode {
            EngineNode(name: "a", instance: instance, version: "1", load: EngineLoad(), since: since)
        }
        let (first, second, twin) = (node("x", since: 5), node("w", since: 6), node("y", since: 5))
        for each in [first, second, twin] { table.beat(each, now: now) }
        #expect(!table.isTaken(nameOf: first))
        #expect(table.isTaken(nameOf: second) && table.isTaken(nameOf: twin))
        #expect(!table.isTaken(nameOf: self.node("b")))
        table.beat(twin, now: now + .seconds(1))
        table.forget(now: now + .seconds(2))
        #expect(!table.isTaken(nameOf: twin) && table.isTaken(nameOf: second))
    }

    @Test
    func allAgreeOnAKeysKeeperAndOnlyALostNodesKeysMove() {
        var table = NodeTable()
        let now = NIODeadline.uptimeNanoseconds(0)
        #expect(table.keeper(of: "x") == nil)
        for name in ["a", "b", "c"] { table.beat(self.node(name), now: now) }
        var other = NodeTable()
        for name in ["c", "a", "b"] { other.beat(self.node(name), now: now) }
        let keys = (0..<3000).map { "key-\($0)" }
        let keepers = keys.map { table.keeper(of: $0) }
        #expect(keepers == keys.map { other.keeper(of: $0) })
        for name in ["a", "b", "c"] {
            let count = keepers.count { $0 == "i-\(name)" }
            #expect((800...1200).contains(count), "\(name) keeps \(count)")
        }
        let ids = ["a", "b", "c"].map { PeerID("i-\($0)") }
        let peers = PeerSet(own: ids[0], others: ids)
        #expect(keepers == keys.map { peers.keeper(of: Array($0.utf8)).text })
        other.left("i-b")
        for (key, keeper) in zip(keys, keepers) where keeper != "i-b" {
            #expect(other.keeper(of: key) == keeper)
        }
    }
}
