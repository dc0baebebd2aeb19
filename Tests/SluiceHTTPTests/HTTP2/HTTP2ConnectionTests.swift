import NIOCore
import NIOEmbedded
import NIOHTTP1
import TestSupport
import Testing

@testable import SluiceHTTP

@Suite struct HTTP2ConnectionTests {
    private static let noError = 0
    private static let cancel = 8
    private static let calm = 11

    @Test func `the first frame tells the client its limits, which hold at once`() throws {
        let connection = try HTTP2TestConnection()
        let settings = try #require(connection.received().first)
        #expect(settings.kind == .settings)
        #expect(Array(buffer: settings.payload) == [0, 3, 0, 0, 0, 100, 0, 6, 0, 0, 64, 0, 0, 8, 0, 0, 0, 1])
        // Before the client acknowledges them, and when it does.
        connection.request(1, "GET", "/ok", [("x", String(repeating: "e", count: 20000))])
        #expect(connection.received(on: 1).status == "431")
        connection.send(.settings, flags: 1)
        connection.request(3, "GET", "/ok")
        let answer = connection.received(on: 3)
        #expect(answer.status == "200" && answer.body == "{}" && answer.isEnded)
        #expect(connection.isOpen && connection.router.refusals == [.headersTooLarge])
    }

    @Test func `requests are answered each on its stream, whatever becomes of others`() throws {
        let connection = try HTTP2TestConnection()
        connection.request(1, "GET", "/later")
        connection.request(3, "POST", "/collect", ends: false)
        connection.request(5, "GET", "/forbidden")
        connection.data(3, "abc", ends: true)
        let frames = connection.received()
        #expect(frames.filter { $0.streamID == 5 }.status == "403")
        #expect(frames.filter { $0.streamID == 3 }.body == "abc")
        #expect(frames.filter { $0.streamID == 1 }.isEmpty)
        connection.router.handlers[0].exchange?.respond(.empty(.noContent))
        let last = connection.received(on: 1)
        #expect(last.status == "204" && last.isEnded && last[0].fields["content-length"] == nil)
    }

    @Test func `a body that does not come is refused on its stream`() throws {
        let connection = try HTTP2TestConnection()
        connection.request(1, "POST", "/collect", ends: false)
        connection.advance(.seconds(29))
        connection.data(1, "x")
        #expect(connection.received(on: 1).status == nil)
        connection.advance(.seconds(1))
        let frames = connection.received(on: 1)
        #expect(frames.status == "408" && frames.isEnded)
        // The client need not send the rest.
        #expect(frames.code(of: .resetStream) == Self.noError)
        #expect(connection.router.handlers[0].events == ["start", "aborted timedOut"])
        #expect(connection.isOpen)
    }

    @Test func `a body that is too long is refused, and what still comes of it is passed over`() throws {
        let connection = try HTTP2TestConnection()
        connection.request(1, "POST", "/collect", ends: false)
        connection.data(1, String(repeating: "x", count: 65))
        #expect(connection.received(on: 1).status == "413")
        connection.data(1, String(repeating: "x", count: 1000), ends: true)
        connection.request(3, "GET", "/ok")
        #expect(connection.received(on: 3).status == "200")
    }

    @Test func `a request without a body need not end its stream, and keeps none open`() throws {
        let connection = try HTTP2TestConnection()
        connection.request(1, "POST", "/collect", [("content-length", "0")], ends: false)
        let frames = connection.received(on: 1)
        #expect(frames.status == "200" && frames.isEnded && frames.code(of: .resetStream) == Self.noError)
        connection.advance(.seconds(60))
        #expect(connection.received().code(of: .goAway) == Self.noError)
    }

    @Test func `what differs from answer to answer takes no place in the client's table`() throws {
        let connection = try HTTP2TestConnection()
        let parent = ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
        var byteCounts: [Int] = []
        for index in 0..<5 {
            connection.request(2 * index + 1, "GET", "/ok", [parent])
            let head = connection.received(on: 2 * index + 1).first
            #expect(head?.fields["traceparent"] != nil)
            byteCounts.append(head?.payload.readableBytes ?? 0)
        }
        // The constant ones are there from the second on.
        #expect(byteCounts[1] < byteCounts[0])
        #expect(abs(byteCounts[4] - byteCounts[1]) < 8)
    }

    @Test func `a connection has ten seconds for its first head and a minute between requests`() throws {
        let mute = try HTTP2TestConnection()
        mute.advance(.seconds(9))
        #expect(mute.received().code(of: .goAway) == nil)
        mute.advance(.seconds(1))
        #expect(mute.received().code(of: .goAway) == Self.noError)

        let connection = try HTTP2TestConnection()
        connection.request(1, "GET", "/ok")
        connection.advance(.seconds(59))
        connection.send(.ping, ByteBuffer(repeating: 0, count: 8))
        #expect(connection.received().code(of: .goAway) == nil)
        connection.advance(.seconds(1))
        #expect(connection.received().code(of: .goAway) == Self.noError)
        connection.advance(.seconds(5))
        #expect(!connection.isOpen)
    }

