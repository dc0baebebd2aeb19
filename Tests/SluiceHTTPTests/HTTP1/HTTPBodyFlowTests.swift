import NIOCore
import NIOEmbedded
import SluiceWire
import TestSupport
import Testing

@testable import SluiceHTTP

@Suite("Long answers")
struct HTTPBodyFlowTests {
    /// Makes so many pieces, and remembers the requests for them.
    private final class Source: HTTPBodySource {
        let byteCount: Int? = nil
        private(set) var askedCount = 0
        private var left: Int
        /// The future that it waits for before each piece.
        var pause: EventLoopFuture<Void>?

        init(pieces: Int) {
            self.left = pieces
        }

        func next(maximumBytes: Int) -> HTTPBodyPiece {
            if let pause = self.pause.take() {
                return .later(pause)
            }
            self.askedCount += 1
            guard self.left > 0 else { return .end }
            self.left -= 1
            return .bytes(ByteBuffer(repeating: UInt8(ascii: "a"), count: maximumBytes))
        }
    }

    /// The most bytes that may wait for a plain reader: a full socket, one more piece, and its framing.
    private static let mostBytes = 128 * 1024 + 1024

    /// A connection that was asked for something and has not answered.
    private static func asked(
        _ fields: String = "",
        method: String = "GET",
        version: String = "HTTP/1.1"
    ) throws -> (HTTPTestConnection, SlowSocket) {
        let connection = try HTTPTestConnection()
        let socket = try SlowSocket(connection.channel)
        connection.send("\(method) /later \(version)\r\nHost: a\r\n\(fields)\r\n")
        return (connection, socket)
    }

    /// Lets the loop turn, and the peer take the waiting bytes, until nothing more comes.
    private static func readAll(_ connection: HTTPTestConnection, _ socket: SlowSocket) -> [UInt8] {
        var all: [UInt8] = []
        for _ in 0..<1000 {
            socket.take()
            connection.advance(.milliseconds(1))
            while let bytes = try? connection.channel.readOutbound(as: ByteBuffer.self) {
                all += bytes.readableBytesView
            }
        }
        return all
    }

    private static func split(_ answer: [UInt8]) throws -> (head: String, body: [UInt8]) {
        let text = String(decoding: answer.prefix(2048), as: UTF8.self)
        let end = try #require(text.firstRange(of: "\r\n\r\n"))
        let head = String(text[..<end.lowerBound])
        return (head, Array(answer.dropFirst(head.utf8.count + 4)))
    }

    private static func unchunked(_ body: [UInt8]) throws -> [UInt8] {
        var rest = ByteBuffer(bytes: body)
        var all: [UInt8] = []
        while true {
            let line = try #require(rest.readableBytesView.firstIndex(of: 13))
            let digits = rest.readString(length: line - rest.readerIndex)
            let count = try #require(digits.flatMap { Int($0, radix: 16) })
            rest.moveReaderIndex(forwardBy: 2)
            guard count > 0 else { return all }
            let bytes = rest.readBytes(length: count)
            all += try #require(bytes)
            rest.moveReaderIndex(forwardBy: 2)
        }
    }

    @Test("Of a body of 4 MiB no more waits than the socket has room for, and it arrives whole")
    func large() throws {
        let (connection, socket) = try Self.asked()
        let body = ByteBuffer(bytes: (0..<(4 << 20)).map { UInt8(truncatingIfNeeded: $0 / 7) })
        connection.lastHandler.exchange?.respond(.json(body))
        connection.advance(.seconds(1))
        #expect(socket.waitingBytes <= Self.mostBytes)
        let (head, received) = try Self.split(Self.readAll(connection, socket))
        #expect(head.contains("\r\nContent-Length: \(4 << 20)"))
        #expect(ByteBuffer(bytes: received) == body)
        #expect(socket.peakBytes <= Self.mostBytes)
        #expect(connection.isOpen)
    }

