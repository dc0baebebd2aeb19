import NIOCore
import NIOEmbedded
import NIOHTTP1
import TestSupport
import Testing

@testable import SluiceHTTP

@Suite struct HTTPConnectionTests {
    @Test func `an answer has the fields that every answer has`() throws {
        let connection = try HTTPTestConnection()
        connection.send("GET /ok HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(
            connection.received() == """
                HTTP/1.1 200 OK\r
                Server: sluice\r
                Date: Sun, 06 Nov 1994 08:49:37 GMT\r
                X-Content-Type-Options: nosniff\r
                Cache-Control: no-store\r
                Content-Type: application/json\r
                Content-Length: 2\r
                \r
                {}
                """
        )
        #expect(connection.isOpen)
        #expect(connection.router.openedCount == 1)
    }

    @Test func `white space around a field's value is no part of it, whatever field it is`() throws {
        let fields = [
            ("Host", "a"), ("Scan-Owner", "u-1"), ("Authorization", "Bearer x y"), ("Content-Type", "application/json"),
            ("Expect", "100-continue"), ("X-Empty", ""), ("X-Inner", "a \t b"),
        ]
        for (before, after) in [("", " "), ("", "\t"), (" \t ", " \t "), ("\t", ""), ("", "")] {
            let connection = try HTTPTestConnection()
            let lines = fields.map { "\($0.0):\(before)\($0.1)\(after)\r\n" }.joined()
            connection.send("POST /collect HTTP/1.1\r\n\(lines)Content-Length:  2  \r\n\r\n")
            connection.send("[]")
            #expect(connection.statuses() == [100, 200])
            let request = try #require(connection.router.requests.first)
            let values = request.headers.fields.map { request.headers.text($0.value) }
            #expect(values == fields.map { $0.1 } + ["2"])
            #expect(request.authority == "a" && request.contentLength == 2 && request.expectsContinue)
        }
    }

    @Test func `white space around the framing is no part of it, but a tab there is in doubt`() throws {
        let connection = try HTTPTestConnection()
        let head = "POST /collect HTTP/1.1\r\nHost: a\r\n"
        connection.send(head + "Transfer-Encoding:  chunked  \r\n\r\n2\r\n[]\r\n0\r\n\r\n")
        connection.send(head + "Connection: close \t\r\nContent-Length: 2 \r\n\r\n{}")
        #expect(connection.statuses() == [200, 200])
        #expect(connection.router.requests.map(\.isChunked) == [true, false])
        #expect(!connection.isOpen)
        // Parsers do not agree on these: one takes for a body the bytes that another takes for a request.
        for field in ["Transfer-Encoding: chunked\t", "Content-Length: 2\t"] {
            let connection = try HTTPTestConnection()
            connection.send(head + field + "\r\n\r\n2\r\n[]\r\n0\r\n\r\n")
            #expect(connection.statuses() == [400])
        }
    }

