import NIOCore
import SluiceEngine
import Testing

struct AppendMachineTests {
    private let start = NIODeadline.uptimeNanoseconds(1_000_000_000)

    private func at(_ milliseconds: Int64) -> NIODeadline { self.start + .milliseconds(milliseconds) }

    private func begun() -> AppendMachine {
        var machine = AppendMachine()
        let action = machine.begin("a", prev: 4, deadline: self.at(10_000), now: self.start)
        #expect(action == .publish(attempt: 1))
        return machine
    }

    @Test
    func itIsConfirmedWhenItIsReadAtItsPlaceWithOrWithoutAnAnswer() {
        var answered = self.begun()
        #expect(answered.answered(.stored, attempt: 1, of: "a", now: self.at(1)) == .doNothing)
        #expect(answered.counted("a") == .settle(.confirmed))
        #expect(answered.isIdle)
        var unanswered = self.begun()
        #expect(unanswered.counted("a") == .settle(.confirmed))
    }

    @Test
    func anotherRecordInItsPlaceOvertakesIt() {
        var machine = self.begun()
        #expect(machine.counted("b") == .settle(.overtaken))
        #expect(machine.overtakenCount == 1)
    }

    @Test
    func refusedItIsOvertakenByTheCopyThatFollowsAndNothingIsRead() {
        var machine = self.begun()
        #expect(machine.answered(.refused, attempt: 1, of: "a", now: self.at(1)) == .doNothing)
        #expect(machine.tick(now: self.at(20)) == .doNothing)
        #expect(machine.counted("b") == .settle(.overtaken))
        #expect(machine.isIdle && machine.repeatCount == 0)
    }

    @Test
    func refusedItIsWrittenAgainOnlyOnceTheLogWasReadOn() {
        var machine = self.begun()
        #expect(machine.answered(.refused, attempt: 1, of: "a", now: self.at(1)) == .doNothing)
        #expect(machine.deadline == self.at(21))
        #expect(machine.tick(now: self.at(21)) == .readOn)
        #expect(machine.tick(now: self.at(900)) == .doNothing)
        #expect(machine.readUp(now: self.at(901)) == .publish(attempt: 2))
        // From the second attempt on it waits before the next one.
        #expect(machine.answered(.refused, attempt: 2, of: "a", now: self.at(902)) == .doNothing)
        #expect(machine.tick(now: self.at(922)) == .readOn)
        #expect(machine.readUp(now: self.at(923)) == .doNothing)
        #expect(machine.deadline == self.at(933))
        #expect(machine.tick(now: self.at(933)) == .publish(attempt: 3))
        #expect(machine.repeatCount == 2)
    }

    @Test
    func withoutAnAnswerTheLogIsReadOnAfter400Milliseconds() {
        var machine = self.begun()
        #expect(machine.tick(now: self.at(399)) == .doNothing)
        #expect(machine.tick(now: self.at(400)) == .readOn)
        // What the first attempt's server says now changes nothing.
        #expect(machine.answered(.stored, attempt: 1, of: "a", now: self.at(401)) == .doNothing)
        #expect(machine.counted("a") == .settle(.confirmed))
    }

    @Test
    func aStoredRecordWhoseCopyIsLostIsRead() {
        var machine = self.begun()
        #expect(machine.answered(.stored, attempt: 1, of: "a", now: self.at(5)) == .doNothing)
        #expect(machine.tick(now: self.at(104)) == .doNothing)
        #expect(machine.tick(now: self.at(105)) == .readOn)
    }

    @Test
    func itIsGivenUpAtItsTimeInEveryState() {
        for answers in [[], [AppendMachine.Answer.stored], [.refused], [.failed]] {
            var machine = self.begun()
            for answer in answers { _ = machine.answered(answer, attempt: 1, of: "a", now: self.at(1)) }
            #expect(machine.tick(now: self.at(10_000)) == .settle(.unavailable), "\(answers)")
        }
    }

    @Test
    func readAnewItIsWrittenAgainOnlyWhereNothingFollowsWhatItNames() {
        var same = self.begun()
        same.pause()
        #expect(same.reopened(last: 4, readAfter: 2, now: self.at(50)) == .publish(attempt: 2))
        var other = self.begun()
        other.pause()
        other.found("c")
        #expect(other.reopened(last: 9, readAfter: 2, now: self.at(50)) == .settle(.overtaken))
        var own = self.begun()
        own.pause()
        own.found("a")
        #expect(own.reopened(last: 9, readAfter: 2, now: self.at(50)) == .settle(.confirmed))
        // What followed the record that it names is gone: it may have been there.
        var unknown = self.begun()
        unknown.pause()
        #expect(unknown.reopened(last: 9, readAfter: 7, now: self.at(50)) == .settle(.unavailable))
    }
}
