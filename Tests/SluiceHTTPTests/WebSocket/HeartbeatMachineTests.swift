import NIOCore
import Testing

@testable import SluiceHTTP

@Suite struct HeartbeatMachineTests {
    static let start = NIODeadline.uptimeNanoseconds(1_000_000_000_000)

    /// When pings go out, ticked every so often for a minute with a client that speaks all the time.
    static func pings(every tick: TimeAmount, configuration: WebSocketConfiguration) -> [TimeAmount] {
        var machine = HeartbeatMachine(configuration: configuration, now: self.start)
        var pings: [TimeAmount] = []
        var now = self.start
        while now < self.start + .minutes(1) {
            now = now + tick
            machine.receivedFrame(now: now)
            if case .sendPing = machine.tick(now: now, isWritable: true) {
                pings.append(now - self.start)
            }
        }
        return pings
    }

    @Test("Pings keep their rhythm although ticks come at their own", arguments: [997, 1000, 1003, 1010])
    func rhythm(tickMilliseconds: Int) {
        let tick = TimeAmount.milliseconds(Int64(tickMilliseconds))
        let pings = Self.pings(every: tick, configuration: WebSocketConfiguration())
        #expect(pings.count == 12)
        for (index, ping) in pings.enumerated() {
            let due = TimeAmount.seconds(5) * (index + 1)
            #expect(abs((ping - due).nanoseconds) <= tick.nanoseconds / 2 + 5_000_000)
        }
    }

    @Test("Short intervals are kept as well")
    func shortInterval() {
        var configuration = WebSocketConfiguration()
        configuration.heartbeatInterval = .milliseconds(200)
        #expect(configuration.tickInterval == .milliseconds(100))
        let count = Self.pings(every: configuration.tickInterval, configuration: configuration).count
        #expect((299...301).contains(count))
    }

    @Test("A client that is silent for the timeout is given up, and not before")
    func timeout() {
        var machine = HeartbeatMachine(configuration: WebSocketConfiguration(), now: Self.start)
        machine.receivedFrame(now: Self.start + .seconds(3))
        #expect(machine.tick(now: Self.start + .milliseconds(32_999), isWritable: false) == .doNothing)
        #expect(machine.tick(now: Self.start + .seconds(33), isWritable: false) == .timedOut)
    }

    @Test("Pings do not pile up in front of a socket that takes nothing")
    func notWritable() {
        var machine = HeartbeatMachine(configuration: WebSocketConfiguration(), now: Self.start)
        #expect(machine.tick(now: Self.start + .seconds(20), isWritable: false) == .doNothing)
        #expect(machine.tick(now: Self.start + .seconds(21), isWritable: true) == .sendPing(1))
        #expect(machine.tick(now: Self.start + .seconds(22), isWritable: true) == .doNothing)
        #expect(machine.tick(now: Self.start + .seconds(26), isWritable: true) == .sendPing(2))
    }

    @Test("A client whose bytes leave slowly is not silent, until they have left or stand still")
    func slowLine() {
        var machine = HeartbeatMachine(configuration: WebSocketConfiguration(), now: Self.start)
        #expect(machine.isQuiet(now: Self.start + .seconds(14)) == false)
        #expect(machine.isQuiet(now: Self.start + .seconds(15)) == true)
        for second in 15...99 {
            let now = Self.start + .seconds(Int64(second))
            // Filled anew now and then, always on its way.
            #expect(machine.tick(now: now, isWritable: false, waitingBytes: 1000 - second % 10) == .doNothing)
        }
        machine.receivedFrame(now: Self.start + .seconds(60))
        #expect(machine.tick(now: Self.start + .seconds(128), isWritable: false, waitingBytes: 991) == .doNothing)
        #expect(machine.tick(now: Self.start + .seconds(129), isWritable: false, waitingBytes: 991) == .timedOut)
    }

    @Test("Silence counts from when the client is listened to again")
    func notListening() {
        var machine = HeartbeatMachine(configuration: WebSocketConfiguration(), now: Self.start)
        for second in 1...300 {
            let now = Self.start + .seconds(Int64(second))
            machine.notListening(now: now)
            #expect(machine.tick(now: now, isWritable: false, waitingBytes: 1000) == .doNothing)
        }
        #expect(machine.tick(now: Self.start + .seconds(329), isWritable: false) == .doNothing)
        #expect(machine.tick(now: Self.start + .seconds(330), isWritable: false) == .timedOut)
    }

    @Test("A slow line excuses no client for ever")
    func slowAndMute() {
        var machine = HeartbeatMachine(configuration: WebSocketConfiguration(), now: Self.start)
        for second in 15...119 {
            let now = Self.start + .seconds(Int64(second))
            #expect(machine.tick(now: now, isWritable: false, waitingBytes: 1000 - second) == .doNothing)
        }
        #expect(machine.tick(now: Self.start + .seconds(120), isWritable: false, waitingBytes: 880) == .timedOut)
    }

    @Test("A client that takes everything and never answers is silent, however much it is sent")
    func mute() {
        var machine = HeartbeatMachine(configuration: WebSocketConfiguration(), now: Self.start)
        for second in 15...29 {
            let now = Self.start + .seconds(Int64(second))
            #expect(machine.tick(now: now, isWritable: false, waitingBytes: second % 2 * 100_000) == .doNothing)
        }
        #expect(machine.tick(now: Self.start + .seconds(30), isWritable: false, waitingBytes: 0) == .timedOut)
    }

    @Test("Only the answer to the last ping says how far away the client is")
    func roundTrip() {
        var machine = HeartbeatMachine(configuration: WebSocketConfiguration(), now: Self.start)
        let sentAt = Self.start + .seconds(5)
        #expect(machine.tick(now: sentAt, isWritable: true) == .sendPing(1))
        machine.receivedPong(ByteBuffer(integer: UInt64(2)), now: sentAt + .milliseconds(5))
        machine.receivedPong(ByteBuffer(string: "unasked"), now: sentAt + .milliseconds(6))
        #expect(machine.roundTrip == nil)
        machine.receivedPong(ByteBuffer(integer: UInt64(1)), now: sentAt + .milliseconds(7))
        #expect(machine.roundTrip == .milliseconds(7))
        machine.receivedPong(ByteBuffer(integer: UInt64(1)), now: sentAt + .milliseconds(9))
        #expect(machine.roundTrip == .milliseconds(7))
    }
}
