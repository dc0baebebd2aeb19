import NIOCore
import NIOEmbedded
import NIOHTTP1
import TestSupport
import Testing

@testable import SluiceHTTP
@testable import SluiceServer

@Suite("Fields of requests and answers that are passed on")
struct ForwardedHeadTests {
    private static let stranger = ForwardedHead.Peer(address: "203.0.113.7", isTrusted: false, isTLS: true)
    private static let proxy = ForwardedHead.Peer(address: "10.0.0.1", isTrusted: true, isTLS: false)

    private static func request(_ fields: [(String, String)], version10: Bool = false) -> HTTPRequest {
        HTTPRequest(
            method: .GET,
            target: "/a?b",
            path: ["a"],
            isAsterisk: false,
            query: QueryParameters(),
            authority: "site.example",
            headers: HeaderFields([("host", "site.example")] + fields),
            isVersion10: version10,
            isKeepAlive: true,
            expectsContinue: false,
            contentLength: nil,
            isChunked: false
        )
    }

    private static func passed(
        _ fields: [(String, String)],
        _ peer: ForwardedHead.Peer = Self.stranger,
        keepsHost: Bool = true,
        version10: Bool = false
    ) -> [String] {
        let request = Self.request(fields, version10: version10)
        let head = ForwardedHead.request(
            request,
            target: "/a?b",
            host: "app:3000",
            keepsHost: keepsHost,
            peer: peer,
            requestID: ForwardedHead.requestID(of: request, peer) ?? "new"
        )
        var lines = String(buffer: head.encoded(allocator: ByteBufferAllocator())).parts(between: "\r\n")
        #expect(lines.removeFirst() == "GET /a?b HTTP/1.1")
        return Array(lines.dropLast(2))
    }

    private static let added = [
        "X-Forwarded-For: 203.0.113.7", "X-Forwarded-Proto: https", "X-Forwarded-Host: site.example",
        "X-Request-Id: new",
    ]

