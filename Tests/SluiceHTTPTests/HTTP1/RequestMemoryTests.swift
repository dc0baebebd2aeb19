import NIOCore
import NIOEmbedded
import NIOHTTP1
import TestSupport
import Testing

@testable import SluiceHTTP

@Suite("What requests of all connections hold")
struct RequestMemoryTests {
    private static let kibibyte = 1024

    private static func text(_ byteCount: Int) -> String {
        String(repeating: "x", count: byteCount)
    }

    private static func begin(_ connection: HTTPTestConnection, _ byteCount: Int) {
        connection.send("POST /keep HTTP/1.1\r\nHost: a\r\nContent-Length: \(byteCount)\r\n\r\n")
    }

    @Test("Shares grow up to the limit and are given back; what is small is not counted")
    func shares() {
        let memory = RequestMemory(limit: 100_000)
        do {
            var first = RequestMemory.Share(of: memory)
            var second = RequestMemory.Share(of: memory)
            let small = first.set(RequestMemory.freeBytes)
            #expect(small && memory.usedBytes == 0)
            let steps = [first.set(60_000), second.set(50_000), second.set(40_000), first.set(70_000)]
            #expect(steps == [true, false, true, false] && memory.usedBytes == 100_000)
            let freed = [first.set(20_000), second.set(80_000)]
            #expect(freed == [true, true] && memory.usedBytes == 100_000)
            memory.setShort(true)
            let short = [first.set(20_001), second.set(0), first.set(25_000), first.set(25_001)]
            #expect(short == [false, true, true, false] && memory.usedBytes == 25_000)
        }
        #expect(memory.usedBytes == 0)
    }

    @Test("A body without room is refused with 503; one that is worked on counts until it is answered")
    func bodies() throws {
        let memory = RequestMemory(limit: 150 * Self.kibibyte)
        let first = try HTTPTestConnection(requests: memory)
        Self.begin(first, 100 * Self.kibibyte)
        first.send(Self.text(100 * Self.kibibyte))
        #expect(memory.usedBytes == 100 * Self.kibibyte)

        let second = try HTTPTestConnection(requests: memory)
        Self.begin(second, 100 * Self.kibibyte)
        second.send(Self.text(40 * Self.kibibyte))
        #expect(memory.usedBytes == 140 * Self.kibibyte)
        second.send(Self.text(20 * Self.kibibyte))
        let answer = second.received()
        #expect(HTTPTestConnection.statuses(in: answer) == [503])
        #expect(answer.contains(#""code":"overloaded""#) && answer.contains("\r\nRetry-After: 1\r\n"))
        #expect(second.lastHandler.events == ["start", "aborted overloaded"])
        #expect(second.router.refusals == [.overloaded])
        #expect(memory.usedBytes == 100 * Self.kibibyte)

        // Small requests still pass.
        let third = try HTTPTestConnection(requests: memory)
        Self.begin(third, 10 * Self.kibibyte)
        third.send(Self.text(10 * Self.kibibyte))
        third.lastHandler.exchange?.respond(.empty(.ok))
        #expect(third.statuses() == [200])

        first.lastHandler.exchange?.respond(.empty(.ok))
        #expect(first.statuses() == [200])
        #expect(memory.usedBytes == 0)
    }

    @Test("What a peer that left had sent ahead counts, too, and is let go where it has no room")
    func sentAhead() throws {
        let memory = RequestMemory(limit: 150 * Self.kibibyte)
        let connection = try HTTPTestConnection(requests: memory)
        connection.send("GET /later HTTP/1.1\r\nHost: a\r\n\r\n")
        // It is not asked for: the end of a connection does away with all that the system held for it.
        for _ in 0..<3 {
            connection.send(Self.text(50 * Self.kibibyte))
        }
        #expect(memory.usedBytes == 150 * Self.kibibyte && connection.router.refusals.isEmpty)
        for _ in 0..<3 {
            connection.send(Self.text(50 * Self.kibibyte))
        }
        #expect(memory.usedBytes == 0 && connection.router.refusals == [.overloaded])
        // The pending answer is still given.
        connection.channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
        connection.lastHandler.exchange?.respond(.empty(.ok))
        #expect(connection.statuses() == [200])
        #expect(!connection.isOpen)
    }

    @Test("A paused body counts; without room it is refused")
    func paused() throws {
        let memory = RequestMemory(limit: 150 * Self.kibibyte)
        let connection = try HTTPTestConnection(requests: memory)
        connection.send("POST /stream HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n")
        connection.lastHandler.exchange?.pauseReading()
        connection.send(Self.text(100 * Self.kibibyte))
        #expect(memory.usedBytes == 100 * Self.kibibyte)
        connection.send(Self.text(100 * Self.kibibyte))
        #expect(connection.statuses() == [503])
        #expect(connection.lastHandler.events == ["start", "bytes one", "aborted overloaded"])
        #expect(memory.usedBytes == 0)
    }
}