    @Test("Packing is spread over turns of the loop")
    func packed() throws {
        let (connection, socket) = try Self.asked("Accept-Encoding: gzip\r\n")
        socket.isOpen = true
        let source = Source(pieces: 8)
        connection.lastHandler.exchange?.respond(.json(), body: source)
        #expect(source.askedCount == 1)
        for turn in 2...9 {
            connection.advance(.microseconds(50))
            #expect(source.askedCount == turn)
        }
        let (head, body) = try Self.split(Self.readAll(connection, socket))
        #expect(head.contains("\r\nContent-Encoding: gzip") && head.contains("\r\nTransfer-Encoding: chunked"))
        #expect(head.contains("\r\nVary: Accept-Encoding"))
        let unpacked = ReferenceZlib.gunzip(ByteBuffer(bytes: try Self.unchunked(body)))
        #expect(unpacked == Array(repeating: UInt8(ascii: "a"), count: 8 * HTTPBodyFlow.pieceBytes))
    }

    @Test("A fixed body that is long is packed in the same way")
    func packedBuffer() throws {
        let (connection, socket) = try Self.asked("Accept-Encoding: gzip\r\n")
        let body = ByteBuffer(repeating: UInt8(ascii: "{"), count: 1 << 20)
        connection.lastHandler.exchange?.respond(.json(body))
        let (_, received) = try Self.split(Self.readAll(connection, socket))
        #expect(ReferenceZlib.gunzip(ByteBuffer(bytes: try Self.unchunked(received))) == Array(body.readableBytesView))
    }

    @Test("Without memory for packing the answer goes as it is")
    func noMemory() throws {
        let connection = try HTTPTestConnection(memory: CompressionMemory(limit: 1000))
        let socket = try SlowSocket(connection.channel)
        connection.send("GET /later HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n")
        connection.lastHandler.exchange?.respond(.json(ByteBuffer(repeating: 0x20, count: 100_000)))
        let (head, body) = try Self.split(Self.readAll(connection, socket))
        #expect(!head.contains("Content-Encoding") && head.contains("\r\nContent-Length: 100000"))
        #expect(body.count == 100_000)
    }

    @Test("The memory is given back, whether the answer is over or the peer has left")
    func memoryGivenBack() throws {
        for leaves in [false, true] {
            let memory = CompressionMemory(limit: 1 << 20)
            let connection = try HTTPTestConnection(memory: memory)
            let socket = try SlowSocket(connection.channel)
            connection.send("GET /later HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n")
            connection.lastHandler.exchange?.respond(.json(), body: Source(pieces: 100))
            #expect(memory.usedBytes == GzipStream.memoryBytes)
            if leaves {
                connection.channel.close(promise: nil)
            } else {
                _ = Self.readAll(connection, socket)
            }
            connection.advance(.milliseconds(1))
            #expect(memory.usedBytes == 0)
        }
    }

    @Test("A peer that takes nothing is cut off after the timeout, and lets go of everything")
    func stuck() throws {
        let (connection, _) = try Self.asked()
        weak var source: Source?
        do {
            let made = Source(pieces: 1000)
            source = made
            connection.lastHandler.exchange?.respond(.json(), body: made)
        }
        connection.advance(.milliseconds(29_900))
        #expect(connection.isOpen && source != nil)
        connection.advance(.milliseconds(200))
        #expect(!connection.isOpen)
        #expect(source == nil)
        #expect(connection.router.cutCount == 1)
    }

    @Test("A peer that takes a full socket every 25 s stays to the end")
    func slow() throws {
        let (connection, socket) = try Self.asked()
        let source = Source(pieces: 20)
        connection.lastHandler.exchange?.respond(.json(), body: source)
        for _ in 0..<20 {
            connection.advance(.seconds(25))
            #expect(connection.isOpen)
            socket.take()
        }
        connection.advance(.seconds(25))
        #expect(connection.isOpen)
        #expect(source.askedCount == 21)
        #expect(connection.router.cutCount == 0)
    }

    @Test("Of those whose socket is full one can be cut when memory is short")
    func shed() throws {
        let (connection, socket) = try Self.asked()
        #expect(connection.context.blockedSince.isEmpty)
        connection.lastHandler.exchange?.respond(.json(), body: Source(pieces: 100))
        connection.advance(.milliseconds(1))
        let full = try #require(connection.context.blockedSince.first)
        #expect(full.since <= connection.channel.eventLoop.now)
        socket.take()
        connection.advance(.milliseconds(1))
        connection.context.cutSlowReader(full.id)
        #expect(!connection.isOpen)
        #expect(connection.context.blockedSince.isEmpty)
        #expect(connection.router.cutCount == 1)
    }

