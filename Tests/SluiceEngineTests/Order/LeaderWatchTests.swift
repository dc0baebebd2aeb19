import NIOCore
import SluiceEngine
import Testing

struct LeaderWatchTests {
    private let start = NIODeadline.uptimeNanoseconds(1_000_000_000)

    private func at(_ milliseconds: Int64) -> NIODeadline { self.start + .milliseconds(milliseconds) }

    private func heard() -> LeaderWatch {
        var watch = LeaderWatch(shardCount: 2)
        watch.answered(0, now: self.start)
        watch.answered(1, now: self.start)
        return watch
    }

    @Test
    func whoWasHeardLatelyIsNotAsked() {
        var watch = self.heard()
        watch.answered(1, now: self.at(500))
        #expect(watch.ask(now: self.at(800)) == [])
        #expect(watch.ask(now: self.at(1000)) == [0])
        #expect(watch.ask(now: self.at(2000)) == [0, 1])
        #expect(watch.lastAnswer == self.at(500))
    }

    @Test
    func aLeaderThatDoesNotAnswerIsGone() {
        var watch = self.heard()
        #expect(watch.ask(now: self.at(1000)) == [0, 1])
        watch.answered(1, now: self.at(1001))
        // To be asked again is no new beginning.
        #expect(watch.ask(now: self.at(2000)) == [0, 1])
        #expect(watch.isUp(0, now: self.at(2999)) && watch.isUp(1, now: self.at(2999)))
        #expect(!watch.isUp(0, now: self.at(3000)) && watch.isUp(1, now: self.at(3000)))
        watch.answered(0, now: self.at(5000))
        #expect(watch.isUp(0, now: self.at(5000)))
    }

    @Test
    func whoStoodStillMissesNobody() {
        var watch = self.heard()
        #expect(watch.isUp(0, now: self.at(60_000)))
        #expect(watch.ask(now: self.at(60_000)) == [0, 1])
        #expect(watch.isUp(0, now: self.at(61_000)))
        #expect(!watch.isUp(0, now: self.at(62_000)))
    }

    @Test
    func whoWasNeverHeardIsMissedOnceAsked() {
        var watch = LeaderWatch(shardCount: 1)
        #expect(!watch.isUp(0, now: self.start) && watch.isNotMissed(0, now: self.start))
        #expect(watch.ask(now: self.start) == [0])
        #expect(watch.isNotMissed(0, now: self.at(1000)) && !watch.isNotMissed(0, now: self.at(2000)))
        #expect(watch.lastAnswer == nil)
    }
}
