import Testing

@testable import SluiceClient

@Suite struct NucleiTranslatorTests {
    private static let records = [
        """
        {"type":"vulnerabilityFound","template":"tech-detect","name":"Wappalyzer Technology Detection",\
        "severity":"info","protocol":"http","target":"https://10.0.0.1:8443/","host":"10.0.0.1","ip":"10.0.0.1",\
        "port":8443,"matchedAt":"https://10.0.0.1:8443/","matcher":"nginx","tags":["tech","discovery"],\
        "results":["1.18"],"timestamp":"2026-11-26T14:48:33.123456789Z"}
        """,
        """
        {"type":"vulnerabilityFound","template":"CVE-2021-1234","name":"Something - Remote Code Execution",\
        "severity":"critical","protocol":"http","target":"https://a.example:8443/http","host":"a.example","port":8443,\
        "matchedAt":"https://a.example:8443/http","cve":["cve-2021-1234"],"cwe":["cwe-94"],"cvss":9.8,\
        "timestamp":"2026-11-26T14:48:34Z"}
        """,
        #"{"type":"line","text":"[git-config] [failed] [http] [medium] https://10.0.0.1:8443"}"#,
        """
        {"type":"vulnerabilityFound","template":"ssh-auth-methods","name":"SSH Auth Methods","severity":"info",\
        "protocol":"javascript","target":"10.0.0.1:22","host":"10.0.0.1","port":22,"matchedAt":"10.0.0.1:22",\
        "results":["publickey"],"timestamp":"2026-11-26T14:48:36Z"}
        """,
    ]

    private func messages(_ text: String, stream: ScannerStream = .standardOutput) -> [String] {
        Recording.messages(of: Array(text.utf8), by: NucleiTranslator(), stream: stream, pieceBytes: 65_536)
    }

    @Test(
        "findings keep the fields that matter, as lines, as one array, and with commas; no match is no finding",
        arguments: ["nuclei.jsonl", "nuclei-export.json", "nuclei-commas.json"]
    )
    func records(name: String) throws {
        #expect(Recording.messages(of: try Recording.bytes(name), by: NucleiTranslator()) == Self.records)
    }

    @Test("what is printed for a person is read, and its log is lines")
    func printed() throws {
        #expect(
            Recording.messages(of: try Recording.bytes("nuclei-printed.txt"), by: NucleiTranslator()) == [
                """
                {"type":"vulnerabilityFound","template":"tech-detect","severity":"info","protocol":"http",\
                "target":"https://10.0.0.1:8443/","matchedAt":"https://10.0.0.1:8443/","matcher":"nginx",\
                "results":["1.18"]}
                """,
                """
                {"type":"vulnerabilityFound","template":"CVE-2021-1234","severity":"critical","protocol":"http",\
                "target":"https://a.example:8443/http","matchedAt":"https://a.example:8443/http"}
                """,
                #"{"type":"line","text":"[INF] a line of its log"}"#,
                """
                {"type":"vulnerabilityFound","template":"ssh-auth-methods","severity":"info","protocol":"javascript",\
                "target":"10.0.0.1:22","matchedAt":"10.0.0.1:22","results":["publickey"]}
                """,
            ]
        )
    }

    @Test("with times, states of matchers and colours it is read as well")
    func printedStatus() throws {
        let messages = Recording.messages(of: try Recording.bytes("nuclei-status.txt"), by: NucleiTranslator())
        #expect(messages.count == 2)
        #expect(
            messages[0] == """
                {"type":"vulnerabilityFound","template":"tech-detect","severity":"info","protocol":"http",\
                "target":"https://10.0.0.1:8443/","matchedAt":"https://10.0.0.1:8443/","matcher":"nginx",\
                "results":["1.18"],"timestamp":"2026-11-26 14:48:33"}
                """
        )
        #expect(messages[1].hasPrefix(#"{"type":"line","#) && messages[1].contains("git-config"))
    }

    @Test("statistics are progress, printed or as JSON, and a division by nothing is not")
    func statistics() throws {
        #expect(
            Recording.messages(
                of: try Recording.bytes("nuclei-stats.txt"),
                by: NucleiTranslator(),
                stream: .standardError
            ) == [
                #"{"type":"scanProgress","phase":"nuclei","percent":10.0,"matched":1,"requests":100,"total":1000,"errors":2}"#,
                #"{"type":"scanProgress","phase":"nuclei","percent":25.0,"matched":1,"requests":250,"total":1000,"errors":2}"#,
            ]
        )
    }

    @Test("whole responses of megabytes are let go, and what matters of their record is kept")
    func wholeResponse() {
        let response = String(repeating: #"<p>\"a\"\r\n\u003c</p>"#, count: 50_000)
        let record = """
            {"template-id":"t","info":{"severity":"high"},"type":"http","request":"GET /","response":"\(response)",\
            "matched-at":"http://h/x"}
            """
        #expect(record.utf8.count > 1_000_000)
        let expected = """
            {"type":"vulnerabilityFound","template":"t","severity":"high","protocol":"http","target":"http://h/x",\
            "matchedAt":"http://h/x"}
            """
        #expect(self.messages(record + "\n") == [expected])
        #expect(self.messages("[\(record),\(record)]\n") == [expected, expected])
    }

    @Test("a record that is broken within its response is a line", arguments: [#"\x"#, "\t", "\"", "\\"])
    func brokenResponse(end: String) {
        let record = #"{"template-id":"t","response":"a\#(end)","matched-at":"http://h/x"}"#
        #expect(self.messages(record + "\n").map { $0.hasPrefix(#"{"type":"line""#) } == [true])
    }

    @Test("a record of more values than anybody needs is a line")
    func manyValues() {
        let record = #"{"template-id":"t","meta":[\#(String(repeating: "0,", count: 1_000_001))0]}"#
        let messages = self.messages(record + "\n")
        #expect(messages.count == 1)
        #expect(messages[0].hasPrefix(#"{"type":"line""#) && messages[0].hasSuffix(#","truncated":true}"#))
    }

    @Test(
        "a host is told without its port, and a target as it is",
        arguments: [
            (#""host":"https://a:8443","port":"8443""#, #""target":"https://a:8443","host":"a","port":8443"#),
            (#""host":"a:8443""#, #""target":"a:8443","host":"a","port":8443"#),
            (#""host":"http://a/b:1""#, #""target":"http://a/b:1","host":"a""#),
            (#""host":"2001:db8::1","port":443"#, #""target":"2001:db8::1","host":"2001:db8::1","port":443"#),
            (
                #""host":"https://[2001:db8::1]:8443/x""#,
                #""target":"https://[2001:db8::1]:8443/x","host":"[2001:db8::1]","port":8443"#
            ),
            (#""host":"a","url":"https://a:1""#, #""target":"https://a:1","host":"a""#),
            (
                #""host":"a:99999999999999999999""#,
                #""target":"a:99999999999999999999","host":"a:99999999999999999999""#
            ),
        ]
    )
    func hosts(fields: String, told: String) {
        #expect(
            self.messages(#"{"template-id":"t",\#(fields)}"#) == [
                #"{"type":"vulnerabilityFound","template":"t",\#(told)}"#
            ]
        )
    }
}
