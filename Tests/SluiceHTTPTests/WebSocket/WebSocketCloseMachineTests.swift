import NIOCore
import Testing

@testable import SluiceHTTP

@Suite struct WebSocketCloseMachineTests {
    static let now = NIODeadline.uptimeNanoseconds(1_000_000_000_000)
    static let later = now + .seconds(5)

    @Test("The client closes: its code is echoed, and the output ended behind it")
    func clientCloses() {
        var machine = WebSocketCloseMachine(closeTimeout: .seconds(5))
        let action = machine.receivedClose(code: .goingAway, reason: "bye", now: Self.now)
        #expect(action == .sendCloseAndFinish(code: .goingAway, reason: ""))
        #expect(!machine.isOpen)
        #expect(machine.closeWanted(code: .normal, reason: "", now: Self.now) == .doNothing)
        #expect(machine.failed(.protocolError("x"), now: Self.now) == .doNothing)
        #expect(machine.tick(now: Self.later - .nanoseconds(1)) == .doNothing)
        #expect(machine.tick(now: Self.later) == .cut)
        #expect(machine.connectionEnded() == WebSocketClosure(code: .goingAway, reason: "bye", origin: .client))
        #expect(machine.connectionEnded() == nil)
    }

    @Test("A close without a code is answered by one without a code")
    func noCode() {
        var machine = WebSocketCloseMachine(closeTimeout: .seconds(5))
        let action = machine.receivedClose(code: nil, reason: "", now: Self.now)
        #expect(action == .sendCloseAndFinish(code: nil, reason: ""))
        #expect(machine.connectionEnded() == WebSocketClosure(code: .noStatus, reason: "", origin: .client))
    }

    @Test("This end closes, and the client answers")
    func gatewayCloses() {
        var machine = WebSocketCloseMachine(closeTimeout: .seconds(5))
        let action = machine.closeWanted(code: .normal, reason: "done", now: Self.now)
        #expect(action == .sendClose(code: .normal, reason: "done"))
        #expect(machine.closeWanted(code: .goingAway, reason: "", now: Self.now) == .doNothing)
        #expect(machine.receivedClose(code: .normal, reason: "", now: Self.now + .seconds(2)) == .finish)
        #expect(machine.receivedClose(code: .normal, reason: "", now: Self.now + .seconds(2)) == .doNothing)
        // The whole handshake has the one deadline.
        #expect(machine.tick(now: Self.later) == .cut)
        #expect(machine.connectionEnded() == WebSocketClosure(code: .normal, reason: "done", origin: .gateway))
    }

    @Test("This end closes, and the client does not answer or cannot be understood")
    func noAnswer() {
        var silent = WebSocketCloseMachine(closeTimeout: .seconds(5))
        _ = silent.closeWanted(code: .normal, reason: "heartbeat timeout", now: Self.now)
        #expect(silent.tick(now: Self.later - .nanoseconds(1)) == .doNothing)
        #expect(silent.tick(now: Self.later) == .cut)
        var confused = WebSocketCloseMachine(closeTimeout: .seconds(5))
        _ = confused.closeWanted(code: .normal, reason: "", now: Self.now)
        #expect(confused.failed(.protocolError("x"), now: Self.now) == .finish)
    }

    @Test("A fault is told with its code, and the output ended behind it")
    func fault() {
        var machine = WebSocketCloseMachine(closeTimeout: .seconds(5))
        let action = machine.failed(.tooBig("message is too big"), now: Self.now)
        #expect(action == .sendCloseAndFinish(code: .messageTooBig, reason: "message is too big"))
        let closure = WebSocketClosure(code: .messageTooBig, reason: "message is too big", origin: .gateway)
        #expect(machine.connectionEnded() == closure)
    }

    @Test("A connection that is lost was closed by nobody")
    func lost() {
        var machine = WebSocketCloseMachine(closeTimeout: .seconds(5))
        #expect(machine.tick(now: .distantFuture) == .doNothing)
        #expect(machine.connectionEnded() == .lost)
    }
}
