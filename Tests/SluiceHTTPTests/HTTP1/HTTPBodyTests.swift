import NIOCore
import NIOEmbedded
import TestSupport
import Testing

@testable import SluiceHTTP

@Suite struct HTTPBodyTests {
    private static func head(_ path: String, _ fields: String) -> String {
        "POST /\(path) HTTP/1.1\r\nHost: a\r\n\(fields)\r\n"
    }

    @Test func `a body in pieces is collected`() throws {
        let connection = try HTTPTestConnection()
        for piece in [Self.head("collect", "Content-Length: 6\r\n"), "[1", ",2", "]\n"] {
            connection.send(piece)
        }
        #expect(connection.lastHandler.events == ["start", "body [1,2]\n"])
        #expect(connection.statuses() == [200])
    }

    @Test(arguments: [
        "2\r\n[1\r\n3\r\n,2]\r\n0\r\n\r\n", "05\r\n[1,2]\r\n0\r\n\r\n", "5;a=b;c=\"d\"\r\n[1,2]\r\n0;e\r\n\r\n",
        "5\r\n[1,2]\r\n000\r\nX-Sum: 5\r\nX-Other:\r\n\r\n",
    ])
    func `chunks are taken with extensions and trailers, which mean nothing here`(body: String) throws {
        for isPiecemeal in [false, true] {
            let connection = try HTTPTestConnection()
            let all =
                Self.head("collect", "Transfer-Encoding: CHUNKED\r\n") + body + "GET /ok HTTP/1.1\r\nHost: a\r\n\r\n"
            if isPiecemeal {
                for byte in all.utf8 { connection.send(ByteBuffer(bytes: [byte])) }
            } else {
                connection.send(all)
            }
            #expect(connection.router.handlers.first?.events == ["start", "body [1,2]"])
            #expect(connection.statuses() == [200, 200])
        }
    }

