import SluiceEngine
import Testing

struct PublishBudgetTests {
    @Test
    func onlyWhatIsPublishedAndUnansweredCountsAndOneIsAlwaysLet() {
        var budget = PublishBudget(maximumBytes: 100)
        var taken: [Bool] = []
        for _ in 0..<5 { taken.append(budget.take(30)) }
        #expect(taken == [true, true, true, false, false])
        // Those that were not let are tried again, and hold nothing meanwhile.
        budget.giveBack(30)
        #expect([budget.take(40), budget.take(1)] == [true, false])
        for bytes in [30, 30, 40] { budget.giveBack(bytes) }
        #expect([budget.take(1000), budget.take(1)] == [true, false])
        budget.giveBack(1000)
        #expect(budget == PublishBudget(maximumBytes: 100))
    }
}
