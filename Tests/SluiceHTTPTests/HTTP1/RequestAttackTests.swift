import NIOCore
import NIOEmbedded
import SluiceWire
import TestSupport
import Testing

@testable import SluiceHTTP

@Suite struct RequestAttackTests {
    /// Requests that are answered and whose connection is then closed. Each is sent with a second, innocent request
    /// behind it, which must not be answered: it may be the tail of an attack.
    static let refused: [RawRequest] = Self.framing + Self.lines + Self.requestLines + Self.fields + Self.sizes

    static let framing: [RawRequest] = [
        post("length and chunked", "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
        post("chunked and length", "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n", "0\r\n\r\n"),
        post("two equal lengths", "Content-Length: 2\r\nContent-Length: 2\r\n", "{}"),
        post("two unequal lengths", "Content-Length: 2\r\nContent-Length: 7\r\n", "{}"),
        post("a list of lengths", "Content-Length: 2, 2\r\n", "{}"),
        post("a negative length", "Content-Length: -2\r\n", ""),
        post("a length with a plus", "Content-Length: +2\r\n", "{}"),
        post("a hexadecimal length", "Content-Length: 0x2\r\n", "{}"),
        post("an empty length", "Content-Length:\r\n", ""),
        post("a length beyond 2^64", "Content-Length: 36893488147419103234\r\n", "{}"),
        post("a length beyond 2^63", "Content-Length: 9223372036854775809\r\n", "{}"),
        post("gzip then chunked", "Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n"),
        post("chunked then gzip", "Transfer-Encoding: chunked, gzip\r\n", "0\r\n\r\n"),
        post("chunked twice", "Transfer-Encoding: chunked, chunked\r\n", "0\r\n\r\n"),
        post("chunked in two fields", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
        post("identity", "Transfer-Encoding: identity\r\n", ""),
        post("xchunked", "Transfer-Encoding: xchunked\r\n", "0\r\n\r\n"),
        post("quoted chunked", "Transfer-Encoding: \"chunked\"\r\n", "0\r\n\r\n"),
        post("chunked with a parameter", "Transfer-Encoding: chunked;q=1\r\n", "0\r\n\r\n"),
        post("an empty coding", "Transfer-Encoding:\r\n", ""),
        post("chunked after a vertical tab", "Transfer-Encoding: \u{0B}chunked\r\n", "0\r\n\r\n"),
        RawRequest(
            name: "chunked in 1.0",
            bytes: "POST /collect HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            status: 400
        ),
    ]

    static let lines: [RawRequest] = [
        post("space before the colon", "Content-Length : 2\r\n", "{}"),
        post("tab before the colon", "Content-Length\t: 2\r\n", "{}"),
        post("a folded line", "X-A: b\r\n c\r\n", ""),
        post("a line folded by a tab", "X-A: b\r\n\tc\r\n", ""),
        post("a first line that is folded", " X-A: b\r\n", ""),
        post("a line without a colon", "Nonsense\r\n", ""),
        post("a line without a name", ": b\r\n", ""),
        post("a name that is no token", "X(A): b\r\n", ""),
        post("a name that is not ASCII", "X-\u{E9}: b\r\n", ""),
        post("a bare LF after a field", "X-A: b\nX-B: c\r\n", ""),
        post("a bare CR within a value", "X-A: b\rX-B: c\r\n", ""),
        post("CR CR LF", "X-A: b\r\r\n", ""),
        post("NUL in a value", "X-A: b\0c\r\n", ""),
        post("NUL in a name", "X-\0A: b\r\n", ""),
        post("an escape character in a value", "X-A: \u{1B}[2J\r\n", ""),
        post("DEL in a value", "X-A: \u{7F}\r\n", ""),
        RawRequest(name: "only LFs", bytes: "GET /ok HTTP/1.1\nHost: a\n\n", status: 400),
        RawRequest(name: "LF at the end of the head", bytes: "GET /ok HTTP/1.1\r\nHost: a\r\n\n", status: 400),
        RawRequest(name: "LF after the request line", bytes: "GET /ok HTTP/1.1\nHost: a\r\n\r\n", status: 400),
        RawRequest(
            name: "CR without LF before the request",
            bytes: "\rGET /ok HTTP/1.1\r\nHost: a\r\n\r\n",
            status: 400
        ),
        RawRequest(name: "LF before the request", bytes: "\nGET /ok HTTP/1.1\r\nHost: a\r\n\r\n", status: 400),
    ]

    static let requestLines: [RawRequest] = [
        line("two spaces", "GET  /ok HTTP/1.1"),
        line("a space at the start", " GET /ok HTTP/1.1"),
        line("a space in the target", "GET /o k HTTP/1.1"),
        line("a tab for a space", "GET\t/ok HTTP/1.1"),
        line("a space at the end", "GET /ok HTTP/1.1 "),
        line("no version", "GET /ok"),
        line("no target", "GET HTTP/1.1"),
        line("an empty target", "GET  HTTP/1.1"),
        line("a version in small letters", "GET /ok http/1.1"),
        line("a version of another protocol", "GET /ok RTSP/1.0"),
        line("NUL in the target", "GET /o\0k HTTP/1.1"),
        line("a target that is not ASCII", "GET /\u{E9} HTTP/1.1"),
        line("DEL in the target", "GET /\u{7F} HTTP/1.1"),
        line("a TLS hello", "\u{16}\u{03}\u{01}\u{02}"),
        line("version 1.2", "GET /ok HTTP/1.2", 505, "version_not_supported"),
        line("version 0.9", "GET /ok HTTP/0.9", 505, "version_not_supported"),
        line("version 2.0", "GET /ok HTTP/2.0", 505, "version_not_supported"),
        line("version 11", "GET /ok HTTP/11", 505, "version_not_supported"),
        line("an HTTP/2 preface", "PRI * HTTP/2.0", 505, "version_not_supported"),
        line("CONNECT", "CONNECT example.org:443 HTTP/1.1", 501, "not_implemented"),
        line("TRACE", "TRACE /ok HTTP/1.1", 501, "not_implemented"),
        line("a method without end", String(repeating: "A", count: 40) + " / HTTP/1.1"),
        line("the authority as target", "GET example.org:443 HTTP/1.1"),
        line("* for GET", "GET * HTTP/1.1", 400, "invalid_target"),
        line("another scheme", "GET ftp://a/ok HTTP/1.1", 400, "invalid_target"),
        line("user information", "GET http://me@a/ok HTTP/1.1", 400, "invalid_target"),
        line("a fragment", "GET /ok#x HTTP/1.1", 400, "invalid_target"),
    ]

    /// Targets that the gateway does not take for itself; what passes requests on unread may.
    static let undecodable: [RawRequest] = [
        line("a hidden NUL", "GET /a%00 HTTP/1.1", 400, "invalid_target"),
        line("a hidden line end", "GET /a%0d%0aX: HTTP/1.1", 400, "invalid_target"),
        line("a short escape", "GET /a%2 HTTP/1.1", 400, "invalid_target"),
        line("an escape that is none", "GET /a%zz HTTP/1.1", 400, "invalid_target"),
        line("bad UTF-8", "GET /%c3%28 HTTP/1.1", 400, "invalid_target"),
        line("an over-long slash", "GET /a%c0%afb HTTP/1.1", 400, "invalid_target"),
        line("a surrogate", "GET /%ed%a0%80 HTTP/1.1", 400, "invalid_target"),
        line("a broken query", "GET /ok?a=%f HTTP/1.1", 400, "invalid_target"),
        line("NUL in the query", "GET /ok?a=%00 HTTP/1.1", 400, "invalid_target"),
        line(
            "too many parameters",
            "GET /ok?" + String(repeating: "a&", count: 65) + " HTTP/1.1",
            400,
            "invalid_target"
        ),
    ]

    static let fields: [RawRequest] = [
        RawRequest(name: "no Host", bytes: "GET /ok HTTP/1.1\r\n\r\n", status: 400),
        RawRequest(name: "two Hosts", bytes: "GET /ok HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", status: 400),
        RawRequest(name: "two Hosts in 1.0", bytes: "GET /ok HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", status: 400),
        RawRequest(name: "a Host with a path", bytes: "GET /ok HTTP/1.1\r\nHost: a/b\r\n\r\n", status: 400),
        RawRequest(name: "a Host with a user", bytes: "GET /ok HTTP/1.1\r\nHost: me@a\r\n\r\n", status: 400),
        RawRequest(name: "a list of Hosts", bytes: "GET /ok HTTP/1.1\r\nHost: a b\r\n\r\n", status: 400),
        RawRequest(name: "an absolute target without Host", bytes: "GET http://a/ok HTTP/1.1\r\n\r\n", status: 400),
        RawRequest(
            name: "another expectation",
            bytes: "POST /collect HTTP/1.1\r\nHost: a\r\nExpect: a-pony\r\nContent-Length: 2\r\n\r\n{}",
            status: 417,
            code: "expectation_failed"
        ),
    ]

    static let sizes: [RawRequest] = [
        RawRequest(
            name: "a long field",
            bytes: "GET /ok HTTP/1.1\r\nHost: a\r\nX: \(String(repeating: "x", count: 17_000))\r\n\r\n",
            status: 431,
            code: "headers_too_large"
        ),
        RawRequest(
            name: "a long target",
            bytes: "GET /\(String(repeating: "x", count: 17_000)) HTTP/1.1\r\nHost: a\r\n\r\n",
            status: 431,
            code: "headers_too_large"
        ),
        RawRequest(
            name: "a head without end",
            bytes: "GET /ok HTTP/1.1\r\nHost: a\r\n" + String(repeating: "X: y\r\n", count: 3000),
            status: 431,
            code: "headers_too_large"
        ),
        RawRequest(
            name: "many fields",
            bytes: "GET /ok HTTP/1.1\r\nHost: a\r\n" + String(repeating: "X: y\r\n", count: 100) + "\r\n",
            status: 431,
            code: "headers_too_large"
        ),
        RawRequest(
            name: "empty lines without end",
            bytes: String(repeating: "\r\n", count: 9000),
            status: 431,
            code: "headers_too_large"
        ),
    ]

    static let chunks: [RawRequest] = [
        chunked("a size that is no number", "x\r\n"),
        chunked("an empty size", "\r\n"),
        chunked("a negative size", "-1\r\n"),
        chunked("a size with 0x", "0x2\r\n{}\r\n"),
        chunked("a space before the size", " 2\r\n{}\r\n"),
        chunked("a space after the size", "2 \r\n{}\r\n"),
        chunked("a size that overflows", "fffffffffffffffff\r\n"),
        chunked("a size of nine digits", "000000002\r\n{}\r\n"),
        chunked("LF after the size", "2\n{}\r\n"),
        chunked("CR CR after the size", "2\r\r\n{}\r\n"),
        chunked("data longer than the size", "2\r\n{}}\r\n"),
        chunked("data without its end", "2\r\n{}0\r\n\r\n"),
        chunked("LF after the data", "2\r\n{}\n0\r\n\r\n"),
        chunked("an extension without end", "2;" + String(repeating: "x", count: 400)),
        chunked("LF in an extension", "2;a\nb\r\n{}\r\n"),
        chunked("NUL in an extension", "2;a\0b\r\n{}\r\n"),
        chunked("trailers without end", "0\r\n" + String(repeating: "X: y\r\n", count: 900)),
        chunked("a folded trailer", "0\r\nX: y\r\n z\r\n\r\n"),
        chunked("a trailer without a colon", "0\r\nX\r\n\r\n"),
        chunked("LF for the last line", "0\r\n\n"),
        chunked("LF after a trailer", "0\r\nX: y\n\r\n"),
    ]

    @Test(arguments: Self.refused + Self.chunks)
    func `a request whose framing or head is in doubt is refused once, and the connection closed`(
        request: RawRequest
    ) throws {
        let connection = try HTTPTestConnection()
        connection.send(Self.raw(request.bytes + "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"))
        try Self.expectRefusal(of: request, on: connection)
    }

    @Test(arguments: Self.refused + Self.chunks)
    func `it is refused likewise when it comes byte by byte`(request: RawRequest) throws {
        let connection = try HTTPTestConnection()
        for byte in Self.raw(request.bytes + "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n").readableBytesView {
            connection.send(ByteBuffer(bytes: [byte]))
        }
        try Self.expectRefusal(of: request, on: connection)
    }

    @Test(arguments: Self.undecodable)
    func `a target that cannot be decoded is the router's to refuse, and in no doubt about framing`(
        request: RawRequest
    ) throws {
        let connection = try HTTPTestConnection()
        connection.send(Self.raw(request.bytes + "GET /ok HTTP/1.1\r\nHost: a\r\n\r\n"))
        let answer = connection.received()
        #expect(HTTPTestConnection.statuses(in: answer) == [request.status, 200], "\(answer)")
        #expect(answer.contains(#""code":"\#(request.code)""#), "\(answer)")
        #expect(connection.router.requests.map(\.isDecodable) == [false, true])
    }

    @Test func `a body that breaks while its answer is under way ends the connection, once`() throws {
        let connection = try HTTPTestConnection()
        connection.send("GET /open HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nz")
        #expect(connection.statuses() == [200])
        #expect(!connection.isOpen)
        #expect(connection.lastHandler.events == ["start", "aborted malformed"])
    }

    @Test func `a broken body of a client that has sent all it will is refused once`() throws {
        let connection = try HTTPTestConnection()
        connection.send("GET /open HTTP/1.1\r\nHost: a\r\n\r\n")
        connection.send("POST /collect HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz")
        connection.channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
        connection.lastHandler.exchange?.finish()
        connection.channel.embeddedEventLoop.run()
        #expect(connection.statuses() == [200, 400])
        #expect(!connection.isOpen)
    }

    @Test func `a client whose reads each end within the next request takes no more memory for it`() throws {
        let connection = try HTTPTestConnection()
        connection.send("G")
        for _ in 0..<5000 {
            connection.send("ET /ok HTTP/1.1\r\nHost: a\r\n\r\nG")
        }
        #expect(connection.statuses().count == 5000)
        #expect(connection.handler.gate.held.storageCapacity <= 64 * 1024)
    }

    private static func expectRefusal(of request: RawRequest, on connection: HTTPTestConnection) throws {
        let answer = connection.received()
        #expect(HTTPTestConnection.statuses(in: answer) == [request.status], "\(answer)")
        #expect(answer.contains("\r\nConnection: close\r\n"))
        #expect(answer.contains("\r\nContent-Type: application/problem+json\r\n"))
        #expect(answer.contains(#""code":"\#(request.code)""#), "\(answer)")
        #expect(!connection.isOpen)
        #expect(connection.router.refusals.map(\.rawValue) == [request.code])
        #expect(connection.router.requests.allSatisfy { $0.path != ["smuggled"] })
        #expect(connection.router.closedCount == 1)
        if let handler = connection.router.handlers.first {
            #expect(handler.events == ["start", "aborted malformed"])
        }
    }

    /// Latin-1, so that one character is one byte.
    private static func raw(_ text: String) -> ByteBuffer {
        ByteBuffer(bytes: text.unicodeScalars.map { UInt8($0.value) })
    }

    private static func post(_ name: String, _ fields: String, _ body: String) -> RawRequest {
        RawRequest(name: name, bytes: "POST /collect HTTP/1.1\r\nHost: a\r\n\(fields)\r\n\(body)", status: 400)
    }

    private static func chunked(_ name: String, _ body: String) -> RawRequest {
        let head = "POST /collect HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        return RawRequest(name: "chunk: \(name)", bytes: head + body, status: 400)
    }

    private static func line(
        _ name: String,
        _ line: String,
        _ status: Int = 400,
        _ code: String = "bad_request"
    ) -> RawRequest {
        RawRequest(name: name, bytes: "\(line)\r\nHost: a\r\n\r\n", status: status, code: code)
    }
}
