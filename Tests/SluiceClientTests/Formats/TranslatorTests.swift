import Testing

@testable import SluiceClient

@Suite struct TranslatorTests {
    private func messages(
        _ text: String,
        _ format: ScanFormat,
        stream: ScannerStream = .standardOutput
    ) -> [String] {
        Recording.messages(of: Array(text.utf8), by: format.translator(scanID: "s"), stream: stream)
    }

    @Test("each line is a message, whatever is in it; the last one too, without its end")
    func lines() {
        #expect(
            self.messages("one\r\n\ttwo \"2\"\\\u{1}\n\n40%\r80%\rlast", .lines)
                == [
                    #"{"type":"line","text":"one"}"#,
                    #"{"type":"line","text":"\ttwo \"2\"\\\u0001"}"#,
                    #"{"type":"line","text":""}"#,
                    #"{"type":"line","text":"40%"}"#,
                    #"{"type":"line","text":"80%"}"#,
                    #"{"type":"line","text":"last"}"#,
                ]
        )
        #expect(self.messages("warning\n", .lines, stream: .standardError) == [])
    }

    @Test("bytes that are not UTF-8 become U+FFFD, and the message valid JSON")
    func invalidBytes() throws {
        let messages = Recording.messages(of: [0x61, 0xFF, 0x00, 0xC3, 0x28, 0x0A], by: LinesTranslator())
        let message = try #require(messages.first)
        #expect(try JSONParser.parse(Array(message.utf8))["text"]?.string == "a\u{FFFD}\0\u{FFFD}(")
    }

    @Test("a line beyond the limit is cut and says so")
    func longLine() throws {
        let bytes = [UInt8](repeating: 0x01, count: 1_000_000) + [0x0A, 0x62, 0x0A]
        let messages = Recording.messages(of: bytes, by: LinesTranslator(), pieceBytes: 65_536)
        #expect(messages.count == 2)
        #expect(messages[0].utf8.count < NDJSONTranslator.maximumMessageBytes)
        #expect(messages[0].hasSuffix(#","truncated":true}"#))
        #expect(messages[1] == #"{"type":"line","text":"b"}"#)
    }

    @Test("a message is passed byte for byte, anything else is a line")
    func ndjson() {
        let passed = #" {"x": 1.0e+2, "type" : "a\u0062", "x":"é", "type2":{"seq":1}} "#
        #expect(self.messages(passed + "\n", .ndjson) == [passed])
        for line in [
            "text", "[1]", "{}", #"{"type":1}"#, #"{"type":""}"#, #"{"type":"a","type":"b"}"#,
            #"{"type":"a","seq":1}"#, #"{"type":"a","s\u0065q":1}"#, #"{"type":"lag"}"#, #"{"type":"a",}"#,
            #"{"type":"a","scanId":"other"}"#, #"{"type":"a","n":01}"#, #"{"type":"a\u0000"}"#,
            #"{"type":"a"} {}"#,
        ] {
            #expect(self.messages(line + "\n", .ndjson).first?.hasPrefix(#"{"type":"line","text":"#) == true, "\(line)")
        }
        #expect(self.messages(#"{"type":"a","scanId":"s"}"#, .ndjson) == [#"{"type":"a","scanId":"s"}"#])
        #expect(self.messages("\n  \n", .ndjson) == [])
    }

    @Test("urgency follows the type, and progress its phase")
    func urgency() throws {
        func urgency(_ text: String) -> ProgressMessage.Urgency? {
            NDJSONTranslator.message(in: OutputLine(text), scanID: "s")?.urgency
        }
        #expect(urgency(#"{"type":"error"}"#) == .critical)
        #expect(urgency(#"{"type":"scanProgress","phase":"a"}"#) == .progress(key: "scanProgress/a"))
        #expect(urgency(#"{"type":"stats","phase":"a"}"#) == .progress(key: "stats"))
        #expect(urgency(#"{"type":"hostDiscovered"}"#) == .ordinary)
    }

    @Test(
        "masscan's four ways of saying it are one message each",
        arguments: [
            "Discovered open port 80/tcp on 10.0.0.1                                        \n",
            #"{   "ip": "10.0.0.1",   "timestamp": "1", "ports": [ {"port": 80, "proto": "tcp", "status": "open"} ] },"#,
            #",{"ip":"10.0.0.1","timestamp":"1","port":80,"proto":"tcp","rec_type":"status","data":{"status":"open"}}"#,
            "open tcp 80 10.0.0.1 1560000000\n",
        ]
    )
    func masscan(line: String) {
        let expected = [
            #"{"type":"hostDiscovered","ip":"10.0.0.1"}"#,
            #"{"type":"portFound","ip":"10.0.0.1","port":80,"protocol":"tcp","state":"open"}"#,
        ]
        #expect(self.messages("[\n" + line + "\n" + line + "\n]\n", .masscan) == expected)
    }

    @Test("masscan's banners and its status line are read")
    func masscanDetails() {
        #expect(
            self.messages("banner tcp 22 10.0.0.1 1560000000 ssh SSH-2.0-OpenSSH 9\n", .masscan).last
                == #"{"type":"serviceDetected","ip":"10.0.0.1","port":22,"protocol":"tcp","service":"ssh","details":"SSH-2.0-OpenSSH 9"}"#
        )
        #expect(
            self.messages(
                "rate:  0.10-kpps, 12.34% done,   0:01:10 remaining, found=3       \r",
                .masscan,
                stream: .standardError
            )
                == [#"{"type":"scanProgress","phase":"masscan","percent":12.34,"remaining":70,"found":3}"#]
        )
    }

    @Test("nuclei's findings keep the fields that matter")
    func nuclei() {
        let record = """
            {"template-id":"CVE-2021-1","info":{"name":"N","severity":"high","tags":["cve","x"],"classification":\
            {"cve-id":["cve-2021-1"],"cvss-score":9.8}},"type":"http","host":"10.0.0.1","port":"443",\
            "matched-at":"https://10.0.0.1/a","extracted-results":["v1"],"request":"GET / …"}
            """
        #expect(
            self.messages(record, .nuclei) == [
                """
                {"type":"vulnerabilityFound","template":"CVE-2021-1","name":"N","severity":"high","protocol":"http",\
                "host":"10.0.0.1","port":443,"matchedAt":"https://10.0.0.1/a","cve":["cve-2021-1"],"cvss":9.8,\
                "tags":["cve","x"],"results":["v1"]}
                """
            ]
        )
        #expect(
            self.messages("[\u{1B}[92mtech:nginx\u{1B}[0m] [http] [info] http://h/ [x]\n", .nuclei)
                == [
                    """
                    {"type":"vulnerabilityFound","template":"tech","severity":"info","protocol":"http",\
                    "matchedAt":"http://h/","matcher":"nginx"}
                    """
                ]
        )
        #expect(
            self.messages(
                #"{"duration":"0:00:05","matched":"1","percent":"10","requests":"100","total":"1000"}"#,
                .nuclei,
                stream: .standardError
            )
                == [#"{"type":"scanProgress","phase":"nuclei","percent":10.0,"matched":1,"requests":100,"total":1000}"#]
        )
    }

    @Test(
        "the command's name implies the format, behind wrappers too",
        arguments: [
            (["/usr/bin/nmap", "-v"], ScanFormat.nmap), (["sudo", "-n", "masscan"], .masscan),
            (["timeout", "60", "env", "A=b", "nuclei"], .nuclei), (["cat", "nmap"], .auto),
            (["sh", "-c", "nmap"], .auto),
        ]
    )
    func impliedFormat(command: [String], format: ScanFormat) {
        #expect(ScanFormat.implied(by: command) == format)
    }

    @Test("the first telling line decides what the output is")
    func firstLines() {
        #expect(self.messages("\n{\"type\":\"x\"}\nplain\n", .auto).first == #"{"type":"x"}"#)
        #expect(self.messages("hello\n{\"type\":\"x\"}\n", .auto).count == 2)
        #expect(self.messages("hello\n{\"type\":\"x\"}\n", .auto)[1].hasPrefix(#"{"type":"line""#))
        #expect(
            self.messages("[\n{\"ip\":\"10.0.0.1\",\"ports\":[{\"port\":1}]}\n", .auto).last?.contains("portFound")
                == true
        )
        #expect(
            self.messages(#"{"template-id":"t","type":"http","info":{}}"#, .auto).first?.contains("vulnerabilityFound")
                == true
        )
        #expect(self.messages("\n\n", .auto).count == 2)
    }

    @Test("real nmap output is known without its name", arguments: ["nmap-services.txt", "nmap-services.xml"])
    func recognisedNmap(name: String) throws {
        let messages = Recording.messages(of: try Recording.bytes(name), by: AutoTranslator(scanID: "s"))
        #expect(messages.contains { $0.contains("serviceDetected") })
    }
}
