import NIOCore
import Testing

@testable import SluiceRelay

@Suite("A flood")
struct FloodTests {
    private static let messageCount = 20_000
    /// One in so many messages is critical.
    private static let criticalInterval = 100

    @Test("Of 20,000 messages each of 200 critical ones arrives at a normal, a stalled and a resuming subscriber, once")
    func criticalMessagesOfAFlood() throws {
        let schedule = try ScheduleOfOneScan(loopCount: 2)
        let clients = try [0, 1, 1].map { try schedule.subscriber(loop: $0) }
        for number in 1...Self.messageCount {
            switch number {
            case 5000:
                clients[1].connection.setRoom(0)
            case 6000:
                clients[2].leave()
            case 9000:
                let position = clients[2].session?.position
                schedule.subscribe(clients[2]) { ($0.since, $0.epoch) = (position?.seq, position?.epoch) }
            case 15_000:
                clients[1].connection.setRoom(nil)
            default:
                break
            }
            let isCritical = number % Self.criticalInterval == 0
            schedule.post(isCritical ? TestMessage.critical() : TestMessage.ordinary("a", "\"n\":\(number)"))
            if number % 2 == 0 {
                schedule.world.advance(by: .milliseconds(1))
            }
        }
        // Every gap is judged as it comes: nothing critical is in any, and all else is announced.
        #expect(try schedule.end(clients).isEmpty)
        for client in clients {
            #expect(client.session?.last == Seq(clamping: Self.messageCount))
        }
        // Each critical message takes waiting messages along, so only clients that were away have lost something.
        #expect(clients.map { ($0.session?.lagCount ?? 0) > 0 } == [false, true, true])
    }
}
