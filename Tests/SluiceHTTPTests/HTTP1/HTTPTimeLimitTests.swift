import NIOCore
import NIOEmbedded
import NIOHTTP1
import TestSupport
import Testing

@testable import SluiceHTTP

@Suite struct HTTPTimeLimitTests {
    @Test func `a connection that says nothing is closed without a word after ten seconds`() throws {
        let connection = try HTTPTestConnection()
        connection.advance(.seconds(9))
        #expect(connection.isOpen)
        connection.advance(.seconds(1))
        #expect(!connection.isOpen)
        #expect(connection.received() == "")
    }

    @Test func `a head has ten seconds as a whole, however it trickles`() throws {
        let connection = try HTTPTestConnection()
        for byte in "GET /ok H".utf8 {
            connection.send(ByteBuffer(bytes: [byte]))
            connection.advance(.seconds(1))
        }
        #expect(connection.isOpen)
        connection.advance(.seconds(1))
        let answer = connection.received()
        #expect(HTTPTestConnection.statuses(in: answer) == [408])
        #expect(answer.contains("\r\nConnection: close\r\n"))
        #expect(connection.router.refusals == [.requestTimeout])
        #expect(!connection.isOpen)
    }

    @Test func `the head of a later request has ten seconds from its first byte`() throws {
        let connection = try HTTPTestConnection()
        connection.send("GET /ok HTTP/1.1\r\nHost: a\r\n\r\n")
        connection.advance(.seconds(50))
        connection.send("GE")
        connection.advance(.seconds(9))
        connection.send("T")
        #expect(connection.statuses() == [200])
        #expect(connection.isOpen)
        connection.advance(.seconds(1))
        #expect(connection.statuses() == [408])
        #expect(!connection.isOpen)
    }

    @Test func `a connection is kept for sixty seconds after each answer`() throws {
        let connection = try HTTPTestConnection()
        for _ in 0..<3 {
            connection.send("GET /ok HTTP/1.1\r\nHost: a\r\n\r\n")
            connection.advance(.seconds(59))
        }
        #expect(connection.isOpen)
        connection.advance(.seconds(1))
        #expect(!connection.isOpen)
        #expect(connection.statuses() == [200, 200, 200])
    }

    @Test func `a body has thirty seconds as a whole, however it trickles`() throws {
        let connection = try HTTPTestConnection()
        connection.send("POST /collect HTTP/1.1\r\nHost: a\r\nContent-Length: 60\r\n\r\n")
        for _ in 0..<29 {
            connection.send("x")
            connection.advance(.seconds(1))
        }
        #expect(connection.isOpen)
        connection.advance(.seconds(1))
        #expect(connection.statuses() == [408])
        #expect(connection.lastHandler.events == ["start", "aborted timedOut"])
        #expect(!connection.isOpen)
    }

    @Test func `a body of which only chunk extensions come does not live longer`() throws {
        let connection = try HTTPTestConnection()
        connection.send("POST /collect HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1;")
        for _ in 0..<30 {
            connection.send("x")
            connection.advance(.seconds(1))
        }
        #expect(connection.statuses() == [408])
        #expect(!connection.isOpen)
    }

    @Test func `an unwanted body that does not come ends the connection`() throws {
        let connection = try HTTPTestConnection()
        connection.send("POST /ok HTTP/1.1\r\nHost: a\r\nContent-Length: 60\r\n\r\n")
        #expect(connection.statuses() == [200])
        connection.advance(.seconds(30))
        #expect(connection.received() == "")
        #expect(!connection.isOpen)
    }

    @Test func `a streamed body may stay for hours, but not be silent for five minutes`() throws {
        let connection = try HTTPTestConnection()
        connection.send("POST /stream HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in 0..<40 {
            connection.advance(.minutes(4))
            connection.send("1\r\n\n\r\n")
        }
        #expect(connection.isOpen)
        connection.advance(.minutes(5))
        #expect(connection.statuses() == [408])
        #expect(connection.lastHandler.events.last == "aborted timedOut")
        #expect(!connection.isOpen)
    }

    @Test func `a handler has all the time that it takes`() throws {
        let connection = try HTTPTestConnection()
        connection.send("GET /later HTTP/1.1\r\nHost: a\r\n\r\n")
        connection.advance(.hours(2))
        #expect(connection.isOpen)
        connection.lastHandler.exchange?.respond(.empty(.ok))
        #expect(connection.statuses() == [200])
        connection.advance(.seconds(59))
        #expect(connection.isOpen)
        connection.advance(.seconds(1))
        #expect(!connection.isOpen)
    }

    @Test func `a peer that reads no answers is let go like one that asks nothing`() throws {
        let connection = try HTTPTestConnection()
        connection.send("GET /ok HTTP/1.1\r\nHost: a\r\n\r\n")
        connection.channel.isWritable = false
        connection.send(String(repeating: "GET /ok HTTP/1.1\r\nHost: a\r\n\r\n", count: 9))
        connection.advance(.seconds(59))
        #expect(connection.isOpen)
        connection.advance(.seconds(1))
        #expect(!connection.isOpen)
        #expect(connection.router.requests.count == 1)
    }

    @Test func `a peer that takes a long answer slowly gets the time that it needs`() throws {
        let connection = try HTTPTestConnection()
        let dam = Dam()
        try connection.channel.pipeline.syncOperations.addHandler(dam, position: .first)
        connection.send("GET /later HTTP/1.1\r\nHost: a\r\n\r\n")
        connection.lastHandler.exchange?.respond(.json(ByteBuffer(repeating: 0x20, count: 100_000)))
        connection.advance(.seconds(60))
        #expect(connection.isOpen, "the answer is still on its way")
        connection.advance(.seconds(29))
        #expect(connection.isOpen)
        connection.advance(.seconds(2))
        #expect(!connection.isOpen, "nothing of it was taken for half a minute")
        #expect(connection.router.cutCount == 1)
    }

    @Test func `a handler that has something to add gives the refusal itself`() throws {
        let connection = try HTTPTestConnection()
        connection.send("POST /stream HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
        connection.lastHandler.refusesItself = true
        connection.advance(.minutes(5))
        #expect(connection.lastHandler.events == ["start", "refusing request_timeout"])
        #expect(connection.received() == "")
        // However long it takes, and whatever still comes.
        connection.send("1\r\n\n\r\n")
        connection.advance(.hours(1))
        #expect(connection.isOpen)
        let problem = Problem(.requestTimeout, "late", members: ["accepted": .integer(3)])
        connection.lastHandler.exchange?.respond(problem: problem)
        let answer = connection.received()
        #expect(HTTPTestConnection.statuses(in: answer) == [408])
        #expect(answer.contains("\r\nConnection: close\r\n") && answer.contains(#""accepted":3"#))
        #expect(connection.router.refusals == [.requestTimeout])
        #expect(!connection.isOpen)
    }

    /// A socket that takes nothing.
    private final class Dam: ChannelOutboundHandler {
        typealias OutboundIn = ByteBuffer

        func flush(context: ChannelHandlerContext) {}
    }
}
