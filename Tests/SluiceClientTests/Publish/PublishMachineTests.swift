import NIOCore
import SluiceBase
import Testing

@testable import SluiceClient

@Suite struct PublishMachineTests {
    private func problem(_ status: Int, _ body: String, retryAfter: String? = nil) -> GatewayProblem {
        GatewayProblem(status: status, retryAfter: retryAfter, body: Array(body.utf8))
    }

    /// A stream of which this many messages were sent, and as many were not.
    private func ledger(sent count: Int) -> PublishLedger {
        var ledger = PublishLedger(limits: PublishLedger.Limits(pieceBytes: 1))
        for number in 0..<2 * count { ledger.append(ByteBuffer(string: "{\(number)}\n")) }
        for _ in 0..<count { _ = ledger.nextPiece() }
        return ledger
    }

    @Test("a gateway that takes nothing for half a minute is given up, one that takes a little is not")
    func patience() throws {
        var machine = PublishMachine(scanID: try ScanID(checked: "s"))
        var ledger = self.ledger(sent: 3)
        func end(_ accepted: Int, at seconds: Int) -> PublishMachine.Action {
            let body = #"{"code":"draining","accepted":\#(accepted),"lastSeq":\#(seconds)}"#
            _ = ledger.nextPiece()
            return machine.ended(
                .refused(self.problem(503, body), hasNewToken: false),
                ledger: &ledger,
                now: .seconds(seconds),
                jitter: 1
            )
        }
        guard case .goOn(let first, _) = end(0, at: 1), case .goOn(let second, _) = end(0, at: 29) else {
            Issue.record("gave up early")
            return
        }
        #expect((first, second) == (.milliseconds(250), .milliseconds(500)))
        guard case .goOn(let third, _) = end(1, at: 29), case .goOn = end(0, at: 58) else {
            Issue.record("gave up although something was taken")
            return
        }
        #expect(third == .milliseconds(250))
        guard case .finish(.refused(_, let taken)) = end(0, at: 59) else {
            Issue.record("did not give up")
            return
        }
        #expect(taken == PublishOutcome.Taken(count: 1, lastSeq: 59))
    }

    @Test("the gateway may ask for a longer wait, but not for one beyond all patience")
    func waits() throws {
        for (asked, wait) in [("3", Duration.seconds(3)), ("3600", .seconds(15))] {
            var machine = PublishMachine(scanID: try ScanID(checked: "s"))
            var ledger = self.ledger(sent: 1)
            let problem = self.problem(503, #"{"code":"draining"}"#, retryAfter: asked)
            let action = machine.ended(.refused(problem, hasNewToken: false), ledger: &ledger, now: .zero, jitter: 0)
            #expect(action == .goOn(after: wait, reason: "HTTP 503 draining; going on"))
        }
    }

    @Test("without an answer only what was not sent is sent again")
    func failures() throws {
        var machine = PublishMachine(scanID: try ScanID(checked: "s"))
        var ledger = self.ledger(sent: 0)
        ledger.append(ByteBuffer(string: "{}\n"))
        #expect(
            machine.ended(.failed("connection refused"), ledger: &ledger, now: .zero, jitter: 0)
                == .finish(.failed("connection refused", PublishOutcome.Taken())),
            "nobody was there to begin with"
        )
        guard case .goOn = machine.ended(.failed("x"), ledger: &ledger, now: .seconds(1), jitter: 0) else {
            Issue.record("gave up")
            return
        }
        _ = ledger.nextPiece()
        #expect(
            machine.ended(.failed("x"), ledger: &ledger, now: .seconds(2), jitter: 0)
                == .finish(.failed("x", PublishOutcome.Taken()))
        )
    }

    @Test("messages that are no longer kept are a failure that counts them")
    func lost() throws {
        var machine = PublishMachine(scanID: try ScanID(checked: "s"))
        var ledger = PublishLedger(limits: PublishLedger.Limits(sentBytes: 1))
        for _ in 0..<5 { ledger.append(ByteBuffer(string: "{}\n")) }
        _ = ledger.nextPiece()
        let problem = self.problem(503, #"{"code":"draining","accepted":2,"lastSeq":7}"#)
        let action = machine.ended(.refused(problem, hasNewToken: false), ledger: &ledger, now: .zero, jitter: 0)
        guard case .finish(let outcome) = action else {
            Issue.record("\(action)")
            return
        }
        #expect(
            outcome.failure == """
                HTTP 503 draining; 2 message(s) behind those are no longer kept here; \
                2 message(s) before that were taken, the last as number 7
                """
        )
    }

    @Test("a line at fault is that of the stream, not of its last request")
    func lineNumbers() throws {
        var machine = PublishMachine(scanID: try ScanID(checked: "s"))
        var ledger = self.ledger(sent: 4)
        _ = machine.ended(
            .refused(self.problem(503, #"{"code":"draining","accepted":3}"#), hasNewToken: false),
            ledger: &ledger,
            now: .zero,
            jitter: 0
        )
        let action = machine.ended(
            .refused(self.problem(400, #"{"code":"invalid_message","line":2,"accepted":1}"#), hasNewToken: false),
            ledger: &ledger,
            now: .zero,
            jitter: 0
        )
        guard case .finish(let outcome) = action else {
            Issue.record("\(action)")
            return
        }
        #expect(
            outcome.failure
                == "the gateway refused: HTTP 400 invalid_message (line 5); 4 message(s) before that were taken"
        )
    }

    @Test(
        "no number of an answer harms the count",
        arguments: ["-1", "9223372036854775807", "-9223372036854775808", "1e300", "\"3\"", "null"]
    )
    func hostileNumbers(number: String) throws {
        var machine = PublishMachine(scanID: try ScanID(checked: "s"))
        var ledger = self.ledger(sent: 2)
        for status in [503, 503, 503, 400] {
            let body = #"{"code":"c","accepted":\#(number),"lastSeq":\#(number),"line":\#(number)}"#
            let ending = PublishMachine.Ending.refused(self.problem(status, body), hasNewToken: false)
            switch machine.ended(ending, ledger: &ledger, now: .zero, jitter: 0) {
            case .finish(let outcome):
                #expect(status == 400)
                #expect(outcome.failure != nil)
            case .goOn:
                #expect(status == 503)
            }
            _ = ledger.nextPiece()
        }
    }
}
