import Testing

@testable import SluiceClient

@Suite("What a probe says of a line")
struct ProbeFactsTests {
    /// A line with nothing wrong.
    private static func facts(_ change: (inout ProbeFacts) -> Void = { _ in }) -> ProbeFacts {
        var facts = ProbeFacts(wait: 20, isSecure: true, authority: "sluice.example")
        facts.protocolName = "h2"
        facts.localAddress = "203.0.113.7"
        facts.seen = ProbeFacts.Seen(
            address: "203.0.113.7",
            scheme: "https",
            authority: "sluice.example",
            isThroughProxy: true,
            version: "1"
        )
        facts.seenOfForged = "203.0.113.7"
        facts.isPagePacked = true
        facts.socket = ProbeFacts.Held(status: 101, isCompressed: true, signCount: 4)
        facts.stream = ProbeFacts.Held(status: 200, isImmediate: true, signCount: 1)
        facts.upload = ProbeFacts.Held(status: 0, isImmediate: true)
        change(&facts)
        return facts
    }

    private static func bad(_ change: (inout ProbeFacts) -> Void) -> [String] {
        Self.facts(change).findings.filter { $0.verdict == .bad }.map(\.subject)
    }

    @Test("Of a line with nothing wrong everything is good")
    func good() {
        let findings = Self.facts().findings
        #expect(findings.allSatisfy { $0.verdict == .good })
        #expect(
            findings.map(\.subject) == [
                "HTTP/2", "gzip", "gateway", "scheme", "host", "address", "WebSocket", "compression", "event stream",
                "NDJSON upload",
            ]
        )
    }

    @Test("Each fault is told where it is")
    func faults() {
        #expect(Self.bad { $0.speaksHTTP2 = false } == ["HTTP/2"])
        #expect(Self.bad { $0.seen = nil } == ["gateway"])
        #expect(Self.bad { $0.seen?.scheme = "http" } == ["scheme"])
        #expect(Self.bad { $0.seen?.authority = "127.0.0.1:8080" } == ["host"])
        #expect(Self.bad { $0.seenOfForged = ProbeFacts.forgedAddress } == ["address"])
        #expect(Self.bad { $0.socket = ProbeFacts.Held(status: 400, code: "bad_request") } == ["WebSocket"])
        #expect(Self.bad { $0.socket?.cutAfter = 3 } == ["WebSocket"])
        #expect(Self.bad { $0.stream?.isImmediate = false } == ["event stream"])
        #expect(Self.bad { $0.stream = ProbeFacts.Held(status: 0, isImmediate: false) } == ["event stream"])
        #expect(Self.bad { $0.stream = ProbeFacts.Held(status: 502) } == ["event stream"])
        #expect(Self.bad { $0.stream?.cutAfter = 10 } == ["event stream"])
        #expect(Self.bad { $0.upload?.isImmediate = false } == ["NDJSON upload"])
    }

    @Test("Signs of life that were due and did not come are told, whether the line stood or not")
    func swallowed() {
        #expect(Self.bad { $0.socket?.signCount = 0 } == ["WebSocket"])
        #expect(Self.bad { $0.stream?.signCount = 0 } == ["event stream"])
        // None was due yet.
        #expect(
            Self.bad { facts in
                facts.wait = 6
                facts.socket?.signCount = 0
                facts.stream?.signCount = 0
            } == []
        )
        let cut = Self.facts { facts in
            facts.socket?.signCount = 0
            facts.socket?.cutAfter = 9
        }
        #expect(cut.findings.first { $0.subject == "WebSocket" }?.text.contains("no ping came") == true)
    }

    @Test("What may be on purpose is a note, with what follows from it")
    func notes() {
        let findings = Self.facts { facts in
            facts.protocolName = nil
            facts.isPagePacked = false
            facts.seen?.address = "198.51.100.1"
            facts.socket?.isCompressed = false
            facts.upload?.cutAfter = 12.345
        }
        .findings.filter { $0.verdict != .good }
        #expect(findings.map(\.verdict) == Array(repeating: .note, count: 5))
        #expect(findings.map(\.subject) == ["HTTP/2", "gzip", "address", "compression", "NDJSON upload"])
        #expect(findings.last?.text.contains("cut after 12.3 s") == true)
    }

    @Test("Without a scan of its own the lines are not tried, and it is said why")
    func noScan() {
        let findings = Self.facts { facts in
            (facts.socket, facts.stream, facts.upload) = (nil, nil, nil)
            facts.scanRefusal = "403 forbidden"
        }
        .findings.filter { $0.verdict != .good }
        #expect(findings.map(\.text) == ["not tried: 403 forbidden"])
    }
}
