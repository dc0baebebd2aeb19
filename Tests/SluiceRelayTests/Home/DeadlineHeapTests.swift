import NIOCore
import TestSupport
import Testing

@testable import SluiceRelay

@Suite("Who is woken when")
struct DeadlineHeapTests {
    private static func time(_ nanoseconds: Int) -> NIODeadline {
        .uptimeNanoseconds(UInt64(nanoseconds))
    }

    @Test(
        "The first to be woken stands first; one set later than it is stays, one set earlier moves, one removed is gone"
    )
    func order() {
        var heap = DeadlineHeap<String>()
        heap.set("a", at: Self.time(30))
        heap.set("b", at: Self.time(10))
        heap.set("c", at: Self.time(20))
        heap.set("b", at: Self.time(40))
        #expect(heap.next == Self.time(10))
        heap.set("a", at: Self.time(5))
        heap.remove("c")
        heap.remove("nobody")
        #expect(heap.popAllDue(now: Self.time(4)).isEmpty)
        #expect(heap.popAllDue(now: Self.time(50)) == ["a", "b"])
        #expect(heap.popAllDue(now: Self.time(50)).isEmpty && heap.next == nil)
    }

    @Test("A random history gives what a sorted list would", arguments: 0..<20 as Range<UInt64>)
    func random(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        var heap = DeadlineHeap<Int>()
        var list: [Int: Int] = [:]
        for _ in 0..<500 {
            let key = Int.random(in: 0..<40, using: &random)
            switch Int.random(in: 0..<10, using: &random) {
            case 0..<6:
                let time = Int.random(in: 0..<1000, using: &random)
                heap.set(key, at: Self.time(time))
                list[key] = min(list[key] ?? .max, time)
            case 6..<8:
                heap.remove(key)
                list[key] = nil
            default:
                let now = Int.random(in: 0..<300, using: &random)
                let woken = heap.popAllDue(now: Self.time(now))
                #expect(woken.map { list[$0] } == list.values.filter { $0 <= now }.sorted())
                list = list.filter { !woken.contains($0.key) }
            }
            #expect(heap.count == list.count)
            #expect(heap.next == list.values.min().map { Self.time($0) })
        }
    }
}
