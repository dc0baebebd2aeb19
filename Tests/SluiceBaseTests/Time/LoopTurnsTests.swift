import NIOCore
import NIOEmbedded
import SluiceBase
import Testing

@Suite("Turns of a loop")
struct LoopTurnsTests {
    /// A loop that is watched, and looks at its sockets when the test says so.
    private final class Loop {
        let eventLoop = EmbeddedEventLoop()

        init() {
            LoopTurns.watch([self.eventLoop])
        }

        deinit {
            LoopTurns.forget([self.eventLoop])
        }

        /// Other tasks take their time: waiting work is due again and again, and the loop has not looked at its
        /// sockets.
        func stayBusy() {
            for _ in 0..<10 {
                self.eventLoop.advanceTime(by: .microseconds(100))
            }
        }

        func look() {
            LoopTurns.ended(ObjectIdentifier(self.eventLoop))
        }
    }

    @Test("Work in slices waits until the loop has looked at its sockets, however long other tasks take")
    func turns() {
        let loop = Loop()
        var slices: [String] = []
        func goOn(_ name: String, _ count: Int) {
            slices.append(name)
            if count > 1 {
                loop.eventLoop.nextTurn { goOn(name, count - 1) }
            }
        }
        goOn("a", 3)
        goOn("b", 3)
        for expected in [["a", "b"], ["a", "b"], []] {
            slices = []
            loop.stayBusy()
            #expect(slices.isEmpty)
            loop.look()
            loop.stayBusy()
            #expect(slices == expected)
        }
    }

    @Test("What is asked for after the look waits for the next one, though others go on")
    func late() {
        let loop = Loop()
        var order: [Int] = []
        loop.eventLoop.nextTurn { order.append(1) }
        loop.look()
        loop.eventLoop.nextTurn { order.append(2) }
        loop.stayBusy()
        #expect(order == [1])
        loop.look()
        loop.stayBusy()
        #expect(order == [1, 2])
    }

    @Test("What a turn has no time for goes on in later ones, in order")
    func long() {
        let loop = Loop()
        var order: [Int] = []
        for number in 0..<7 {
            loop.eventLoop.nextTurn {
                order.append(number)
                // It takes two milliseconds.
                loop.eventLoop.advanceTime(by: .milliseconds(2))
            }
        }
        var counts = [0]
        for _ in 0..<60 {
            loop.look()
            loop.stayBusy()
            counts.append(order.count)
        }
        #expect(order == Array(0..<7))
        #expect(zip(counts, counts.dropFirst()).allSatisfy { $1 - $0 <= 2 })
    }

    @Test("Of a loop that is not watched the delay has to do")
    func unwatched() {
        let loop = EmbeddedEventLoop()
        var hasRun = false
        loop.nextTurn { hasRun = true }
        loop.run()
        #expect(!hasRun)
        loop.advanceTime(by: .microseconds(50))
        #expect(hasRun)
    }
}
