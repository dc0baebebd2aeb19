import NIOCore
import NIOHTTP1
import Testing

@testable import SluiceHTTP

@Suite struct ExchangeMachineTests {
    private static func machine(_ fields: [(String, String)]) throws -> ExchangeMachine {
        let head = RequestHead(
            method: .POST,
            target: "/",
            isVersion10: false,
            headers: HeaderFields([("Host", "a")] + fields)
        )
        return try ExchangeMachine(RequestHeadCheck.accept(head, limits: HTTPLimits()), limits: HTTPLimits())
    }

    @Test func `a request without a body is complete with its head`() throws {
        var machine = try Self.machine([])
        #expect(machine.requestIsComplete)
        #expect(machine.started(mode: .collect(maximumBytes: 9)) == .doNothing)
        #expect(machine.persistsAfterAnswer)
        #expect(machine.receivedEnd() == .deliverBody)
        machine.answerEnded()
        #expect(machine.isOver)
    }

    @Test func `what is left of a body decides whether the connection can be used again`() throws {
        var small = try Self.machine([("Content-Length", "65536")])
        #expect(small.persistsAfterAnswer)
        small.answerEnded()
        #expect(!small.isOver)
        #expect(small.receivedBody(byteCount: 65536) == .discard)
        #expect(small.receivedEnd() == .doNothing)
        #expect(small.isOver)

        var large = try Self.machine([("Content-Length", "65537")])
        #expect(!large.persistsAfterAnswer)
        #expect(large.started(mode: .collect(maximumBytes: 65537)) == .doNothing)
        #expect(large.receivedBody(byteCount: 1) == .collect)
        #expect(large.persistsAfterAnswer)
    }

    @Test func `a client that waits for a 100 and gets an answer may send anything next`() throws {
        var machine = try Self.machine([("Content-Length", "5"), ("Expect", "100-continue")])
        #expect(!machine.persistsAfterAnswer)
        #expect(machine.started(mode: .collect(maximumBytes: 5)) == .sendContinue)
        #expect(machine.receivedBody(byteCount: 1) == .collect)
        #expect(machine.persistsAfterAnswer)
    }

    @Test func `a handler that wants no body is not made to wait for one`() throws {
        var machine = try Self.machine([("Transfer-Encoding", "chunked"), ("Expect", "100-continue")])
        #expect(machine.started(mode: .none) == .doNothing)
        #expect(machine.receivedBody(byteCount: 65536) == .discard)
        #expect(machine.receivedBody(byteCount: 1) == .refuseTooLarge(limit: 65536))
    }

    @Test func `a body may go on while its answer is streamed`() throws {
        var machine = try Self.machine([("Transfer-Encoding", "chunked")])
        #expect(machine.started(mode: .stream(idleTimeout: .seconds(1))) == .doNothing)
        machine.answerBegan()
        #expect(machine.receivedBody(byteCount: 1 << 30) == .stream)
        #expect(machine.receivedEnd() == .deliverEnd)
        #expect(!machine.isOver)
        machine.answerEnded()
        #expect(machine.isOver)
    }
}