    @Test func `a head that begins and does not end has ten seconds`() throws {
        let connection = try HTTP2TestConnection()
        connection.request(1, "GET", "/later")
        connection.advance(.seconds(100))
        connection.send(.headers, stream: 3, ByteBuffer(bytes: [0x82]))
        connection.advance(.seconds(10))
        #expect(connection.received().code(of: .goAway) == Self.noError)
        #expect(connection.router.refusals == [.requestTimeout])
        #expect(connection.router.handlers[0].events == ["start", "aborted peerClosed"])
    }

    @Test func `a connection that drains names its last stream, and ends behind it`() throws {
        let connection = try HTTP2TestConnection()
        connection.request(1, "GET", "/later")
        connection.served?.drain()
        let goAway = try #require(connection.received().first { $0.kind == .goAway })
        #expect(goAway.number() == 1 && goAway.number(at: 4) == Self.noError)
        #expect(connection.router.handlers[0].events == ["start", "draining"])
        connection.request(3, "GET", "/ok")
        #expect(connection.received(on: 3).isEmpty)
        connection.router.handlers[0].exchange?.respond(.empty(.ok))
        connection.channel.embeddedEventLoop.run()
        #expect(connection.received(on: 1).status == "200")
        connection.advance(.seconds(5))
        #expect(!connection.isOpen)

        let idle = try HTTP2TestConnection()
        idle.served?.drain()
        #expect(idle.received().code(of: .goAway) == Self.noError)
    }

    @Test func `one stream too many is refused alone`() throws {
        var options = HTTP2Options()
        options.maximumStreamCount = 2
        let connection = try HTTP2TestConnection(options: options)
        for stream in [1, 3, 5] { connection.request(stream, "GET", "/later") }
        #expect(connection.received(on: 5).code(of: .resetStream) == 7)
        #expect(connection.router.refusedStreamCount == 1)
        connection.router.handlers[0].exchange?.respond(.empty(.ok))
        connection.channel.embeddedEventLoop.run()
        connection.request(7, "GET", "/ok")
        #expect(connection.received(on: 7).status == "200")
    }

    @Test func `streams beyond the limit without end are abuse`() throws {
        var options = HTTP2Options()
        options.maximumStreamCount = 1
        let connection = try HTTP2TestConnection(options: options)
        for stream in 0...1000 { connection.request(2 * stream + 1, "GET", "/later") }
        #expect(connection.router.abuseCount == 0)
        connection.request(2003, "GET", "/later")
        #expect(connection.received().code(of: .goAway) == Self.calm)
        #expect(connection.router.refusedStreamCount == 1001 && connection.router.abuseCount == 1)
    }

    @Test func `frames that say nothing end the connection, and are counted once`() throws {
        let connection = try HTTP2TestConnection()
        connection.request(1, "GET", "/later")
        for _ in 0..<1001 { connection.send(.ping, ByteBuffer(repeating: 0, count: 8)) }
        #expect(connection.received().code(of: .goAway) == Self.calm)
        #expect(connection.router.abuseCount == 1)
        #expect(connection.router.handlers[0].events == ["start", "aborted peerClosed"])
        connection.advance(.seconds(5))
        #expect(!connection.isOpen)
    }

    @Test func `a list that is long only when it is unpacked ends the connection`() throws {
        let connection = try HTTP2TestConnection()
        // A GET of / from a; then a field of 3000 bytes that is kept, and is named again by each byte.
        var block = ByteBuffer(bytes: [0x82, 0x87, 0x84, 0x01, 1, UInt8(ascii: "a")])
        block.writeBytes([0x40, 1, UInt8(ascii: "x"), 0x7F, 0xB9, 0x16])
        block.writeRepeatingByte(UInt8(ascii: "v"), count: 0x7F + 0x39 + (0x16 << 7))
        block.writeRepeatingByte(0xBE, count: 30)
        connection.send(.headers, flags: 5, stream: 1, block)
        #expect(connection.received().code(of: .goAway) == Self.calm)
        #expect(connection.router.abuseCount == 1)
    }

