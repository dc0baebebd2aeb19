import SluiceBase
import Testing

@testable import SluiceStorage

/// Whose turn it is to be read.
@Suite
struct ReadQueueTests {
    @Test("Each scan has its turn, however much is asked of one; those of one scan keep their order")
    func turns() throws {
        var queue = ReadQueue<String>(maximumCount: 100)
        let name = ReadQueue<String>.Scan.name(try #require(ScanID("c")))
        for number in 1...4 {
            let isTaken = queue.add("a\(number)", of: .life(1))
            #expect(isTaken)
        }
        _ = queue.add("b1", of: .life(2))
        _ = queue.add("b2", of: .life(2))
        _ = queue.add("c1", of: name)
        var order: [String] = []
        while let job = queue.next() {
            order.append(job)
            if job == "b2" {
                _ = queue.add("c2", of: name)
            }
        }
        #expect(order == ["a1", "b1", "c1", "a2", "b2", "a3", "c2", "a4"])
        #expect(queue.isEmpty)
    }

    @Test("One scan's reads leave room for the others', and all together have a bound")
    func bounds() {
        var queue = ReadQueue<Int>(maximumCount: 10)
        let own = (0..<20).count { queue.add($0, of: .life(1)) }
        #expect(own == 5)
        let others = (2..<20).count { queue.add(0, of: .life(Int64($0))) }
        #expect(others == 5)
        _ = queue.next()
        let next = queue.add(0, of: .life(30))
        #expect(next)
    }
}
