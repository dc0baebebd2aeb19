import NIOCore
import SluiceBase
import Testing

@testable import SluiceServer

@Suite struct ACMEOrderMachineTests {
    private static let start = NIODeadline.uptimeNanoseconds(1_000_000_000)
    private static let ca = "https://ca.example"

    private static func machine(_ domains: [String] = ["a.example"], replaces: String? = nil) -> ACMEOrderMachine {
        let terms = ACMEOrderMachine.Terms(
            directory: "\(Self.ca)/dir",
            domains: domains,
            email: "ops@a.example",
            challenge: .tlsALPN,
            request: [1, 2, 3],
            replaces: replaces
        )
        return ACMEOrderMachine(terms, now: Self.start)
    }

    private static func answer(
        _ json: String,
        status: Int = 200,
        nonce: String? = "n",
        location: String? = nil,
        retryAfter: TimeAmount? = nil
    ) -> ACMEAnswer {
        ACMEAnswer(
            status: status,
            nonce: nonce,
            location: location,
            retryAfter: retryAfter,
            body: Array(json.utf8)
        )
    }

    private static func problem(_ type: String, status: Int = 400, retryAfter: TimeAmount? = nil) -> ACMEAnswer {
        Self.answer(
            #"{"type":"urn:ietf:params:acme:error:\#(type)","detail":"why"}"#,
            status: status,
            nonce: "p",
            retryAfter: retryAfter
        )
    }

    private static func directory(_ more: String = "") -> ACMEAnswer {
        Self.answer(
            #"{"newNonce":"\#(Self.ca)/nonce","newAccount":"\#(Self.ca)/account","newOrder":"\#(Self.ca)/order"\#(more)}"#,
            nonce: nil
        )
    }

    private static func order(_ status: String, count: Int = 1, more: String = "") -> ACMEAnswer {
        let list = (0..<count).map { #""\#(Self.ca)/authz/\#($0)""# }.joined(separator: ",")
        return Self.answer(
            #"{"status":"\#(status)","authorizations":[\#(list)],"finalize":"\#(Self.ca)/end"\#(more)}"#,
            location: "\(Self.ca)/order/1"
        )
    }

    private static func authorization(
        _ status: String,
        _ domain: String = "a.example",
        error: String? = nil
    ) -> ACMEAnswer {
        let error = error.map { #","error":{"type":"urn:ietf:params:acme:error:\#($0)","detail":"why"}"# } ?? ""
        let challenges =
            #"{"type":"http-01","url":"u","token":"t"},"#
            + #"{"type":"tls-alpn-01","url":"\#(Self.ca)/chall/\#(domain)","token":"tok-\#(domain.prefix(1))"\#(error)}"#
        return Self.answer(
            #"{"status":"\#(status)","identifier":{"type":"dns","value":"\#(domain)"},"challenges":[\#(challenges)]}"#
        )
    }

    private static let accountURL = "\(ca)/account/7"
    private static let account = answer(#"{"status":"valid"}"#, status: 201, location: accountURL)

    /// Sends the directory and the account; the machine asks for the order next.
    private static func opened(_ machine: inout ACMEOrderMachine, directory: String = "") -> ACMEOrderMachine.Action {
        _ = machine.received(Self.directory(directory), now: Self.start)
        _ = machine.received(Self.answer("", nonce: "n1"), now: Self.start)
        return machine.received(Self.account, now: Self.start)
    }

    private static func post(_ path: String, _ payload: String, _ nonce: String = "n") -> ACMEOrderMachine.Action {
        .post("\(Self.ca)\(path)", payload: Array(payload.utf8), nonce: nonce, account: Self.accountURL)
    }

    @Test func `an order from the directory to the chain`() {
        var machine = Self.machine(["a.example", "b.example"])
        #expect(machine.begin() == .get("\(Self.ca)/dir"))
        #expect(machine.received(Self.directory(), now: Self.start) == .head("\(Self.ca)/nonce"))
        let account = #"{"termsOfServiceAgreed":true,"contact":["mailto:ops@a.example"]}"#
        #expect(
            machine.received(Self.answer("", nonce: "n1"), now: Self.start)
                == .post("\(Self.ca)/account", payload: Array(account.utf8), nonce: "n1", account: nil)
        )
        let names = #"{"type":"dns","value":"a.example"},{"type":"dns","value":"b.example"}"#
        #expect(
            machine.received(Self.account, now: Self.start) == Self.post("/order", #"{"identifiers":[\#(names)]}"#)
        )
        #expect(machine.received(Self.order("pending", count: 2), now: Self.start) == Self.post("/authz/0", ""))
        #expect(
            machine.received(Self.authorization("pending"), now: Self.start)
                == .present(token: "tok-a", domain: "a.example")
        )
        #expect(machine.presented() == Self.post("/chall/a.example", "{}"))
        #expect(machine.received(Self.answer("{}"), now: Self.start) == Self.post("/authz/0", ""))
        // Each time it is asked a little later, and later still if it says so.
        #expect(
            machine.received(Self.authorization("pending"), now: Self.start)
                == .wait(until: Self.start + .milliseconds(250))
        )
        #expect(machine.waited() == Self.post("/authz/0", ""))
        var pending = Self.authorization("pending")
        pending.retryAfter = .seconds(9)
        #expect(machine.received(pending, now: Self.start) == .wait(until: Self.start + .seconds(9)))
        #expect(machine.waited() == Self.post("/authz/0", ""))
        // The second name was proven before.
        #expect(machine.received(Self.authorization("valid"), now: Self.start) == Self.post("/authz/1", ""))
        let second = Self.authorization("valid", "b.example")
        #expect(machine.received(second, now: Self.start) == Self.post("/order/1", ""))
        #expect(machine.received(Self.order("ready"), now: Self.start) == Self.post("/end", #"{"csr":"AQID"}"#))
        #expect(
            machine.received(Self.order("processing"), now: Self.start)
                == .wait(until: Self.start + .milliseconds(250))
        )
        #expect(machine.waited() == Self.post("/order/1", ""))
        #expect(
            machine.received(Self.order("valid", more: #","certificate":"\#(Self.ca)/cert""#), now: Self.start)
                == Self.post("/cert", "")
        )
        #expect(machine.received(Self.answer("CHAIN"), now: Self.start) == .issued(Array("CHAIN".utf8)))
    }

