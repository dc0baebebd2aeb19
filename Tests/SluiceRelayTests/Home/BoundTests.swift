import NIOCore
import Testing

@testable import SluiceRelay

/// The most bytes that one chatty scanner, or one reader that takes nothing, can cost.
@Suite("Bounds in bytes")
struct BoundTests {
    private static let allowance = 1024 * 1024

    private static func large(_ number: Int, _ byteCount: Int) -> Message {
        TestMessage.ordinary("a", "\"n\":\(number),\"pad\":\"\(String(repeating: "x", count: byteCount))\"")
    }

    /// Ten subscribers, for whom 240 large messages wait since they ask for few frames.
    private func schedule(
        isStalled: Bool,
        messageBytes: Int,
        pendingBytes: Int = RelayConfiguration().maximumPendingBytes
    ) throws -> (ScheduleOfOneScan, [ScheduleClient]) {
        var configuration = RelayConfiguration()
        configuration.maximumPendingBytes = pendingBytes
        let schedule = try ScheduleOfOneScan(loopCount: 2, configuration)
        let clients = try (0..<10)
            .map { number in
                try schedule.subscriber(loop: number % 2, maximumBufferedBytes: Self.allowance) {
                    $0.framesPerSecond = 0.1
                }
            }
        schedule.post(TestMessage.ordinary())
        schedule.world.advance(by: .seconds(1))
        schedule.world.advance(by: .seconds(1))
        if isStalled {
            for client in clients {
                client.connection.setRoom(Self.allowance)
            }
        }
        for number in 0..<240 {
            schedule.post(Self.large(number, messageBytes))
        }
        return (schedule, clients)
    }

    @Test("What a critical message releases stays within what each socket has room for")
    func released() throws {
        let messageBytes = 250 * 1024
        let (schedule, clients) = try self.schedule(isStalled: true, messageBytes: messageBytes)
        schedule.post(TestMessage.critical())
        schedule.letTurnsPass()
        for client in clients {
            // And the last message of a page, which comes however little room there is.
            #expect(client.connection.mostWaitingBytes <= Self.allowance + messageBytes + 1024)
        }
        for client in clients.dropFirst() {
            client.leave()
        }
        clients[0].connection.setRoom(nil)
        #expect(try schedule.end(clients).isEmpty)
        #expect(clients[0].session?.last == 242)
    }

    @Test(
        "What the end of the gateway releases does, too, and who drains gets what waited, some in each turn",
        arguments: [true, false]
    )
    func flushed(isStalled: Bool) throws {
        let (schedule, clients) = try self.schedule(isStalled: isStalled, messageBytes: 25_000, pendingBytes: 1_300_000)
        let before = schedule.framesMade
        var isFlushed = false
        let loop = schedule.world.loops[0]
        schedule.world.on(loop) {
            schedule.relay.flush(on: loop).assumeIsolated().whenSuccess { isFlushed = true }
        }
        schedule.world.advance(by: .microseconds(50))
        #expect(!isFlushed)
        schedule.letTurnsPass()
        #expect(isFlushed)
        // Three frames, and the notice of messages skipped before them.
        #expect(isStalled || schedule.framesMade - before == 4)
        for client in clients {
            #expect(client.connection.mostWaitingBytes <= Self.allowance + 26_000)
            #expect(isStalled || client.session?.last == 241)
            client.connection.setRoom(nil)
        }
        #expect(try schedule.end(clients).isEmpty)
    }

    @Test("At the end of the gateway a request that is half taken is finished, and what waits behind it")
    func halfTaken() throws {
        let schedule = try ScheduleOfOneScan(loopCount: 1)
        let loop = schedule.world.loops[0]
        var order: [String] = []
        schedule.post((0..<5000).map { TestMessage.ordinary("a", "\"n\":\($0)") }) { _ in order.append("first") }
        schedule.post((0..<5000).map { TestMessage.ordinary("a", "\"n\":\($0)") }) { _ in order.append("second") }
        schedule.world.on(loop) {
            schedule.relay.flush(on: loop).assumeIsolated().whenSuccess { order.append("flushed") }
        }
        #expect(order.isEmpty)
        schedule.letTurnsPass()
        #expect(order == ["first", "second", "flushed"])
        #expect(try schedule.end([]).isEmpty)
    }

    @Test("What waits is bounded in bytes, the oldest is skipped, and each is told")
    func pendingBytes() throws {
        let (schedule, clients) = try self.schedule(isStalled: false, messageBytes: 25_000, pendingBytes: 1_300_000)
        var report: SubscriptionReport?
        let client = clients[0]
        let loop = client.connection.loop
        schedule.world.on(loop) {
            if let subscriber = client.subscriber {
                schedule.relay.report(on: subscriber, on: loop).assumeIsolated().whenSuccess { report = $0 }
            }
        }
        schedule.world.run()
        #expect(report?.pendingCount == 1_300_000 / Self.large(100, 25_000).byteCount)
        schedule.post(TestMessage.critical())
        schedule.letTurnsPass()
        #expect(clients.allSatisfy { $0.session?.lagCount == 1 && $0.session?.last == 242 })
        #expect(try schedule.end(clients).isEmpty)
    }

    @Test(
        "Where frames are made for small sockets, one that drains gets them all, and reads no page",
        arguments: [true, false]
    )
    func smallFrames(areSmall: Bool) throws {
        var configuration = RelayConfiguration()
        configuration.maximumFrameBytes = areSmall ? 2000 : 512 * 1024
        let schedule = try ScheduleOfOneScan(loopCount: 1, configuration)
        let client = try schedule.subscriber(maximumBufferedBytes: 4000)
        schedule.letTurnsPass()
        let pad = String(repeating: "x", count: 300)
        schedule.post((0..<50).map { TestMessage.ordinary("a", "\"n\":\($0),\"pad\":\"\(pad)\"") })
        schedule.world.advanceThroughTimers(upTo: schedule.world.now + .seconds(2))
        let loop = client.connection.loop
        let counts = schedule.world.on(loop) { schedule.relay.fanOut(of: loop).counts }
        #expect(client.session?.last == 50 && (counts.fellBehind == 0) == areSmall)
        // Nine frames of six messages at most: no more in a second than its rate.
        #expect(!areSmall || counts.deliveredFrames == 1 + 9)
        #expect(try schedule.end([client]).isEmpty)
    }

    @Test("A small socket gets the frames that fit, and reads the others as pages that do")
    func smallSocket() throws {
        let schedule = try ScheduleOfOneScan(loopCount: 1)
        let client = try schedule.subscriber(maximumBufferedBytes: 4000)
        client.connection.setRoom(4000)
        for number in 0..<200 {
            schedule.post(
                TestMessage.ordinary("a", "\"n\":\(number),\"pad\":\"\(String(repeating: "x", count: 300))\"")
            )
            schedule.world.advance(by: .milliseconds(20))
        }
        #expect((4000...4500).contains(client.connection.mostWaitingBytes))
        for _ in 0..<60 {
            client.connection.setRoom(4000)
            schedule.letTurnsPass()
        }
        #expect(client.connection.mostWaitingBytes <= 4500)
        client.connection.setRoom(nil)
        #expect(try schedule.end([client]).isEmpty)
        #expect(client.session?.last == 200)
    }
}
