import NIOCore
import Testing

@testable import SluiceHTTP

@Suite struct InputHoldTests {
    private static let text = WebSocketEvent.text(ByteBuffer(string: "a"))

    @Test(
        "What is no message is acted on whether the socket takes or not",
        arguments: [
            .ping(ByteBuffer()), .pong(ByteBuffer()), .close(code: nil, reason: ""), .failed(.protocolError("")),
        ] as [WebSocketEvent]
    )
    func control(_ event: WebSocketEvent) {
        for takesMessages in [true, false] {
            var hold = InputHold(maximumBytes: 10)
            let isActedOn = hold.received(event, takesMessages: takesMessages)
            #expect(isActedOn && !hold.isHolding)
        }
    }

    @Test(
        "A message is held while the socket does not take, and given back once",
        arguments: [text, .binary(ByteBuffer(string: "a"))]
    )
    func message(_ event: WebSocketEvent) {
        var hold = InputHold(maximumBytes: 10)
        let first = hold.received(event, takesMessages: true)
        #expect(first && !hold.isHolding)
        let second = hold.received(event, takesMessages: false)
        #expect(!second && hold.isHolding)
        let released = [hold.release(), hold.release()]
        #expect(released == [event, nil] && !hold.isHolding)
    }

    @Test("Bytes behind it have a bound, which begins anew with each message that is held")
    func bytes() {
        var hold = InputHold(maximumBytes: 10)
        let decoded = hold.received(byteCount: 1000)
        #expect(decoded)
        for _ in 0..<3 {
            _ = hold.received(Self.text, takesMessages: false)
            let kept = [4, 6, 1].map { hold.received(byteCount: $0) }
            #expect(kept == [true, true, false])
            _ = hold.release()
        }
    }
}
