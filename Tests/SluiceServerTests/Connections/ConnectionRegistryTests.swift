import NIOCore
import NIOEmbedded
import SluiceAdmission
import SluiceHTTP
import TestSupport
import Testing

@testable import SluiceServer

@Suite("All live connections")
struct ConnectionRegistryTests {
    /// A connection that remembers how it was closed.
    private final class Connection: LiveConnection {
        let identity = Identity.clientCertificate(name: "a")
        let arrival = Arrival()
        var age = TimeAmount.zero
        let certificate: ClientCertificate? = nil
        let eventLoop: any EventLoop
        var blockedSince: NIODeadline?
        private(set) var closings: [Closing] = []

        init(on eventLoop: any EventLoop, blockedSince: NIODeadline? = nil) {
            self.eventLoop = eventLoop
            self.blockedSince = blockedSince
        }

        func report(isDetailed: Bool) -> EventLoopFuture<ConnectionReport> {
            let report = ConnectionReport(id: 1, kind: "test", user: "a", peer: "", age: .zero)
            return self.eventLoop.makeSucceededFuture(report)
        }

        func reconsider(as identity: Identity) {}

        func goOn(as identity: Identity, leeway: Double) -> Bool { true }

        func close(_ closing: Closing) {
            self.closings.append(closing)
        }
    }

    @Test("When memory is short the slowest go, plain readers among them, and none that takes something")
    func slowest() throws {
        let plain = try HTTPTestConnection()
        let loop = plain.channel.embeddedEventLoop
        let registry = ConnectionRegistry(eventLoops: [loop])
        registry.attach(plain.context, on: loop)
        _ = try SlowSocket(plain.channel)
        plain.send("GET /later HTTP/1.1\r\nHost: a\r\n\r\n")
        plain.advance(.seconds(10))
        plain.lastHandler.exchange?.respond(.json(ByteBuffer(repeating: 0x20, count: 1 << 20)))
        plain.advance(.seconds(10))
        let older = Connection(on: loop, blockedSince: loop.now - .seconds(15))
        let younger = Connection(on: loop, blockedSince: loop.now - .seconds(5))
        let full = Connection(on: loop, blockedSince: loop.now - .seconds(1))
        let quick = Connection(on: loop)
        for (id, connection) in [older, younger, full, quick].enumerated() {
            registry.insert(connection, id: UInt64(id), on: loop)
        }
        let closes = { [older, younger, full, quick].map { $0.closings.count } }

        registry.closeSlowest(1)
        loop.run()
        #expect(closes() == [1, 0, 0, 0] && plain.isOpen)
        #expect(older.closings == [.overloaded])
        registry.remove(0, on: loop)
        registry.closeSlowest(1)
        loop.run()
        #expect(closes() == [1, 0, 0, 0] && !plain.isOpen)
        #expect(plain.router.cutCount == 1)
        registry.closeSlowest(10)
        loop.run()
        #expect(closes() == [1, 1, 0, 0])
    }

    @Test("One that was to end before it stood there ends when it does, and once")
    func early() throws {
        let loop = EmbeddedEventLoop()
        let registry = ConnectionRegistry(eventLoops: [loop])
        registry.close(7, .replaced)
        loop.run()
        let (early, other) = (Connection(on: loop), Connection(on: loop))
        registry.insert(early, id: 7, on: loop)
        registry.insert(other, id: 8, on: loop)
        // It begins first.
        #expect(early.closings.isEmpty)
        loop.run()
        #expect(early.closings == [.replaced] && other.closings.isEmpty)
        registry.close(8, .surplus)
        loop.run()
        #expect(other.closings == [.surplus])
        var ended = EndedConnections()
        for id in 0...UInt64(EndedConnections.maximumCount) {
            ended.note(id, .surplus)
            ended.note(id, .replaced)
        }
        #expect(ended.count == EndedConnections.maximumCount && ended.closing(of: 0) == nil)
        #expect(ended.closing(of: 1) == .replaced)
    }

    @Test("Who came after connections were to end stays")
    func ages() {
        let loop = EmbeddedEventLoop()
        let registry = ConnectionRegistry(eventLoops: [loop])
        let connections = (0..<3).map { _ in Connection(on: loop) }
        for (id, connection) in connections.enumerated() {
            connection.age = .seconds(Int64(id))
            registry.insert(connection, id: UInt64(id), on: loop)
        }
        var count: Int?
        registry.closeAll(.disconnected, on: loop, age: .seconds(1)) { _ in true }.assumeIsolated()
            .whenSuccess { count = $0 }
        loop.run()
        #expect(count == 2 && connections.map(\.closings) == [[], [.disconnected], [.disconnected]])
    }

    @Test("No grace is too long for any number of connections", arguments: [TimeAmount.zero, .hours(10 * 365 * 24)])
    func drain(grace: TimeAmount) {
        let loop = EmbeddedEventLoop()
        let registry = ConnectionRegistry(eventLoops: [loop])
        let connections = (0..<1000).map { _ in Connection(on: loop) }
        for (id, connection) in connections.enumerated() {
            registry.insert(connection, id: UInt64(id), on: loop)
        }
        registry.drain(DrainSchedule(now: loop.now, grace: grace))
        loop.run()
        loop.advanceTime(by: .nanoseconds(grace.nanoseconds / 2))
        #expect(connections.allSatisfy { $0.closings.count == 1 })
    }
}