    @Test func `a handler that pauses keeps the window shut`() throws {
        let connection = try HTTP2TestConnection()
        connection.request(1, "POST", "/stream", ends: false)
        let handler = try #require(connection.router.handlers.first)
        handler.exchange?.pauseReading()
        for _ in 0..<4 { connection.data(1, String(repeating: "x", count: 16000)) }
        #expect(connection.received(on: 1).allSatisfy { $0.kind != .windowUpdate })
        #expect(handler.events == ["start"])
        #expect(connection.context.requests.usedBytes == 2 * 65535)
        handler.exchange?.resumeReading()
        connection.channel.embeddedEventLoop.run()
        #expect(handler.events.joined().filter { $0 == "x" }.count == 64000)
        #expect(connection.received(on: 1).contains { $0.kind == .windowUpdate })
        #expect(connection.context.requests.usedBytes == 0)
        connection.data(1, "", ends: true)
        #expect(connection.received(on: 1).status == "200")
    }

    @Test func `a client that keeps its window shut is a slow reader, and its stream is reset`() throws {
        let connection = try HTTP2TestConnection()
        connection.request(1, "GET", "/open")
        let handler = try #require(connection.router.handlers.first)
        handler.exchange?.write(ByteBuffer(repeating: 0x78, count: 200_000))
        connection.channel.embeddedEventLoop.run()
        // As much as the window took.
        #expect(connection.received(on: 1).body.utf8.count == 65535)
        #expect(handler.events.contains("writable false"))
        // Other streams have windows of their own, but the connection has one, too.
        connection.send(.windowUpdate, ByteBuffer(integer: UInt32(1 << 20)))
        connection.request(3, "GET", "/ok")
        #expect(connection.received(on: 3).status == "200")
        connection.advance(.seconds(29))
        #expect(connection.router.cutCount == 0)
        connection.advance(.seconds(3))
        #expect(connection.router.cutCount == 1)
        #expect(connection.received(on: 1).code(of: .resetStream) == Self.cancel)
        #expect(connection.isOpen)
    }

    @Test func `a client that opens its window again gets the rest`() throws {
        let connection = try HTTP2TestConnection()
        connection.request(1, "GET", "/open")
        let handler = try #require(connection.router.handlers.first)
        handler.exchange?.write(ByteBuffer(repeating: 0x78, count: 200_000))
        connection.advance(.seconds(20))
        connection.send(.windowUpdate, ByteBuffer(integer: UInt32(1 << 20)))
        connection.send(.windowUpdate, stream: 1, ByteBuffer(integer: UInt32(1 << 20)))
        connection.advance(.seconds(1))
        #expect(handler.events.contains("writable true"))
        handler.exchange?.finish()
        let frames = connection.received(on: 1)
        #expect(frames.body.utf8.count == 200_003 && frames.isEnded)
        connection.advance(.seconds(40))
        #expect(connection.router.cutCount == 0)
    }

    @Test func `another protocol takes over a stream, and its end is the stream's`() throws {
        let connection = try HTTP2TestConnection()
        connection.request(3, "GET", "/later")
        let handler = try #require(connection.router.handlers.first)
        var stream: (any Channel)?
        handler.exchange?.takeOver(status: .ok, headers: [("Connection", "close"), ("X", "y")]) { stream = $0 }
        connection.channel.embeddedEventLoop.run()
        let taken = try #require(stream)
        #expect(taken.streamEnd != nil && taken.waitingBytes == 0)
        try taken.setWatermarks(low: 1, high: 2)
        taken.writeAndFlush(ByteBuffer(string: "bytes"), promise: nil)
        taken.close(promise: nil)
        let frames = connection.received(on: 3)
        #expect(frames.status == "200" && frames[0].fields["x"] == "y" && frames[0].fields["connection"] == nil)
        #expect(frames.body == "bytes" && frames.isEnded && frames.code(of: .resetStream) == nil)
        connection.channel.embeddedEventLoop.run()
        #expect(!taken.isActive)
    }

    @Test func `a stream that is cut is reset at once`() throws {
        let connection = try HTTP2TestConnection()
        connection.request(1, "GET", "/later")
        var stream: (any Channel)?
        connection.router.handlers[0].exchange?.takeOver(status: .ok, headers: []) { stream = $0 }
        connection.channel.embeddedEventLoop.run()
        stream?.writeAndFlush(ByteBuffer(repeating: 0x78, count: 100_000), promise: nil)
        connection.channel.embeddedEventLoop.run()
        #expect(stream?.waitingBytes == 100_000 - 65535)
        stream?.cut()
        connection.channel.embeddedEventLoop.run()
        #expect(connection.received(on: 1).code(of: .resetStream) == Self.cancel)
        #expect(stream?.isActive == false)
    }

    @Test func `the memory of requests is a limit for streams, too`() throws {
        let connection = try HTTP2TestConnection(requests: RequestMemory(limit: 100_000))
        connection.request(1, "POST", "/stream", ends: false)
        connection.router.handlers[0].exchange?.pauseReading()
        connection.channel.embeddedEventLoop.run()
        #expect(connection.received(on: 1).status == "503")
        #expect(connection.router.refusals == [.overloaded])
    }
}
