import NIOCore
import NIOEmbedded
import Testing

@testable import SluiceHTTP

@Suite struct ConnectionWheelTests {
    final class Rider: Ticking {
        var ticks: [NIODeadline] = []
        var onTick: (() -> Void)?

        func tick(now: NIODeadline) {
            self.ticks.append(now)
            self.onTick?()
        }
    }

    @Test("Everyone is ticked once in each interval, and they are spread over it")
    func spreads() {
        let loop = EmbeddedEventLoop()
        let wheel = ConnectionWheel(eventLoop: loop, interval: .seconds(1))
        let riders = (0..<100).map { _ in Rider() }
        for rider in riders {
            _ = wheel.add(rider)
        }
        loop.advanceTime(by: .milliseconds(10_001))
        for rider in riders {
            #expect((9...10).contains(rider.ticks.count))
            for (one, next) in zip(rider.ticks, rider.ticks.dropFirst()) {
                #expect(next - one == .seconds(1))
            }
        }
        #expect(Set(riders.compactMap { $0.ticks.first }).count == 16)
    }

    @Test("Whoever left is ticked no more, and an empty wheel stands still")
    func leaves() throws {
        let loop = EmbeddedEventLoop()
        let wheel = ConnectionWheel(eventLoop: loop, interval: .milliseconds(100))
        let one = Rider()
        let two = Rider()
        let places = [wheel.add(one), wheel.add(two)]
        loop.advanceTime(by: .milliseconds(100))
        wheel.remove(places[0])
        #expect(wheel.count == 1)
        loop.advanceTime(by: .milliseconds(100))
        #expect(one.ticks.count == 1)
        #expect(two.ticks.count == 2)
        wheel.remove(places[1])
        loop.advanceTime(by: .seconds(10))
        #expect(two.ticks.count == 2)
        // It moves again when a connection is added, and no faster than before.
        _ = wheel.add(one)
        loop.advanceTime(by: .milliseconds(200))
        #expect(one.ticks.count == 3)
    }

    @Test("Who is ticked may leave, take others along, and let others in")
    func changesWithinATick() {
        let loop = EmbeddedEventLoop()
        let wheel = ConnectionWheel(eventLoop: loop, interval: .milliseconds(10))
        let riders = (0..<4).map { _ in Rider() }
        let places = riders.map { wheel.add($0) }
        let newcomer = Rider()
        riders[1].onTick = {
            for place in places {
                wheel.remove(place)
            }
            _ = wheel.add(newcomer)
            riders[1].onTick = nil
        }
        loop.advanceTime(by: .milliseconds(50))
        #expect(riders.map(\.ticks.count) == [1, 1, 0, 0])
        #expect(newcomer.ticks.count == 4 || newcomer.ticks.count == 5)
        #expect(wheel.count == 1)
    }
}