    @Test("A source may have its reader wait")
    func later() throws {
        let (connection, socket) = try Self.asked()
        socket.isOpen = true
        let source = Source(pieces: 2)
        let promise = connection.channel.eventLoop.makePromise(of: Void.self)
        source.pause = promise.futureResult
        connection.lastHandler.exchange?.respond(.json(), body: source)
        connection.advance(.hours(1))
        #expect(source.askedCount == 0)
        #expect(connection.isOpen)
        promise.succeed()
        let (_, body) = try Self.split(Self.readAll(connection, socket))
        #expect(try Self.unchunked(body).count == 2 * HTTPBodyFlow.pieceBytes)
    }

    @Test("HEAD is told what GET would be, and nothing is made")
    func head() throws {
        let (connection, socket) = try Self.asked(method: "HEAD")
        let source = Source(pieces: 2)
        connection.lastHandler.exchange?.respond(.json(), body: source)
        let (head, body) = try Self.split(Self.readAll(connection, socket))
        #expect(head.hasPrefix("HTTP/1.1 200 OK") && !head.contains("Content-Length"))
        #expect(body.isEmpty)
        #expect(source.askedCount == 0)
        #expect(connection.isOpen)
    }

    @Test("For HTTP/1.0 a body of unknown length ends with the connection")
    func version10() throws {
        let (connection, socket) = try Self.asked(version: "HTTP/1.0")
        connection.lastHandler.exchange?.respond(.json(), body: Source(pieces: 2))
        let (head, body) = try Self.split(Self.readAll(connection, socket))
        #expect(head.contains("\r\nConnection: close") && !head.contains("Transfer-Encoding"))
        #expect(body.count == 2 * HTTPBodyFlow.pieceBytes)
        #expect(!connection.isOpen)
    }

    @Test("A long answer that has begun before the gateway drains is finished, and the connection then ends")
    func draining() throws {
        let (connection, socket) = try Self.asked()
        connection.lastHandler.exchange?.respond(.json(), body: Source(pieces: 4))
        connection.handler.drain()
        let (_, body) = try Self.split(Self.readAll(connection, socket))
        #expect(try Self.unchunked(body).count == 4 * HTTPBodyFlow.pieceBytes)
        #expect(!connection.isOpen)
    }

    @Test("The next request waits until a long answer is over")
    func pipelined() throws {
        let (connection, socket) = try Self.asked()
        connection.lastHandler.exchange?.respond(.json(), body: Source(pieces: 4))
        connection.send("GET /ok HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(connection.router.requests.count == 1)
        let answer = String(decoding: Self.readAll(connection, socket), as: UTF8.self)
        #expect(connection.router.requests.count == 2)
        #expect(HTTPTestConnection.statuses(in: answer) == [200, 200])
        #expect(answer.hasSuffix("{}"))
    }

    @Test("A list's elements are written as they leave, each once")
    func list() throws {
        var written: [Int] = []
        let body = HTTPListBody(
            head: ByteBuffer(string: "{\"a\":["),
            tail: ByteBuffer(string: "]}"),
            count: 3
        ) { index, piece in
            written.append(index)
            piece.writeString("\"\(index)\"")
        }
        var text = ""
        while case .bytes(let piece) = body.next(maximumBytes: 7) {
            text += String(buffer: piece)
            #expect(written.count <= text.split(separator: "\"").count)
        }
        #expect(text == "{\"a\":[\"0\",\"1\",\"2\"]}")
        #expect(written == [0, 1, 2])
        let empty = HTTPListBody(head: ByteBuffer(string: "["), tail: ByteBuffer(string: "]"), count: 0) { _, _ in }
        guard case .bytes(let all) = empty.next(maximumBytes: 1) else {
            Issue.record("an empty list has its brackets")
            return
        }
        #expect(String(buffer: all) == "[]")
    }
}
