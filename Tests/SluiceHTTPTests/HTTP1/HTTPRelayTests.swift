import NIOCore
import NIOEmbedded
import NIOHTTP1
import TestSupport
import Testing

@testable import SluiceHTTP

@Suite struct HTTPRelayTests {
    private static func answer(
        _ framing: RelayedAnswer.Framing,
        _ fields: [(String, String)],
        status: HTTPResponseStatus = .custom(code: 299, reasonPhrase: "Odd")
    ) -> RelayedAnswer {
        RelayedAnswer(status: status, fields: HeaderFields(fields), framing: framing, patience: .minutes(5))
    }

    @Test func `fields pass as they came, and only what is missing is added`() throws {
        let connection = try HTTPTestConnection()
        connection.send("GET /later HTTP/1.1\r\nHost: a\r\n\r\n")
        let exchange = try #require(connection.lastHandler.exchange)
        exchange.commonFields = [("X-Request-Id", "7")]
        exchange.relay(Self.answer(.length(2), [("content-LENGTH", "2"), ("X-b", "\u{E9}"), ("X-b", "2")]))
        exchange.write(ByteBuffer(string: "hi"))
        exchange.finish(trailers: HeaderFields([("X-T", "1")]))
        #expect(
            connection.received()
                == "HTTP/1.1 299 Odd\r\ncontent-LENGTH: 2\r\nX-b: \u{E9}\r\nX-b: 2\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
                + "X-Request-Id: 7\r\n\r\nhi"
        )
        #expect(connection.isOpen)
    }

    @Test func `a body of unknown length goes in chunks, with its trailers`() throws {
        let connection = try HTTPTestConnection()
        connection.send("GET /later HTTP/1.1\r\nHost: a\r\n\r\n")
        let exchange = try #require(connection.lastHandler.exchange)
        exchange.relay(Self.answer(.open, [("date", "x")], status: .ok))
        exchange.write(ByteBuffer(string: "hi"))
        exchange.finish(trailers: HeaderFields([("X-T", "1")]))
        #expect(
            connection.received()
                == "HTTP/1.1 200 OK\r\ndate: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nX-T: 1\r\n\r\n"
        )
    }

    @Test func `a client of 1.0 gets the bytes, and the end of the connection`() throws {
        let connection = try HTTPTestConnection()
        connection.send("GET /later HTTP/1.0\r\n\r\n")
        let exchange = try #require(connection.lastHandler.exchange)
        exchange.inform(Self.answer(.none, [], status: .custom(code: 103, reasonPhrase: "Early Hints")))
        exchange.relay(Self.answer(.open, [("date", "x")], status: .ok))
        exchange.write(ByteBuffer(string: "hi"))
        exchange.finish(trailers: nil)
        #expect(connection.received() == "HTTP/1.1 200 OK\r\ndate: x\r\nConnection: close\r\n\r\nhi")
        #expect(!connection.isOpen)
    }

    @Test func `interim answers pass before the final one, and not after it began`() throws {
        let connection = try HTTPTestConnection()
        connection.send("GET /later HTTP/1.1\r\nHost: a\r\n\r\n")
        let exchange = try #require(connection.lastHandler.exchange)
        let hint = Self.answer(.none, [("Link", "x")], status: .custom(code: 103, reasonPhrase: "Early Hints"))
        exchange.inform(hint)
        #expect(connection.received() == "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n")
        exchange.relay(Self.answer(.none, [("date", "x")], status: .noContent))
        exchange.inform(hint)
        exchange.finish(trailers: nil)
        #expect(connection.received() == "HTTP/1.1 204 No Content\r\ndate: x\r\n\r\n")
    }

    @Test(arguments: [RelayedAnswer.Framing.length(9), .open])
    func `an answer that breaks off is not ended`(framing: RelayedAnswer.Framing) throws {
        let connection = try HTTPTestConnection()
        connection.send("GET /later HTTP/1.1\r\nHost: a\r\n\r\n")
        let exchange = try #require(connection.lastHandler.exchange)
        exchange.relay(Self.answer(framing, [("date", "x")], status: .ok))
        exchange.write(ByteBuffer(string: "hi"))
        exchange.abort()
        let received = connection.received()
        #expect(received.hasSuffix("hi") || received.hasSuffix("2\r\nhi\r\n"))
        #expect(!connection.isOpen)
    }

    @Test func `trailers of a request reach its handler`() throws {
        let connection = try HTTPTestConnection()
        connection.send(
            "POST /stream HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX-T:  1 \r\nx-U: 2\r\n\r\n"
        )
        #expect(connection.lastHandler.events == ["start", "bytes a", "trailers X-T: 1, x-U: 2", "end"])
    }

    @Test func `an upgrade is agreed to in the words of the other server`() throws {
        let connection = try HTTPTestConnection()
        connection.send("GET /later HTTP/1.1\r\nHost: a\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n")
        let exchange = try #require(connection.lastHandler.exchange)
        var channels = 0
        exchange.takeOver(Self.answer(.none, [("uPgrade", "x"), ("date", "y")], status: .switchingProtocols)) { _ in
            channels += 1
        }
        connection.channel.embeddedEventLoop.run()
        #expect(
            connection.received()
                == "HTTP/1.1 101 Switching Protocols\r\nuPgrade: x\r\ndate: y\r\nConnection: Upgrade\r\n\r\n"
        )
        #expect(channels == 1)
    }

    @Test func `any method and any escape gets to the router, as it was sent`() throws {
        let connection = try HTTPTestConnection()
        connection.send("brew /%zz?a=%ff HTTP/1.1\r\nHost: a\r\n\r\nREPORT http://b:1?q HTTP/1.1\r\nHost: a\r\n\r\n")
        let requests = connection.router.requests
        #expect(requests.map(\.method.rawValue) == ["brew", "REPORT"])
        #expect(requests.map(\.originForm) == ["/%zz?a=%ff", "/?q"])
        #expect(requests.map(\.authority) == ["a", "b:1"])
        #expect(connection.statuses() == [400, 501])
    }

    @Test func `any byte that is taken gives a passed-on answer its patience back`() {
        var machine = DrainMachine()
        let start = NIODeadline.uptimeNanoseconds(0)
        var now = start
        for second in 0..<100 {
            now = start + .seconds(Int64(second))
            let isStuck = machine.isStuck(
                writtenBytes: 1000,
                waitingBytes: 1000 - second / 9,
                patience: .seconds(10),
                anyByteCounts: true,
                now: now
            )
            #expect(!isStuck)
        }
        let isStuck = machine.isStuck(
            writtenBytes: 1000,
            waitingBytes: 989,
            patience: .seconds(10),
            anyByteCounts: true,
            now: now + .seconds(10)
        )
        #expect(isStuck)
    }
}
