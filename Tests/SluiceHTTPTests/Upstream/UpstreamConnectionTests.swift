import NIOCore
import NIOEmbedded
import NIOHTTP1
import TestSupport
import Testing

@testable import SluiceHTTP

@Suite struct UpstreamConnectionTests {
    private final class Recorder: UpstreamReceiver {
        var events: [String] = []

        func upstreamInformed(_ answer: UpstreamAnswer) { self.events.append("informed \(answer.status.code)") }

        func upstreamAnswered(_ answer: UpstreamAnswer) { self.events.append("answered \(answer.status.code)") }

        func upstreamSent(_ bytes: ByteBuffer) { self.events.append("sent \(String(buffer: bytes))") }

        func upstreamEnded(trailers: HeaderFields?) { self.events.append("ended \(trailers?.count ?? 0)") }

        func upstreamFailed(_ detail: String, isUntouched: Bool) { self.events.append("failed \(isUntouched)") }

        func upstreamWritabilityChanged(isWritable: Bool) { self.events.append("writable \(isWritable)") }
    }

    private let channel = EmbeddedChannel()
    private let connection = UpstreamConnection(limits: HTTPLimits(), memory: RequestMemory(), isTLS: false)
    private let receiver = Recorder()

    init() throws {
        try self.channel.pipeline.syncOperations.addHandler(self.connection)
        try self.channel.connect(to: SocketAddress(ipAddress: "192.0.2.7", port: 80)).wait()
    }

    private func request(_ method: HTTPMethod = .GET, length: Int? = nil, isChunked: Bool = false) -> UpstreamRequest {
        let fields = length.map { [("Content-Length", "\($0)")] } ?? []
        return UpstreamRequest(
            method: method,
            target: "/a",
            fields: HeaderFields(fields),
            contentLength: length,
            isChunked: isChunked
        )
    }

    private var sent: String {
        var all = ""
        while let bytes = try? self.channel.readOutbound(as: ByteBuffer.self) {
            all += String(buffer: bytes)
        }
        return all
    }

    private func answer(_ text: String) {
        _ = try? self.channel.writeInbound(ByteBuffer(string: text))
        self.channel.embeddedEventLoop.run()
    }

    @Test func `one request follows the other on a connection that is good for it`() {
        var idleCount = 0
        self.connection.whenIdle = { _ in idleCount += 1 }
        for round in 1...2 {
            self.connection.begin(self.request(.POST, isChunked: true), receiver: self.receiver)
            self.connection.write(ByteBuffer(string: "hello"))
            self.connection.finish(trailers: HeaderFields([("X-T", "1"), ("X\r\nY", "2")]))
            #expect(
                self.sent
                    == "POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-T: 1\r\n\r\n"
            )
            self.answer("HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
            #expect(self.receiver.events.suffix(4) == ["informed 103", "answered 200", "sent hi", "ended 0"])
            #expect(idleCount == round && self.connection.isUsable)
        }
    }

    @Test(arguments: [
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK\r\n",
        "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n",
    ])
    func `a connection that is not good for another request ends`(text: String) {
        self.connection.begin(self.request(), receiver: self.receiver)
        self.connection.finish()
        self.answer(text)
        #expect(self.receiver.events.last == "ended 0")
        #expect(!self.channel.isActive && !self.connection.isUsable)
    }

    @Test func `an answer before the request's end ends the connection`() {
        self.connection.begin(self.request(.POST, length: 5), receiver: self.receiver)
        self.answer("HTTP/1.1 413 No\r\nContent-Length: 0\r\n\r\n")
        #expect(self.receiver.events == ["answered 413", "ended 0"] && !self.channel.isActive)
    }

    @Test func `an answer that nobody asked for ends the connection`() {
        self.answer("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        #expect(!self.channel.isActive)
        self.connection.begin(self.request(), receiver: self.receiver)
        #expect(self.receiver.events == ["failed true"])
    }

    @Test func `the end of the connection tells whether anything was touched`() {
        self.connection.begin(self.request(), receiver: self.receiver)
        self.connection.finish()
        self.answer("HTTP/1.1 200 O")
        _ = try? self.channel.finish(acceptAlreadyClosed: true)
        #expect(self.receiver.events == ["failed false"])
    }

    @Test func `a body is never longer or shorter than was said`() throws {
        self.connection.begin(self.request(.POST, length: 3), receiver: self.receiver)
        self.connection.write(ByteBuffer(string: "ab"))
        self.connection.write(ByteBuffer(string: "cGET /smuggled"))
        #expect(self.receiver.events == ["failed true"] && !self.channel.isActive)
        #expect(self.sent.hasSuffix("\r\n\r\nab"))
        let other = try UpstreamConnectionTests()
        other.connection.begin(other.request(.POST, length: 3), receiver: other.receiver)
        other.connection.write(ByteBuffer(string: "ab"))
        other.connection.finish()
        #expect(other.receiver.events == ["failed true"] && !other.channel.isActive)
    }

    @Test func `while it is paused an answer waits, its end included`() {
        self.connection.begin(self.request(), receiver: self.receiver)
        self.connection.finish()
        self.answer("HTTP/1.1 200 OK\r\n\r\n")
        self.connection.setPaused(true)
        self.answer("hi")
        _ = try? self.channel.finish(acceptAlreadyClosed: true)
        #expect(self.receiver.events == ["answered 200"])
        self.connection.setPaused(false)
        #expect(self.receiver.events == ["answered 200", "sent hi", "ended 0"])
    }

    @Test func `a line that would be two is none`() {
        for (method, target) in [("GET", "/a b"), ("GET", "/a\r\nX: y"), ("", "/"), ("G T", "/"), ("GET", "")] {
            let request = UpstreamRequest(
                method: HTTPMethod(rawValue: method),
                target: target,
                fields: HeaderFields()
            )
            #expect(!request.isLine)
        }
        #expect(self.request().isLine)
    }
}