    @Test func `over TLS an answer asks for TLS from now on`() throws {
        let connection = try HTTPTestConnection(isTLS: true)
        connection.send("GET /ok HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(connection.received().contains("\r\nStrict-Transport-Security: max-age=31536000\r\n"))
    }

    @Test func `a problem is a body of RFC 9457, and the connection stays`() throws {
        let connection = try HTTPTestConnection()
        connection.send("GET /forbidden HTTP/1.1\r\nHost: a\r\n\r\n")
        let answer = connection.received()
        #expect(answer.hasPrefix("HTTP/1.1 403 Forbidden\r\n"))
        let body = #"{"title":"Forbidden","status":403,"detail":"Forbidden","code":"forbidden","requestId":""#
        #expect(answer.contains(body))
        #expect(connection.router.refusals == [.forbidden])
        #expect(connection.isOpen)
    }

    @Test func `pipelined requests are answered in order, one handler at a time`() throws {
        let connection = try HTTPTestConnection()
        connection.send("GET /later?1 HTTP/1.1\r\nHost: a\r\n\r\nGET /ok HTTP/1.1\r\nHost: a\r\n\r\nGET /nothing ")
        connection.send("HTTP/1.1\r\nHost: a\r\n\r\nPOST /collect HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n[]")
        #expect(connection.router.requests.count == 1)
        #expect(connection.received() == "")
        connection.lastHandler.exchange?.respond(.empty(.accepted))
        #expect(connection.statuses() == [202, 200, 404, 200])
        #expect(connection.router.requests.map(\.path) == [["later"], ["ok"], ["nothing"], ["collect"]])
        #expect(connection.isOpen)
    }

    @Test func `while requests wait the socket is not read beyond a bound`() throws {
        let connection = try HTTPTestConnection()
        connection.send("GET /later HTTP/1.1\r\nHost: a\r\n\r\n")
        let before = connection.reads.count
        connection.channel.read()
        #expect(connection.reads.count == before + 1, "the peer's leaving would go unnoticed")
        connection.send(String(repeating: "GET /ok HTTP/1.1\r\nHost: a\r\n\r\n", count: 1000))
        connection.channel.read()
        #expect(connection.reads.count == before + 1)
        connection.lastHandler.exchange?.respond(.empty(.ok))
        #expect(connection.statuses().count == 1001)
        #expect(connection.reads.count == before + 2)
    }

    @Test func `no request begins while the peer leaves answers unread`() throws {
        let connection = try HTTPTestConnection()
        connection.channel.isWritable = false
        connection.send("GET /ok HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(connection.router.requests.isEmpty)
        connection.channel.isWritable = true
        connection.channel.pipeline.fireChannelWritabilityChanged()
        #expect(connection.statuses() == [200])
    }

    @Test func `while answers are left unread the socket is not read beyond a bound`() throws {
        let connection = try HTTPTestConnection()
        connection.channel.isWritable = false
        connection.send(String(repeating: "GET /ok HTTP/1.1\r\nHost: a\r\n\r\n", count: 1000))
        let before = connection.reads.count
        connection.channel.read()
        #expect(connection.reads.count == before)
        connection.channel.isWritable = true
        connection.channel.pipeline.fireChannelWritabilityChanged()
        #expect(connection.statuses().count == 1000)
        #expect(connection.reads.count == before + 1)
    }

    @Test func `empty lines before a request are passed over`() throws {
        let connection = try HTTPTestConnection()
        connection.send("\r\n\r\nGET /ok HTTP/1.1\r\nHost: a\r\n\r\n\r\nGET /ok HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(connection.statuses() == [200, 200])
    }

    @Test(arguments: [
        ("HTTP/1.1", "", true), ("HTTP/1.1", "Connection: close\r\n", false),
        ("HTTP/1.1", "Connection: foo, Close\r\n", false), ("HTTP/1.1", "Connection: keep-alive\r\n", true),
        ("HTTP/1.0", "", false), ("HTTP/1.0", "Connection: keep-alive\r\n", true),
        ("HTTP/1.1", "Connection: Upgrade\r\nUpgrade: h2c\r\n", false),
    ])
    func `a connection is kept if version and fields say so`(version: String, fields: String, isKept: Bool) throws {
        let connection = try HTTPTestConnection()
        connection.send("GET /ok \(version)\r\nHost: a\r\n\(fields)\r\n")
        let answer = connection.received()
        #expect(HTTPTestConnection.statuses(in: answer) == [200])
        #expect(answer.contains("\r\nConnection: close\r\n") != isKept)
        #expect(answer.contains("\r\nConnection: keep-alive\r\n") == (isKept && version == "HTTP/1.0"))
        #expect(connection.isOpen == isKept)
    }

    @Test(arguments: ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD"])
    func `the methods that the gateway knows reach the router`(method: String) throws {
        let connection = try HTTPTestConnection()
        connection.send("\(method) /ok HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(connection.router.requests.map(\.method.rawValue) == [method])
        #expect(connection.statuses() == [200])
    }

    @Test func `HEAD is told the length and gets no body`() throws {
        let connection = try HTTPTestConnection()
        connection.send("HEAD /ok HTTP/1.1\r\nHost: a\r\n\r\nHEAD /pieces HTTP/1.1\r\nHost: a\r\n\r\n")
        let answer = connection.received()
        #expect(HTTPTestConnection.statuses(in: answer) == [200, 200])
        #expect(answer.contains("\r\nContent-Length: 2\r\n"))
        #expect(!answer.contains("{}") && !answer.contains("one"))
        #expect(answer.hasSuffix("\r\n\r\n"))
    }

    @Test func `OPTIONS may ask about the server as a whole`() throws {
        let connection = try HTTPTestConnection()
        connection.send("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(connection.router.requests.first?.isAsterisk == true)
    }

    @Test func `the authority of an absolute target goes before Host`() throws {
        let connection = try HTTPTestConnection()
        connection.send("GET http://b:80/ok?x=1 HTTP/1.1\r\nHost: a\r\n\r\n")
        let request = try #require(connection.router.requests.first)
        #expect(request.authority == "b:80")
        #expect(request.path == ["ok"])
        #expect(request.query.first("x") == "1")
    }

    @Test func `an answer of open length goes out in chunks`() throws {
        let connection = try HTTPTestConnection()
        connection.send("GET /pieces HTTP/1.1\r\nHost: a\r\n\r\nGET /ok HTTP/1.1\r\nHost: a\r\n\r\n")
        let answer = connection.received()
        #expect(
            answer.contains("\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n12\r\ntwotwotwotwotwotwo\r\n0\r\n\r\n")
        )
        #expect(HTTPTestConnection.statuses(in: answer) == [200, 200])
    }

    @Test func `for HTTP 1.0 it ends with the connection`() throws {
        let connection = try HTTPTestConnection()
        connection.send("GET /pieces HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        let answer = connection.received()
        #expect(!answer.contains("Transfer-Encoding"))
        #expect(answer.hasSuffix("Connection: close\r\n\r\nonetwotwotwotwotwotwo"))
        #expect(!connection.isOpen)
    }

    @Test func `a large body is not copied into the head's buffer`() throws {
        let connection = try HTTPTestConnection()
        connection.send("GET /later HTTP/1.1\r\nHost: a\r\n\r\n")
        let body = ByteBuffer(repeating: 0x61, count: 60_000)
        connection.lastHandler.exchange?.respond(.json(body))
        _ = try connection.channel.readOutbound(as: ByteBuffer.self)
        #expect(try connection.channel.readOutbound(as: ByteBuffer.self) == body)
    }

    @Test func `a field that would end its line is left out`() throws {
        let connection = try HTTPTestConnection()
        connection.send("GET /later HTTP/1.1\r\nHost: a\r\n\r\n")
        connection.lastHandler.exchange?.respond(.empty(.ok, headers: [("X-A", "b\r\nX-B: c"), ("X-C", "d")]))
        let answer = connection.received()
        #expect(!answer.contains("X-B") && answer.contains("X-C: d\r\n"))
    }

    @Test func `a second answer, and one after the peer has left, have no effect`() throws {
        let connection = try HTTPTestConnection()
        connection.send("GET /later HTTP/1.1\r\nHost: a\r\n\r\n")
        let handler = connection.lastHandler
        handler.exchange?.respond(.empty(.ok))
        handler.exchange?.respond(problem: Problem(.forbidden))
        #expect(connection.statuses() == [200])
        #expect(connection.router.refusals.isEmpty)

        connection.send("GET /later HTTP/1.1\r\nHost: a\r\n\r\n")
        try connection.channel.close().wait()
        #expect(connection.lastHandler.events == ["start", "aborted peerClosed"])
        #expect(connection.lastHandler.exchange?.isOpen == false)
        connection.lastHandler.exchange?.respond(.empty(.ok))
        #expect(connection.received() == "")
        #expect(handler.events == ["start"])
    }

    @Test func `a peer that only stops sending gets the answer that is due`() throws {
        let connection = try HTTPTestConnection()
        connection.send("GET /later HTTP/1.1\r\nHost: a\r\n\r\nGET /ok HTTP/1.1\r\nHost: a\r\n\r\nGET /cut")
        connection.channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
        #expect(connection.isOpen)
        connection.lastHandler.exchange?.respond(.empty(.ok))
        let answer = connection.received()
        #expect(HTTPTestConnection.statuses(in: answer).first == 200)
        #expect(!connection.isOpen)
    }

    @Test func `a peer that stops sending within a body is let go`() throws {
        let connection = try HTTPTestConnection()
        connection.send("POST /collect HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n{")
        connection.channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
        #expect(connection.lastHandler.events == ["start", "aborted peerClosed"])
        #expect(!connection.isOpen)
    }

    @Test func `a request that begins later than its bytes came is asked to go on all the same`() throws {
        let connection = try HTTPTestConnection()
        let expecting = "POST /collect HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"
        connection.send("GET /later HTTP/1.1\r\nHost: a\r\n\r\n" + expecting)
        connection.lastHandler.exchange?.respond(.empty(.ok))
        #expect(connection.statuses() == [200, 100])
    }

    @Test func `nothing of a connection is left when it is gone`() throws {
        weak var handler: HTTPConnectionHandler?
        weak var exchange: HTTPExchange?
        for request in ["GET /ok HTTP/1.1\r\nHost: a\r\n\r\n", "GET /later HTTP/1.1\r\nHost: a\r\n\r\n", "GET"] {
            do {
                let connection = try HTTPTestConnection()
                connection.send(request)
                handler = connection.handler
                exchange = connection.router.handlers.last?.exchange
                _ = try connection.channel.finish()
                connection.channel.embeddedEventLoop.run()
            }
            #expect(handler == nil)
            #expect(exchange == nil)
        }
    }
}