    @Test func `a refused nonce is another try, ten times`() {
        var machine = Self.machine()
        _ = Self.opened(&machine)
        for _ in 0..<ACMEOrderMachine.maximumNonceRefusalCount {
            #expect(
                machine.received(Self.problem("badNonce"), now: Self.start)
                    == Self.post("/order", #"{"identifiers":[{"type":"dns","value":"a.example"}]}"#, "p")
            )
        }
        #expect(
            machine.received(Self.problem("badNonce"), now: Self.start)
                == .failed(ACMEFailure("the authority takes no nonce: why"))
        )
    }

    @Test func `an answer without a nonce makes it ask for one`() {
        var machine = Self.machine()
        _ = Self.opened(&machine)
        var order = Self.order("pending")
        order.nonce = nil
        #expect(machine.received(order, now: Self.start) == .head("\(Self.ca)/nonce"))
        let fresh = Self.answer("", status: 204, nonce: "n9")
        #expect(machine.received(fresh, now: Self.start) == Self.post("/authz/0", "", "n9"))
        var authorization = Self.authorization("valid")
        authorization.nonce = nil
        _ = machine.received(authorization, now: Self.start)
        #expect(
            machine.received(Self.answer("", status: 503, nonce: nil, retryAfter: .minutes(9)), now: Self.start)
                == .failed(ACMEFailure("the authority gives no nonce", retryAfter: .minutes(9)))
        )
    }

    @Test func `a renewal names what it replaces, where that is known of`() {
        let names = #"{"identifiers":[{"type":"dns","value":"a.example"}]"#
        var machine = Self.machine(replaces: "x.y")
        let info = #","renewalInfo":"https://ca.example/info""#
        #expect(Self.opened(&machine, directory: info) == Self.post("/order", names + #","replaces":"x.y"}"#))
        // It was replaced already: an order all the same, once.
        #expect(
            machine.received(Self.problem("alreadyReplaced", status: 409), now: Self.start)
                == Self.post("/order", names + "}", "p")
        )
        #expect(
            machine.received(Self.problem("alreadyReplaced", status: 409), now: Self.start)
                == .failed(ACMEFailure("another order has replaced the certificate already: why"))
        )
        var other = Self.machine(replaces: "x.y")
        #expect(Self.opened(&other) == Self.post("/order", names + "}"))
    }

    @Test func `what an authority says is wrong is the operator's to read`() {
        var machine = Self.machine()
        _ = Self.opened(&machine)
        let limited = Self.problem("rateLimited", status: 429, retryAfter: .hours(2))
        #expect(
            machine.received(limited, now: Self.start)
                == .failed(ACMEFailure("the authority was asked too often: why", retryAfter: .hours(2)))
        )
        machine = Self.machine()
        _ = Self.opened(&machine)
        _ = machine.received(Self.order("pending"), now: Self.start)
        let invalid = Self.authorization("invalid", error: "connection")
        #expect(
            machine.received(invalid, now: Self.start)
                == .failed(
                    ACMEFailure("a.example: the authority could not connect to the gateway under that name: why")
                )
        )
        machine = Self.machine()
        _ = Self.opened(&machine)
        _ = machine.received(Self.order("pending", count: 0), now: Self.start)
        let error = #"{"type":"urn:ietf:params:acme:error:caa","detail":"no\nway"}"#
        let refused = Self.order("invalid", more: #","error":\#(error)"#)
        #expect(
            machine.received(refused, now: Self.start)
                == .failed(ACMEFailure("a CAA record of the name forbids this authority to issue: no way"))
        )
    }

    @Test(arguments: [
        (#"{"newNonce":"x"}"#, 200, "what is at tls.acme.directory is no directory of an authority"),
        ("<html>", 200, "what is at tls.acme.directory is no directory of an authority"),
        ("gone", 404, "the authority answers 404"),
        (
            #"{"newNonce":"x","newAccount":"y","newOrder":"z","meta":{"externalAccountRequired":true}}"#, 200,
            "the authority wants an account that was made elsewhere, which is not supported"
        ),
    ])
    func `a directory that is none`(json: String, status: Int, reason: String) {
        var machine = Self.machine()
        #expect(
            machine.received(Self.answer(json, status: status), now: Self.start) == .failed(ACMEFailure(reason))
        )
    }

    @Test(arguments: [
        answer(#"{"status":"valid"}"#), authorization("valid", "evil.example"), answer("[]"),
        answer(#"{"status":"pending","identifier":{"value":"a.example"},"challenges":[{"type":"http-01"}]}"#),
        answer(
            #"{"status":"pending","identifier":{"value":"a.example"},"#
                + #""challenges":[{"type":"tls-alpn-01","url":"u","token":"../x"}]}"#
        ),
        authorization("revoked"),
    ])
    func `an authorization that is none ends the order`(answer: ACMEAnswer) {
        var machine = Self.machine()
        _ = Self.opened(&machine)
        _ = machine.received(Self.order("pending"), now: Self.start)
        guard case .failed = machine.received(answer, now: Self.start) else {
            Issue.record("the order goes on")
            return
        }
    }

    @Test func `an account that was closed ends the order`() {
        var machine = Self.machine()
        _ = machine.received(Self.directory(), now: Self.start)
        _ = machine.received(Self.answer(""), now: Self.start)
        let closed = Self.answer(#"{"status":"deactivated"}"#, location: Self.accountURL)
        #expect(
            machine.received(closed, now: Self.start)
                == .failed(
                    ACMEFailure("the account is deactivated: remove its key from tls.acme.folder to get another")
                )
        )
    }

    @Test func `an authority that does not decide is not waited for without end`() {
        var machine = Self.machine()
        _ = Self.opened(&machine)
        _ = machine.received(Self.order("pending", count: 0), now: Self.start)
        var now = Self.start
        var waitCount = 0
        while case .wait(let until) = machine.received(Self.order("processing"), now: now), waitCount < 1000 {
            waitCount += 1
            now = until
            _ = machine.waited()
        }
        // A quarter of a second to 8 seconds, and then 10 each: less than ten minutes.
        #expect(waitCount == 64)
        #expect(now < Self.start + ACMEOrderMachine.limit)
        // Nor is one that takes its time for each answer.
        var slow = Self.machine()
        _ = Self.opened(&slow)
        guard
            case .failed = slow.received(
                Self.order("pending", count: 0),
                now: Self.start + ACMEOrderMachine.limit
            )
        else {
            Issue.record("the time was over")
            return
        }
    }

    @Test func `a finished order is not finished once more`() {
        var machine = Self.machine()
        _ = Self.opened(&machine)
        _ = machine.received(Self.order("ready", count: 0), now: Self.start)
        #expect(machine.received(Self.order("ready"), now: Self.start) == Self.post("/end", #"{"csr":"AQID"}"#))
        guard case .wait = machine.received(Self.order("ready"), now: Self.start) else {
            Issue.record("the request is sent again")
            return
        }
        #expect(machine.waited() == Self.post("/order/1", ""))
    }

    @Test func `parts of a problem name what they are about`() throws {
        let parts = """
            {"type":"urn:ietf:params:acme:error:malformed","detail":"two names","subproblems":[
            {"type":"urn:ietf:params:acme:error:rejectedIdentifier","detail":"no",
            "identifier":{"type":"dns","value":"b.example"}}]}
            """
        let problem = ACMEProblem(try JSONReader.object(Array(parts.utf8), .tolerant()))
        #expect(
            problem.description == "the authority does not understand the request: two names; "
                + "b.example: the authority issues nothing for the name: no"
        )
        #expect(problem.type == "malformed")
        let text = #"{"detail":"\#(String(repeating: "x", count: 9000))"}"#
        let long = ACMEProblem(try JSONReader.object(Array(text.utf8), .tolerant()))
        #expect(long.description.count == 501)
    }
}
