import NIOCore
import NIOEmbedded
import NIOHTTP1
import TestSupport
import Testing

@testable import SluiceHTTP

@Suite struct HTTPDrainTests {
    @Test func `an idle connection is closed at once`() throws {
        let connection = try HTTPTestConnection()
        connection.send("GET /ok HTTP/1.1\r\nHost: a\r\n\r\n")
        connection.handler.drain()
        #expect(connection.statuses() == [200])
        #expect(!connection.isOpen)
    }

    @Test func `the request at work is answered, and no other after it`() throws {
        let connection = try HTTPTestConnection()
        connection.send("GET /later HTTP/1.1\r\nHost: a\r\n\r\nGET /ok HTTP/1.1\r\nHost: a\r\n\r\n")
        connection.channel.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent())
        connection.handler.drain()
        #expect(connection.lastHandler.events == ["start", "draining"])
        #expect(connection.isOpen)
        connection.lastHandler.exchange?.respond(.empty(.ok))
        let answer = connection.received()
        #expect(HTTPTestConnection.statuses(in: answer) == [200])
        #expect(answer.contains("\r\nConnection: close\r\n"))
        #expect(!connection.isOpen)
    }

    @Test func `a request whose head has begun is still answered`() throws {
        let connection = try HTTPTestConnection()
        connection.send("GET /ok HT")
        connection.handler.drain()
        #expect(connection.isOpen)
        connection.send("TP/1.1\r\nHost: a\r\n\r\n")
        #expect(connection.received().contains("\r\nConnection: close\r\n"))
        #expect(!connection.isOpen)
    }
}
