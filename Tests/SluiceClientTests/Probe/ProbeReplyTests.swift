import Testing

@testable import SluiceClient

@Suite("What a probe reads off a line")
struct ProbeReplyTests {
    @Test("A head, its fields, and the body so far; nothing while the head is not complete")
    func head() throws {
        let text = "HTTP/1.1 200 OK\r\nContent-Type:  a: b\r\nX:\r\n\r\nbo"
        let reply = try #require(ProbeReply(Array(text.utf8)))
        #expect(reply.status == 200 && reply.fields == ["content-type": "a: b", "x": ""] && reply.text == "bo")
        #expect(reply.headByteCount == text.utf8.count - 2)
        #expect(ProbeReply(Array(text.utf8.prefix(40))) == nil)
        #expect(ProbeReply(Array("SSH-2.0-x\r\n\r\n".utf8)) == nil)
    }

    @Test("Chunks are joined, however far they have come")
    func chunks() {
        let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
        for (body, text) in [
            ("5\r\nhello\r\n3;x=y\r\n, y\r\n0\r\n\r\n", "hello, y"), ("5\r\nhel", "hel"), ("5", ""),
            ("zz\r\nhello", ""),
            ("A\r\n0123456789\r\n", "0123456789"),
        ] {
            #expect(ProbeReply(Array((head + body).utf8))?.text == text)
        }
    }

    @Test("The comments of an event stream are counted, and nothing that looks like one within it")
    func comments() {
        let text = "HTTP/1.1 200 OK\r\n\r\ndata: {\"a\":\": b\"}\n\n: alive\n\nid: 1\ndata: :\n\n: alive\n\n"
        #expect(ProbeReply(Array(text.utf8))?.commentCount == 2)
    }

    @Test("Frames of every length, and none that is not complete")
    func frames() {
        let long = [UInt8](repeating: 7, count: 300)
        let bytes: [UInt8] = [0x89, 2, 1, 2] + [0xC1, 126, 1, 44] + long + [0x88, 0]
        #expect(ProbeFrames.read(bytes).map(\.opcode) == [9, 1, 8])
        #expect(ProbeFrames.read(bytes).map(\.payload) == [[1, 2], long, []])
        for count in [1, 3, 7, 100] {
            #expect(ProbeFrames.read(bytes.prefix(count)).count == (count > 3 ? 1 : 0))
        }
        #expect(ProbeFrames.read([0x82, 127, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1]).isEmpty)
        #expect(ProbeFrames.pong([5, 6]) == [0x8A, 0x82, 0, 0, 0, 0, 5, 6])
    }
}