    @Test(arguments: ["stream", "collect"], [true, false])
    func `a body's first byte does not keep its receive buffer for as long as the body takes`(
        path: String,
        isChunked: Bool
    ) throws {
        let connection = try HTTPTestConnection()
        var received = ByteBufferAllocator().buffer(capacity: 65_536)
        let fields = isChunked ? "Transfer-Encoding: chunked\r\n" : "Content-Length: 60\r\n"
        received.writeString(Self.head(path, fields) + (isChunked ? "3C\r\nx" : "x"))
        connection.send(received)
        if path == "stream" { #expect(connection.lastHandler.events == ["start", "bytes x"]) }
        for _ in 1..<60 { connection.send("x") }
        if isChunked { connection.send("\r\n0\r\n\r\n") }
        #expect(connection.statuses() == [200])
        #expect((1..<4096).contains(connection.lastHandler.largestStorageBytes))
    }

    @Test func `half a head does not keep its receive buffer`() throws {
        let connection = try HTTPTestConnection()
        var received = ByteBufferAllocator().buffer(capacity: 65_536)
        received.writeString("POST /stream HTTP/1.1\r\nHost: a\r\nContent-Le")
        connection.send(received)
        // What follows is written behind it.
        connection.send("ngth: 1\r\n\r\nx")
        #expect(connection.lastHandler.events == ["start", "bytes x", "end"])
        #expect(connection.lastHandler.largestStorageBytes < 4096)
    }

    @Test func `an empty body is a body`() throws {
        let connection = try HTTPTestConnection()
        connection.send(Self.head("collect", "") + Self.head("collect", "Content-Length: 0\r\n"))
        #expect(connection.router.handlers.map(\.events) == [["start", "body "], ["start", "body "]])
        #expect(connection.statuses() == [200, 200])
    }

    @Test(arguments: [
        ("Content-Length: 65\r\n", ""),
        ("Transfer-Encoding: chunked\r\n", "41\r\n" + String(repeating: "x", count: 65)),
        ("Content-Length: 9000000000\r\nExpect: 100-continue\r\n", ""),
    ])
    func `a body that is too long is refused as soon as that is known`(fields: String, body: String) throws {
        let connection = try HTTPTestConnection()
        connection.send(Self.head("collect", fields) + body)
        let answer = connection.received()
        #expect(HTTPTestConnection.statuses(in: answer) == [413])
        #expect(answer.contains("\r\nConnection: close\r\n"))
        #expect(connection.lastHandler.events == ["start", "aborted bodyTooLarge"])
        #expect(connection.router.refusals == [.bodyTooLarge])
        #expect(!connection.isOpen)
    }

    @Test func `a small body that nobody wants is read, and the connection stays`() throws {
        let connection = try HTTPTestConnection()
        connection.send(Self.head("ok", "Content-Length: 5\r\n"))
        #expect(connection.statuses() == [200])
        connection.send("[1,2]GET /ok HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(connection.statuses() == [200])
        connection.send(Self.head("ok", "Transfer-Encoding: chunked\r\n"))
        #expect(connection.statuses() == [200])
        connection.send("5\r\n[1,2]\r\n0\r\n\r\nGET /ok HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(connection.statuses() == [200])
        #expect(connection.isOpen)
    }

    @Test func `a large one ends the connection`() throws {
        let connection = try HTTPTestConnection()
        connection.send(Self.head("ok", "Content-Length: 70000\r\n"))
        #expect(connection.received().contains("\r\nConnection: close\r\n"))
        #expect(!connection.isOpen)

        let other = try HTTPTestConnection()
        other.send(Self.head("ok", "Transfer-Encoding: chunked\r\n"))
        #expect(other.statuses() == [200])
        other.send("FFFFFF\r\n" + String(repeating: "x", count: 70_000))
        #expect(!other.isOpen)
        #expect(other.received() == "")
    }

    @Test func `a streamed body comes as it arrives`() throws {
        let connection = try HTTPTestConnection()
        connection.send(Self.head("stream", "Transfer-Encoding: chunked\r\n") + "3\r\none\r\n")
        connection.send("3\r\nt")
        connection.send("wo\r\n0\r\n\r\n")
        #expect(connection.lastHandler.events == ["start", "bytes one", "bytes t", "bytes wo", "end"])
        #expect(connection.statuses() == [200])
        #expect(connection.isOpen)
    }

    @Test func `what comes in one heap goes through over several turns of the loop`() throws {
        let connection = try HTTPTestConnection()
        connection.send(Self.head("stream", "Content-Length: 1000000\r\n"))
        connection.send(ByteBuffer(repeating: 0x61, count: 1_000_000))
        let pieces = { connection.lastHandler.events.dropFirst().map { $0.utf8.count - "bytes ".utf8.count } }
        #expect(pieces() == [65_536, 65_536, 65_536, 65_536])
        connection.advance(.microseconds(50))
        #expect(pieces().reduce(0, +) == 512 * 1024)
        connection.advance(.milliseconds(1))
        #expect(pieces().dropLast().reduce(0, +) == 1_000_000)
        #expect(pieces().max() == 65_536)
        #expect(connection.lastHandler.events.last == "end")
        #expect(connection.statuses() == [200])
    }

    @Test func `a malformed body may be refused by its handler, too`() throws {
        let connection = try HTTPTestConnection()
        connection.send(Self.head("stream", "Transfer-Encoding: chunked\r\n") + "3\r\none\r\n")
        connection.lastHandler.refusesItself = true
        connection.send("nonsense\r\n")
        connection.send("3\r\ntwo\r\n")
        #expect(connection.lastHandler.events == ["start", "bytes one", "refusing bad_request"])
        #expect(connection.isOpen)
        connection.lastHandler.exchange?.respond(problem: Problem(.badRequest))
        #expect(connection.statuses() == [400])
        #expect(!connection.isOpen)
    }

    @Test func `a handler that takes no more stops the socket`() throws {
        let connection = try HTTPTestConnection()
        connection.send(Self.head("stream", "Transfer-Encoding: chunked\r\n") + "3\r\none\r\n")
        let handler = connection.lastHandler
        handler.exchange?.pauseReading()
        let before = connection.reads.count
        connection.channel.read()
        #expect(connection.reads.count == before)
        connection.send("3\r\ntwo\r\n")
        #expect(handler.events == ["start", "bytes one"])
        connection.advance(.minutes(20))
        #expect(connection.isOpen, "its own silence is not the peer's")
        handler.exchange?.resumeReading()
        #expect(handler.events == ["start", "bytes one", "bytes two"])
        #expect(connection.reads.count == before + 1)
        connection.send("0\r\n\r\n")
        #expect(connection.statuses() == [200])
    }

    @Test func `a handler that was paused still gets what a peer sent before it stopped sending`() throws {
        let connection = try HTTPTestConnection()
        connection.send(Self.head("stream", "Transfer-Encoding: chunked\r\n") + "3\r\none\r\n")
        let handler = connection.lastHandler
        handler.exchange?.pauseReading()
        connection.send("3\r\ntwo\r\n0\r\n\r\n")
        connection.channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
        #expect(connection.isOpen)
        handler.exchange?.resumeReading()
        #expect(handler.events == ["start", "bytes one", "bytes two", "end"])
        #expect(connection.statuses() == [200])
        #expect(!connection.isOpen)
    }

    @Test func `an answer within a streamed body ends the connection`() throws {
        let connection = try HTTPTestConnection()
        connection.send(Self.head("stream", "Transfer-Encoding: chunked\r\n") + "3\r\none\r\n")
        connection.lastHandler.exchange?.respond(problem: Problem(.badRequest, members: ["line": .integer(1)]))
        let answer = connection.received()
        #expect(answer.contains("\r\nConnection: close\r\n"))
        #expect(answer.contains(#""code":"bad_request","line":1,"requestId":""#))
        #expect(!connection.isOpen)
        #expect(connection.lastHandler.events == ["start", "bytes one"])
    }

    @Test func `100 is sent to a client that waits for it, once the body is wanted`() throws {
        let connection = try HTTPTestConnection()
        connection.send(Self.head("collect", "Content-Length: 2\r\nExpect: 100-Continue\r\n"))
        #expect(connection.received() == "HTTP/1.1 100 Continue\r\n\r\n")
        connection.send("[]")
        #expect(connection.statuses() == [200])
        #expect(connection.isOpen)
    }

    @Test func `100 is not sent where the answer is there already, and the connection ends`() throws {
        let connection = try HTTPTestConnection()
        connection.send(Self.head("forbidden", "Content-Length: 2\r\nExpect: 100-continue\r\n"))
        let answer = connection.received()
        #expect(HTTPTestConnection.statuses(in: answer) == [403])
        #expect(answer.contains("\r\nConnection: close\r\n"))
        #expect(!connection.isOpen)
    }

    @Test func `100 is not sent where no body follows, or to a client of HTTP 1.0`() throws {
        let connection = try HTTPTestConnection()
        connection.send(Self.head("collect", "Expect: 100-continue\r\n"))
        #expect(connection.statuses() == [200])
        connection.send("POST /collect HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
        #expect(connection.received() == "")
        connection.send("[]")
        #expect(connection.statuses() == [200])
    }
}