    @Test("Fields pass in their order, with their letters")
    func order() {
        #expect(
            Self.passed([("x-B", "1"), ("Cookie", "a=b"), ("X-a", ""), ("x-B", "2")])
                == ["host: site.example", "x-B: 1", "Cookie: a=b", "X-a: ", "x-B: 2"] + Self.added
        )
        #expect(Self.passed([], keepsHost: false).first == "host: app:3000")
    }

    @Test("Fields of the connection stay, and those that it names, but not what framing, routing and the gateway need")
    func connection() {
        let fields = [
            ("Connection", "close, X-A,,Host"), ("connection", "content-length, X-Forwarded-For, x-request-id"),
            ("Keep-Alive", "5"), ("Proxy-Connection", "x"), ("X-A", "1"), ("TE", "gzip"), ("Upgrade", "websocket"),
            ("Content-Length", "0"), ("X-B", "2"), ("Trailer", "X-T"), ("Expect", "100-continue"),
        ]
        #expect(
            Self.passed(fields)
                == [
                    "host: site.example", "Content-Length: 0", "X-B: 2", "Trailer: X-T", "Expect: 100-continue",
                ] + Self.added
        )
    }

    @Test("TE keeps its trailers")
    func trailers() {
        for value in ["trailers", "gzip;q=0.5, Trailers"] {
            #expect(
                Self.passed([("TE", value)]) == ["host: site.example"] + Self.added + [
                    "TE: trailers", "Connection: TE",
                ]
            )
        }
        let trailers = ForwardedHead.trailers(
            HeaderFields([("X-T", "1"), ("Content-Length", "3"), ("X-Forwarded-For", "x"), ("Transfer-Encoding", "x")])
        )
        #expect(trailers?.count == 1 && trailers?["x-t"] == ["1"])
    }

    @Test("An upgrade is asked for, unless it is to HTTP/2 or from HTTP/1.0")
    func upgrade() {
        let fields = [("Upgrade", "h2c, WebSocket, irc/6.9"), ("Connection", "keep-alive, UPGRADE")]
        #expect(
            Self.passed(fields)
                == ["host: site.example"] + Self.added + ["Upgrade: WebSocket, irc/6.9", "Connection: Upgrade"]
        )
        #expect(Self.passed(fields, version10: true) == ["host: site.example"] + Self.added)
        let smuggled = [("Upgrade", "h2c"), ("Connection", "Upgrade, HTTP2-Settings"), ("HTTP2-Settings", "AAMAAABk")]
        #expect(Self.passed(smuggled) == ["host: site.example"] + Self.added)
        #expect(!ForwardedHead.asksForUpgrade(Self.request(smuggled)))
        #expect(ForwardedHead.asksForUpgrade(Self.request(fields)))
    }

    @Test("What a stranger says of its origin is left out, underscores or not")
    func strangers() {
        let fields = [
            ("X-Forwarded-For", "1.2.3.4"), ("x-forwarded-PROTO", "http"), ("X-Forwarded-Host", "evil"),
            ("X-Forwarded-Anything", "x"), ("Forwarded", "for=1.2.3.4"), ("X_Forwarded_For", "1.2.3.4"),
            ("X-Request-Id", "mine"), ("X-Forward", "kept"),
        ]
        #expect(Self.passed(fields) == ["host: site.example", "X-Forward: kept"] + Self.added)
    }

    @Test("A trusted proxy is believed, and its list goes on")
    func trusted() {
        let fields = [
            ("X-Forwarded-For", "1.2.3.4"), ("X-Forwarded-Proto", "https"), ("Forwarded", "for=1.2.3.4"),
            ("X-Forwarded-Port", "443"), ("X-Forwarded-For", "5.6.7.8"), ("X-Request-Id", "theirs"),
            ("X_Forwarded_For", "127.0.0.1"), ("X_Request_Id", "x"),
        ]
        #expect(
            Self.passed(fields, Self.proxy)
                == [
                    "host: site.example", "X-Forwarded-Proto: https", "Forwarded: for=1.2.3.4", "X-Forwarded-Port: 443",
                    "X-Forwarded-For: 1.2.3.4, 5.6.7.8, 10.0.0.1", "X-Forwarded-Host: site.example",
                    "X-Request-Id: theirs",
                ]
        )
        for id in ["", "a b", "\u{E9}", String(repeating: "a", count: 129)] {
            #expect(ForwardedHead.requestID(of: Self.request([("X-Request-Id", id)]), Self.proxy) == nil)
        }
        let two = Self.request([("X-Request-Id", "a"), ("X-Request-Id", "b")])
        #expect(ForwardedHead.requestID(of: two, Self.proxy) == nil)
        // A socket of the machine itself has no address to add.
        let local = ForwardedHead.Peer(address: "", isTrusted: true, isTLS: false)
        #expect(!Self.passed([], local).contains { $0.hasPrefix("X-Forwarded-For") })
    }

    @Test("An answer loses what is of its connection, and the length of a body that it has not")
    func answers() throws {
        let fields = [
            ("conTENT-length", "0"), ("Connection", "X-A, content-length"), ("X-A", "1"), ("Keep-Alive", "x"),
            ("Upgrade", "h2"), ("X-Request-Id", "theirs"), ("Set-Cookie", "a"), ("Server", "app"), ("Set-Cookie", "b"),
        ]
        #expect(
            try Self.answer(fields, 200)
                == ["conTENT-length: 0", "Set-Cookie: a", "Server: app", "Set-Cookie: b"]
        )
        #expect(try Self.answer(fields, 204) == ["Set-Cookie: a", "Server: app", "Set-Cookie: b"])
        #expect(try Self.answer(fields, 101).contains("Upgrade: h2"))
        #expect(try Self.answer(fields, 426).suffix(1) == ["Connection: Upgrade"])
    }

    private static func answer(_ fields: [(String, String)], _ code: Int) throws -> [String] {
        var line = StatusLineReader()
        for (index, byte) in "HTTP/1.1 \(code) X\r".utf8.enumerated() {
            _ = line.consume(byte, at: index)
        }
        let answer = try UpstreamAnswer(line, reason: "X", fields: HeaderFields(fields), isHead: false)
        var lines = ByteBuffer()
        ForwardedHead.answer(answer).write(into: &lines)
        return Array(String(buffer: lines).parts(between: "\r\n").dropLast())
    }
}
