import Testing

@testable import SluiceRelay

@Suite("The index of types")
struct TypeIndexTests {
    @Test("It counts ordinary messages of the types asked for, less those that are kept")
    func counts() {
        var index = TypeIndex()
        for type in ["a", "b", "a", "a"] {
            index.append(type: type, fate: .ordinary)
        }
        index.append(type: "p", fate: .conflated)
        index.append(type: "c", fate: .critical)
        #expect(index.missedCount(in: 1...6, filter: .everything, retainedCount: 0) == 4)
        #expect(index.missedCount(in: 2...6, filter: TypeFilter(["a"]), retainedCount: 1) == 1)
        #expect(index.missedCount(in: 1...6, filter: TypeFilter(["unknown"]), retainedCount: 0) == 0)
        index.markLost(5)
        #expect(index.missedCount(in: 1...6, filter: .everything, retainedCount: 0) == 5)
        index.markLost(77)
    }

    @Test("Types beyond the limit are told apart no more, and none is forgotten")
    func manyTypes() {
        var index = TypeIndex()
        for number in 0..<(TypeIndex.maximumTypes + 10) {
            index.append(type: "t\(number)", fate: .ordinary)
        }
        let all = 1...Seq(clamping: TypeIndex.maximumTypes + 10)
        #expect(index.missedCount(in: all, filter: TypeFilter(["t0"]), retainedCount: 0) == 1)
        #expect(index.missedCount(in: all, filter: TypeFilter(["t4100"]), retainedCount: 0) == 10)
    }
}
