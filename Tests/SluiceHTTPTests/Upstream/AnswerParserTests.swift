import NIOCore
import NIOHTTP1
import TestSupport
import Testing

@testable import SluiceHTTP

@Suite struct AnswerParserTests {
    /// What is read of some bytes that come in pieces of a length, in words.
    private static func read(
        _ text: String,
        isHead: Bool = false,
        mayUpgrade: Bool = false,
        pieceLength: Int = .max,
        isClean: Bool? = true
    ) -> [String] {
        var parser = AnswerParser(limits: HTTPLimits(), isHead: isHead, mayUpgrade: mayUpgrade)
        var words: [String] = []
        var body = ""
        let take = { (part: AnswerParser.Part) in
            switch part {
            case .interim(let answer): words.append("interim \(answer.status.code)")
            case .head(let answer): words.append("head \(answer.status.code) \(answer.framing) \(answer.isKeepAlive)")
            case .body(let bytes): body += String(buffer: bytes)
            case .end(let trailers):
                words.append("end" + (trailers.map { " \($0["X-T"])" } ?? ""))
            case .refused: words.append("refused")
            }
        }
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let piece = rest.prefix(pieceLength)
            rest = rest.dropFirst(piece.count)
            parser.append(ByteBuffer(bytes: piece))
            while let part = parser.next() { take(part) }
        }
        if let isClean, let part = parser.inputEnded(isClean: isClean) { take(part) }
        return words + (body.isEmpty ? [] : [body]) + (parser.held.readableBytes > 0 ? ["held"] : [])
    }

    @Test(
        arguments: [
            ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", ["head 200 length(2) true", "end", "hi"]),
            ("HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", ["head 200 length(0) true", "end"]),
            ("HTTP/1.1 200 \r\ncontent-length: 0\r\n\r\n", ["head 200 length(0) true", "end"]),
            ("HTTP/1.1 204 No Content\r\n\r\n", ["head 204 none true", "end"]),
            ("HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", ["head 304 none true", "end"]),
            ("HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\nhi", ["head 204 none false", "end", "held"]),
            (
                "HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n", ["head 304 none false", "end"]
            ),
            ("HTTP/1.0 200 OK\r\n\r\nhi", ["head 200 connection false", "end", "hi"]),
            ("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi", ["head 200 length(2) false", "end", "hi"]),
            (
                "HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 2\r\n\r\nhi",
                ["head 200 length(2) true", "end", "hi"]
            ),
            (
                "HTTP/1.1 200 OK\r\nConnection: x, CLOSE\r\nContent-Length: 0\r\n\r\n",
                ["head 200 length(0) false", "end"]
            ),
            (
                "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na",
                ["interim 100", "interim 103", "head 200 length(1) true", "end", "a"]
            ),
            (
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n2;x=y\r\nhi\r\n1\r\n!\r\n0\r\nX-T: 1\r\n\r\n",
                ["head 200 chunked true", "end [\"1\"]", "hi!"]
            ),
            ("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nabc", ["head 200 length(1) true", "end", "a", "held"]),
            ("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\na", ["head 200 length(3) true", "refused", "a"]),
            (
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n",
                ["head 200 chunked true", "refused", "a"]
            ),
            (
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n",
                ["head 200 chunked true", "refused", "a"]
            ),
            ("HTTP/1.1 200 O", ["refused"]), ("", ["refused"]),
            ("HTTP/1.1 100 Continue\r\n\r\n", ["interim 100", "refused"]),
            ("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", ["refused"]),
        ] as [(String, [String])]
    )
    func `an answer is read the same however it comes`(text: String, words: [String]) {
        for pieceLength in [.max, 1, 2, 7] {
            #expect(Self.read(text, pieceLength: pieceLength) == words)
        }
    }

    @Test(arguments: [
        "Content-Length: 1\r\nTransfer-Encoding: chunked", "Transfer-Encoding: chunked\r\nContent-Length: 1",
        "Content-Length: 1\r\nContent-Length: 2", "Content-Length: 1\r\nContent-Length: 1", "Content-Length: 1, 1",
        "Content-Length: +1", "Content-Length: -1", "Content-Length:", "Content-Length: 0x1",
        "Content-Length: 99999999999999999999", "Content-Length: 1\t", "Transfer-Encoding: gzip, chunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", "Transfer-Encoding: identity",
        "Transfer-Encoding: xchunked", "Transfer-Encoding: \u{0B}chunked", "Content-Length : 1", "X: a\r\n b",
        " X: a", "X: a\rb", "X: a\nY: b", "X: a\0b", "X", ": a", "X(: a", "X: \u{1B}",
    ])
    func `an answer that two readers could take for two is refused`(lines: String) {
        let text = "HTTP/1.1 200 OK\r\n\(lines)\r\n\r\n0\r\n\r\n"
        #expect(Self.read(text) == ["refused"] || Self.read(text) == ["refused", "held"])
        #expect(Self.read(text, isHead: true).first == "refused")
    }

    @Test(arguments: [
        "HTTP/1.1 200 OK\n\n", "\r\nHTTP/1.1 200 OK\r\n\r\n", "HTTP/2.0 200 OK\r\n\r\n", "http/1.1 200 OK\r\n\r\n",
        "HTTP/1.1  200 OK\r\n\r\n", "HTTP/1.1 20 OK\r\n\r\n", "HTTP/1.1 2000 OK\r\n\r\n", "HTTP/1.1 099 OK\r\n\r\n",
        "HTTP/1.1 200 O\u{7F}\r\n\r\n", "200 OK\r\n\r\n", "SSH-2.0-OpenSSH_9.2\r\n",
        "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX: \(String(repeating: "a", count: 20_000))\r\n\r\n",
        "HTTP/1.1 200 OK\r\n\(String(repeating: "a: b\r\n", count: 200))\r\n",
        String(repeating: "HTTP/1.1 102 Processing\r\n\r\n", count: 101),
    ])
    func `what is no answer is refused`(text: String) {
        #expect(Self.read(text).contains("refused"))
    }

    @Test func `the answer to HEAD has no body, whatever it says`() {
        #expect(
            Self.read("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", isHead: true) == ["head 200 none true", "end"]
        )
        #expect(
            Self.read("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", isHead: true)
                == ["head 200 none true", "end"]
        )
    }

    @Test func `a body up to the end of the connection is whole only if that ended cleanly`() {
        let text = "HTTP/1.1 200 OK\r\n\r\nhi"
        #expect(Self.read(text) == ["head 200 connection false", "end", "hi"])
        #expect(Self.read(text, isClean: false) == ["head 200 connection false", "refused", "hi"])
    }

    @Test func `what follows 101 is left to the other protocol`() {
        let text = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nbytes"
        #expect(Self.read(text, mayUpgrade: true) == ["head 101 none true", "held"])
    }
}
