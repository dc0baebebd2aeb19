import NIOCore
import Testing

@testable import SluiceRelay

@Suite("The life of a scan")
struct ScanLifecycleTests {
    private let start = NIODeadline.uptimeNanoseconds(1_000_000_000_000)

    private func lifecycle() -> ScanLifecycle {
        ScanLifecycle(configuration: RelayConfiguration(), now: self.start)
    }

    @Test("A silent scanner is announced once, and its return once")
    func stall() {
        var lifecycle = self.lifecycle()
        #expect(lifecycle.deadline == self.start + .seconds(60))
        #expect(lifecycle.due(now: self.start + .seconds(59)) == .doNothing)
        #expect(lifecycle.due(now: self.start + .seconds(60)) == .announceStall(silentFor: 60))
        lifecycle.fellSilent()
        #expect(lifecycle.due(now: self.start + .seconds(61)) == .doNothing)
        #expect(lifecycle.keptAlive(now: self.start + .seconds(62)) == true)
        #expect(lifecycle.keptAlive(now: self.start + .seconds(63)) == false)
        #expect(lifecycle.due(now: self.start + .seconds(123)) == .announceStall(silentFor: 60))
        lifecycle.fellSilent()
        #expect(lifecycle.messagePosted(isTerminal: false, now: self.start + .seconds(124)) == true)
    }

    @Test("A completed scan is never silent, stands still in time, and goes after five minutes")
    func completion() {
        var lifecycle = self.lifecycle()
        #expect(lifecycle.messagePosted(isTerminal: true, now: self.start + .seconds(10)) == false)
        #expect(lifecycle.isCompleted)
        #expect(lifecycle.elapsed(now: self.start + .seconds(100)) == .seconds(10))
        #expect(lifecycle.due(now: self.start + .seconds(200)) == .doNothing)
        #expect(lifecycle.deadline == self.start + .seconds(310))
        #expect(lifecycle.due(now: self.start + .seconds(310)) == .remove(.completed))
    }

    @Test("A later message makes a completed scan run again")
    func reopening() {
        var lifecycle = self.lifecycle()
        _ = lifecycle.messagePosted(isTerminal: true, now: self.start)
        #expect(lifecycle.messagePosted(isTerminal: false, now: self.start + .seconds(299)) == false)
        #expect(!lifecycle.isCompleted)
        #expect(lifecycle.due(now: self.start + .seconds(310)) == .doNothing)
        #expect(lifecycle.elapsed(now: self.start + .seconds(310)) == .seconds(310))
    }

    @Test("A scan that nobody hears of is removed after the idle timeout")
    func idle() {
        var lifecycle = self.lifecycle()
        #expect(lifecycle.due(now: self.start + .minutes(59)) == .announceStall(silentFor: 3540))
        lifecycle.fellSilent()
        #expect(lifecycle.deadline == self.start + .hours(1))
        #expect(lifecycle.due(now: self.start + .hours(1)) == .remove(.idle))
    }
}
