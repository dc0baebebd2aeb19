import SluiceBase
import Testing

@testable import SluiceClient

@Suite struct WatchMachineTests {
    private func machine(since: Int? = nil, filters: [String] = [], wait: Int? = nil) throws -> WatchMachine {
        let connection = try GatewayConnection(url: "https://h", token: "t")
        let options = WatchOptions(scanID: "s", connection: connection, since: since, filters: filters, wait: wait)
        return WatchMachine(options: options, scanID: try ScanID(checked: "s"))
    }

    private func messages(_ events: [WatchEvent]) -> [String] {
        events.compactMap { event in
            guard case .message(let message) = event else { return nil }
            return String(decoding: message.bytes, as: UTF8.self)
        }
    }

    private static func subscribed(_ seq: Int, epoch: String = "e", recovered: Bool = true) -> [UInt8] {
        Array(#"{"type":"subscribed","scanId":"s","epoch":"\#(epoch)","seq":\#(seq),"recovered":\#(recovered)}"#.utf8)
    }

    private static func message(_ seq: Int) -> [UInt8] { Array(#"{"scanId":"s","seq":\#(seq),"type":"x"}"#.utf8) }

    @Test("the subscription says what was asked for, and no token")
    func query() throws {
        #expect(try self.machine().uri == "/api/ws/scans/s")
        #expect(
            try self.machine(since: 0, filters: ["a", "b&c"], wait: 5).uri
                == "/api/ws/scans/s?since=0&filters=a,b%26c&wait=5"
        )
    }

    @Test("after an interruption it goes on behind the last message that was seen")
    func resume() throws {
        var machine = try self.machine()
        _ = machine.received(Self.subscribed(40))
        #expect(machine.uri == "/api/ws/scans/s?since=40&epoch=e")
        _ = machine.received(Self.message(41))
        _ = machine.received(
            Array(#"{"type":"batch","scanId":"s","messages":[{"seq":42,"type":"x"},{"seq":45,"type":"x"}]}"#.utf8)
        )
        #expect(machine.uri == "/api/ws/scans/s?since=45&epoch=e")
        _ = machine.received(Self.subscribed(60))
        #expect(machine.uri == "/api/ws/scans/s?since=45&epoch=e", "the replay up to 60 has yet to come")
        _ = machine.received(Self.message(46))
        #expect(machine.uri == "/api/ws/scans/s?since=46&epoch=e")
    }

    @Test("another epoch begins again with all that is kept")
    func newEpoch() throws {
        var machine = try self.machine()
        _ = machine.received(Self.subscribed(40))
        let events = machine.received(Self.subscribed(3, epoch: "f", recovered: false))
        #expect(machine.uri == "/api/ws/scans/s?since=0&epoch=f")
        guard case .subscribed(3, recovered: false) = events.first else {
            Issue.record("\(events)")
            return
        }
    }

    @Test("a batch is unfolded, each message byte for byte")
    func batches() throws {
        var machine = try self.machine()
        let batch = Array(
            #"{"type":"batch","scanId":"s","messages":[{"seq":1,"type":"x", "n":1.0}, {"seq":2,"type":"y"}]}"#.utf8
        )
        #expect(
            self.messages(machine.received(batch)) == [#"{"seq":1,"type":"x", "n":1.0}"#, #"{"seq":2,"type":"y"}"#]
        )
        guard case .unreadable = machine.received(Array("{".utf8)).first else {
            Issue.record("half a frame was read")
            return
        }
    }

    @Test("the end of the scan is the end", arguments: ["scan completed", "scan idle", ""])
    func completed(reason: String) throws {
        var machine = try self.machine()
        #expect(machine.ended(.closed(code: 1000, reason: reason), jitter: 0) == .finish(.completed(reason: reason)))
    }

    @Test("these closes mean: come back", arguments: [1001, 1005, 1006, 1011, 1012, 1013])
    func comeBack(code: Int) throws {
        var machine = try self.machine()
        guard case .reconnect(let delay, _) = machine.ended(.closed(code: code, reason: ""), jitter: 1) else {
            Issue.record("gave up")
            return
        }
        #expect(delay == .milliseconds(500))
    }

    @Test("these closes mean: do not come back", arguments: [1002, 1003, 1008, 1009, 4401, 4403, 4404, 4429])
    func stayAway(code: Int) throws {
        var machine = try self.machine()
        guard case .finish(.failed(let words)) = machine.ended(.closed(code: code, reason: ""), jitter: 1) else {
            Issue.record("came back")
            return
        }
        #expect(words.contains("(\(code))"))
    }

    @Test("a missed heartbeat is no end, and a draining gateway says when to come back")
    func reasons() throws {
        var machine = try self.machine()
        guard case .reconnect = machine.ended(.closed(code: 1000, reason: "heartbeat timeout"), jitter: 0) else {
            Issue.record("gave up")
            return
        }
        #expect(
            machine.ended(.closed(code: 1001, reason: #"{"retryAfterMs":1500}"#), jitter: 0)
                == .reconnect(after: .milliseconds(1500), reason: "the gateway is going down")
        )
    }

    @Test(
        "every end that a gateway makes is told in words",
        arguments: [
            (1000, "heartbeat timeout", "the gateway heard nothing from here for too long"),
            (1001, #"{"retryAfterMs":1500}"#, "the gateway is going down"), (1001, "", "the gateway is going down"),
            (1002, "", "the gateway could not read what came from here"),
            (1003, "text frames only", "text frames only"),
            (1007, "", "the gateway could not read what came from here"),
            (1008, "too many frames", "too many frames"), (1008, "", "too many requests of this client"),
            (1009, "", "a message was too large"), (1011, "", "something went wrong in the gateway"),
            (1012, "", "the gateway is starting again"), (1013, "overloaded", "overloaded"),
            (1013, #"{"retryAfterMs":9}"#, "the gateway is busy"),
            (1005, "", "the connection was closed without a reason"),
            (4401, "token revoked", "token revoked"), (4401, "", "the token has expired or was revoked"),
            (4403, "disconnected by an administrator", "disconnected by an administrator"),
            (4403, "{}", "the token may not read this scan"), (4404, "", "there is no such scan"),
            (4429, "", "too many connections of this user"), (4499, "", "the connection was closed without a reason"),
        ]
    )
    func words(code: Int, reason: String, words: String) throws {
        var machine = try self.machine()
        switch machine.ended(.closed(code: code, reason: reason), jitter: 0) {
        case .reconnect(_, let told):
            #expect(told == words)
        case .finish(.failed(let told)):
            #expect(told == "the gateway closed the connection: \(words) (\(code))")
        case .finish(.completed(let told)):
            Issue.record("\(told)")
        }
    }

    @Test(
        "a wait that the gateway asks for has bounds",
        arguments: ["-9223372036854775808", "9223372036854775807", "1e300", "\"x\"", "-1"]
    )
    func hostileWaits(number: String) throws {
        var machine = try self.machine()
        let action = machine.ended(.closed(code: 1001, reason: #"{"retryAfterMs":\#(number)}"#), jitter: 1)
        guard case .reconnect(let delay, _) = action else {
            Issue.record("\(action)")
            return
        }
        #expect(delay > .zero && delay <= .seconds(301))
    }

    @Test("a token that ended is no end where there is another by now")
    func renewedToken() throws {
        let refusal = WatchMachine.Ending.refused(GatewayProblem(status: 401, retryAfter: nil, body: []))
        for ending in [.closed(code: 4401, reason: "token expired"), refusal] {
            var machine = try self.machine()
            #expect(ending.isAboutToken)
            #expect(
                machine.ended(ending, hasNewToken: true, jitter: 1)
                    == .reconnect(after: .milliseconds(500), reason: "the token was renewed")
            )
            guard case .finish(.failed) = machine.ended(ending, hasNewToken: false, jitter: 1) else {
                Issue.record("came back")
                return
            }
        }
        for ending in [
            .closed(code: 4403, reason: ""), .closed(code: 1000, reason: ""), .lost(reason: ""), .untrusted(reason: ""),
            .refused(GatewayProblem(status: 403, retryAfter: nil, body: [])),
        ] as [WatchMachine.Ending] {
            #expect(!ending.isAboutToken)
        }
    }

    @Test("a refused upgrade ends it, unless the gateway asks to come later")
    func refusals() throws {
        var machine = try self.machine()
        let body = Array(#"{"code":"forbidden","detail":"not yours"}"#.utf8)
        #expect(
            machine.ended(.refused(GatewayProblem(status: 403, retryAfter: nil, body: body)), jitter: 0)
                == .finish(.failed("the gateway refused: HTTP 403 forbidden: not yours"))
        )
        guard
            case .reconnect(.seconds(4), _) = machine.ended(
                .refused(GatewayProblem(status: 503, retryAfter: "4", body: [])),
                jitter: 0
            )
        else {
            Issue.record("gave up")
            return
        }
        guard case .finish(.failed) = machine.ended(.untrusted(reason: "x"), jitter: 0) else {
            Issue.record("came back")
            return
        }
    }
}
