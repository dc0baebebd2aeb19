import NIOCore
import Testing

@testable import SluiceServer

@Suite("The end of an event stream")
struct EventStreamEndTests {
    private static func text(_ end: EventStreamEnd, isNamed: Bool) -> String {
        var buffer = ByteBuffer()
        end.write(isChunked: false, isNamed: isNamed, into: &buffer)
        return String(buffer: buffer)
    }

    @Test("It is an event of the gateway's own type, with a code and a reason")
    func named() {
        let text = Self.text(EventStreamEnd(code: 1000, reason: "scan completed"), isNamed: true)
        #expect(text == "event: sluice.close\ndata: {\"code\":1000,\"reason\":\"scan completed\"}\n\n")
    }

    @Test("Where no event has a name, its data says what it is")
    func unnamed() {
        let text = Self.text(EventStreamEnd(Closing.tokenExpired), isNamed: false)
        #expect(text == "data: {\"type\":\"sluice.close\",\"code\":4401,\"reason\":\"token expired\"}\n\n")
    }

    @Test("A gateway that stops says first when to come back")
    func draining() {
        let text = Self.text(EventStreamEnd(.draining(retryAfterMilliseconds: 9000)), isNamed: true)
        let data = #"{"code":1001,"reason":"{\"retryAfterMs\":9000}"}"#
        #expect(text == "retry: 9000\n\nevent: sluice.close\ndata: \(data)\n\n")
    }
}
