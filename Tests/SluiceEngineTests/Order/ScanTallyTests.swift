import NIOCore
import SluiceEngine
import SluiceRelay
import Testing

@Suite("How many scans nodes have together")
struct ScanTallyTests {
    private static func at(_ milliseconds: Int64) -> NIODeadline { .uptimeNanoseconds(0) + .milliseconds(milliseconds) }

    @Test("What nodes do after a list changes its count, and a node that is not heard takes nothing back")
    func changes() {
        var tally = ScanTally()
        tally.tell(["a": ScanChanges(begun: 5), "b": ScanChanges()], now: Self.at(0))
        tally.begin(now: Self.at(10_000))
        tally.end(count: 5, now: Self.at(10_010))
        #expect(tally.count == 5 && !tally.isDue(now: Self.at(20_000)))
        tally.tell(["a": ScanChanges(begun: 6), "b": ScanChanges(begun: 3)], now: Self.at(12_000))
        tally.tell(["a": ScanChanges(begun: 6)], now: Self.at(15_000))
        #expect(tally.count == 9 && !tally.isDue(now: Self.at(20_000)))
        tally.tell(["a": ScanChanges(begun: 6, ended: 1), "b": ScanChanges(begun: 3, ended: 2)], now: Self.at(16_000))
        #expect(tally.count == 6)
    }

    @Test(
        "What a list may have already has it made anew, a second later",
        arguments: [
            ScanChanges(begun: 1), ScanChanges(ended: 1), ScanChanges(begun: 1, ended: 1),
        ]
    )
    func doubt(change: ScanChanges) {
        var tally = ScanTally()
        tally.tell(["a": ScanChanges()], now: Self.at(0))
        tally.begin(now: Self.at(10_000))
        tally.end(count: 5, now: Self.at(10_010))
        // Done before the list, told after it.
        tally.tell(["a": change], now: Self.at(10_700))
        #expect(tally.count == 5 + change.begun - change.ended)
        #expect(!tally.isDue(now: Self.at(11_010)) && tally.isDue(now: Self.at(11_011)))
        tally.begin(now: Self.at(11_011))
        #expect(!tally.isDue(now: Self.at(30_000)))
        tally.end(count: 5, now: Self.at(11_020))
        #expect(tally.count == 5 && !tally.isDue(now: Self.at(30_000)))
    }

    @Test("A node that is heard for the first time brings nothing that the list does not have")
    func newcomer() {
        var tally = ScanTally()
        tally.begin(now: Self.at(0))
        tally.end(count: 50, now: Self.at(10))
        tally.tell(["late": ScanChanges(begun: 50)], now: Self.at(5000))
        #expect(tally.count == 50)
        tally.tell(["late": ScanChanges(begun: 51)], now: Self.at(6000))
        #expect(tally.count == 51)
    }

    @Test("A list that took long is made anew after ten times as long, and one that failed, too")
    func pauses() {
        var tally = ScanTally()
        tally.begin(now: Self.at(0))
        tally.tell(["a": ScanChanges(begun: 1)], now: Self.at(500))
        tally.end(count: 5, now: Self.at(1000))
        #expect(!tally.isDue(now: Self.at(11_000)) && tally.isDue(now: Self.at(11_001)))
        tally.begin(now: Self.at(11_001))
        tally.end(count: nil, now: Self.at(11_002))
        #expect(tally.count == 5 && tally.isDue(now: Self.at(12_003)))
    }

    @Test("A second after the last change is told, and a list is made, the count is right", arguments: UInt64(0)..<200)
    func schedules(seed: UInt64) {
        var random = seed
        func next(_ bound: UInt64) -> Int64 {
            random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int64((random >> 33) % bound)
        }
        var tally = ScanTally()
        var done = ["a": ScanChanges(), "b": ScanChanges(), "c": ScanChanges()]
        var scanCount: Int { done.values.reduce(0) { $0 + $1.begun - $1.ended } }
        var told: [(at: Int64, node: String, changes: ScanChanges)] = []
        var listedAt: Int64?
        var now: Int64 = 10_000
        var listedCount = 0
        tally.begin(now: Self.at(now))
        tally.end(count: 0, now: Self.at(now))
        let quiet = now + 10_000
        while now < quiet + 3000 {
            now += 10
            if now < quiet, next(40) == 0 {
                let node = ["a", "b", "c"][Int(next(3))]
                let isEnd = next(3) == 0 && scanCount > 0
                let changes = (done[node] ?? ScanChanges()) + ScanChanges(begun: isEnd ? 0 : 1, ended: isEnd ? 1 : 0)
                done[node] = changes
                told.append((now + 10 + next(940), node, changes))
            }
            // Each node's word comes in the order in which it was said.
            var heard: [String: ScanChanges] = [:]
            for node in done.keys {
                let known = told.filter { $0.node == node && $0.at <= now }
                heard[node] = known.last?.changes ?? ScanChanges()
            }
            tally.tell(heard, now: Self.at(now))
            if let at = listedAt, now >= at {
                tally.end(count: listedCount, now: Self.at(now))
                listedAt = nil
            } else if listedAt == nil, tally.isDue(now: Self.at(now)) {
                tally.begin(now: Self.at(now))
                listedAt = now + 20
                // Read at some time in between; here at the beginning.
                listedCount = scanCount
            }
        }
        #expect(tally.count == scanCount)
    }
}
