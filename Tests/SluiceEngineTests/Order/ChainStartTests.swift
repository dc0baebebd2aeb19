import SluiceEngine
import Testing

/// Records as the places that they name and their own; what stood before them is gone.
struct ChainStartTests {
    private func start(_ links: [(prev: UInt64, sequence: UInt64)]) -> [Int?] {
        var start = ChainStart()
        for link in links {
            if let index = start.take(link.sequence, prev: link.prev, bytes: 1) { return [index, index] }
        }
        return [nil, start.best]
    }

    @Test
    func theChainBeginsWithTheFirstRecordThatALaterOneNames() {
        #expect(self.start([(4, 9), (9, 10)]) == [0, 0])
        // 9 and 10 raced for the place behind 8, which is gone, and 10 was late.
        #expect(self.start([(8, 9), (8, 10), (9, 12)]) == [0, 0])
        // 9 raced with 8 for the place behind 5: 8 was first, and both are gone but 9.
        #expect(self.start([(5, 9), (8, 10), (10, 12)]) == [1, 1])
    }

    @Test
    func whereNoneNamesAnotherTheNewestPlaceThatIsNamedIsThatOfTheLastThatCounted() {
        #expect(self.start([(8, 9)]) == [nil, 0])
        #expect(self.start([(8, 9), (8, 10)]) == [nil, 0])
        #expect(self.start([(5, 9), (8, 10)]) == [nil, 1])
        #expect(self.start([(5, 9), (5, 10), (8, 11), (8, 12)]) == [nil, 2])
        #expect(self.start([]) == [nil, nil])
    }

    @Test
    func whatIsKeptUntilThenIsBounded() {
        var start = ChainStart()
        for number in 1..<UInt64(ChainStart.maximumCount) {
            #expect(start.take(100 + number, prev: 7, bytes: 10) == nil)
        }
        #expect(start.take(1000, prev: 9, bytes: 10) == ChainStart.maximumCount - 1)
        var large = ChainStart()
        #expect(large.take(9, prev: 7, bytes: ChainStart.maximumBytes / 2) == nil)
        #expect(large.take(10, prev: 7, bytes: ChainStart.maximumBytes / 2) == 0)
    }
}
