import SluiceBase
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
        #expect(try JSONReader.read(Array(message.utf8))["text"]?.string == "a\u{FFFD}\0\u{FFFD}(")
    }

    @Test("a line beyond the limit is cut and says so")
    func longLine() throws {
        let bytes = [UInt8](repeating: 0x01, count: 1_000_000) + [0x0A, 0x62, 0x0A]
        let messages = Recording.messages(of: bytes, by: LinesTranslator(), pieceBytes: 65_536)
        #expect(messages.count == 2)
        #expect(messages[0].utf8.count < NDJSONLine.maximumMessageBytes)
        #expect(messages[0].hasSuffix(#","truncated":true}"#))
        #expect(messages[1] == #"{"type":"line","text":"b"}"#)
    }

    @Test("a message is passed byte for byte, another object becomes one, anything else is a line")
    func ndjson() {
        let passed = #" {"x": 1.0e+2, "type" : "a\u0062", "x":"é", "type2":{"seq":1}} "#
        #expect(self.messages(passed + "\n", .ndjson) == [passed])
        for line in [
            "text", "[1]", #"{"type":"a",}"#, #"{"type":"a","n":01}"#, #"{"type":"a"} {}"#,
        ] {
            #expect(self.messages(line + "\n", .ndjson).first?.hasPrefix(#"{"type":"line","text":"#) == true, "\(line)")
        }
        for line in [
            "{}", #"{"type":1}"#, #"{"type":""}"#, #"{"type":"a","type":"b"}"#, #"{"type":"a","seq":1}"#,
            #"{"type":"a","s\u0065q":1}"#, #"{"type":"lag"}"#, #"{"type":"a","scanId":"other"}"#,
            #"{"type":"a\u0000"}"#, #"{"type":"sluice.close"}"#, #"{"type":"scanStalled"}"#,
        ] {
            let kept = self.messages(line + "\n", .ndjson)
            #expect(kept.count == 1)
            #expect(kept.allSatisfy { $0.hasPrefix(#"{"type":"finding""#) && !$0.contains(#""scanId""#) }, "\(line)")
        }
        #expect(self.messages(#"{"type":"a","scanId":"s"}"#, .ndjson) == [#"{"type":"a","scanId":"s"}"#])
        #expect(self.messages("\n  \n", .ndjson) == [])
    }

    @Test("urgency follows the type, and progress its phase")
    func urgency() throws {
        func urgency(_ text: String) -> ProgressMessage.Urgency? {
            NDJSONLine.message(in: OutputLine(text), scanID: "s")?.urgency
        }
        #expect(urgency(#"{"type":"error"}"#) == .critical)
        #expect(urgency(#"{"type":"scanProgress","phase":"a"}"#) == .progress(key: "scanProgress/a"))
        #expect(urgency(#"{"type":"stats","phase":"a"}"#) == .progress(key: "stats"))
        #expect(urgency(#"{"type":"hostDiscovered"}"#) == .ordinary)
    }

    @Test("the first telling line decides what the output is")
    func firstLines() {
        #expect(self.messages("\n{\"type\":\"x\"}\nplain\n", .auto).first == #"{"type":"x"}"#)
        #expect(self.messages("hello\n{\"type\":\"x\"}\n", .auto).count == 2)
        #expect(self.messages("hello\n{\"type\":\"x\"}\n", .auto)[1] == #"{"type":"x"}"#)
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

    @Test(
        "the output of each scanner is known without its name",
        arguments: [
            ("masscan.json", "portFound"), ("masscan-one-line.json", "portFound"), ("masscan.ndjson", "portFound"),
            ("masscan.xml", "portFound"), ("masscan-greppable.txt", "portFound"), ("masscan-list.txt", "portFound"),
            ("masscan-printed.txt", "portFound"), ("nmap-greppable.txt", "portFound"),
            ("nuclei.jsonl", "vulnerabilityFound"), ("nuclei-export.json", "vulnerabilityFound"),
            ("nuclei-commas.json", "vulnerabilityFound"), ("nuclei-printed.txt", "vulnerabilityFound"),
            ("nuclei-status.txt", "vulnerabilityFound"),
        ]
    )
    func recognised(name: String, type: String) throws {
        let messages = Recording.messages(of: try Recording.bytes(name), by: AutoTranslator(scanID: "s"))
        #expect(messages.contains { $0.hasPrefix(#"{"type":"\#(type)""#) })
    }

    @Test(
        "progress on standard error counts before the first line of output, and beside lines of any kind",
        arguments: [("masscan-status.txt", 3), ("nuclei-stats.txt", 2), ("nmap-progress.txt", 8)]
    )
    func earlyProgress(name: String, count: Int) throws {
        var reader = OutputReader(translator: AutoTranslator(scanID: "s"))
        let bytes = try Recording.bytes(name)
        let early = reader.append(bytes[...], from: .standardError)
        #expect(early.count == count)
        #expect(early.allSatisfy { ["scanProgress", "stats"].contains($0.type) })
        #expect(reader.append(Array("any line\n".utf8)[...], from: .standardOutput).map(\.type) == ["line"])
        #expect(reader.append(bytes[...], from: .standardError).count == count)
    }

    @Test(
        "no line of standard output vanishes: what a format does not know is a line",
        arguments: ScanFormat.allCases,
        [
            "some text", "{", "}", "[]x", "{\"a\":1", "[1]", "[{\"a\":1},2]", "<", "<a", "<a href=\"x\"/>",
            "<host><address addr=\"10.0.0.1\"", "<!-- cut", "Discovered open port", "Discovered open port x/tcp on h",
            "Initiating", "Completed x", "Stats: soon", "x Timing: About nan% done", "Host: ",
            "Host: h\tStatus: Smurf (3)",
            "Host: h\tPorts: x/open/tcp//a///", "Host: h\tOther: 1", "Timestamp: 1\tHost: h\tWhat", "rate: fast",
            "open tcp x 10.0.0.1 1", "odd tcp 80 10.0.0.1 1", "Banner on port 80/tcp on 10.0.0.1: nothing",
            "[a] [b]", "[a] [http] [info]", "[a] [http] [loud] x", "[a] [failed] [http] [info] x", "\u{1B}[31mred",
            "Nmap done: 1 IP address (1 host up) scanned in 4.73 seconds", "| ssl-cert: Subject: commonName=a",
        ]
    )
    func nothingVanishes(format: ScanFormat, line: String) throws {
        let messages = Recording.messages(of: Array((line + "\n").utf8), by: format.translator(scanID: "s"))
        let message = try #require(messages.last)
        let node = try JSONReader.read(Array(message.utf8))
        #expect(node["type"]?.string == "line")
        #expect(node["text"]?.string == line)
        #expect(messages.count == 1)
    }

    @Test("what a tag cut off leaves behind does not hide what came before it")
    func halfUnderstood() throws {
        func types(_ text: String) throws -> [String?] {
            try self.messages(text, .nmap).map { try JSONReader.read(Array($0.utf8))["type"]?.string }
        }
        #expect(
            try types(#"<host><status state="up"/><address addr="10.0.0.1" addrtype="ipv4"/></host><ho"#)
                == ["hostDiscovered", "line"]
        )
        #expect(
            try types("Host: 10.0.0.1 ()\tPorts: 1/open/tcp//a///, x/open\n") == [
                "hostDiscovered", "portFound", "line",
            ]
        )
    }

    @Test("a message that the gateway would not take for its size becomes the line that it is of")
    func oversizedMessage() throws {
        let name = String(repeating: "\u{1}", count: 60_000)
        let line = "<host><status state='up'/><address addr='\(name)' addrtype='ipv4'/></host>\n"
        let messages = self.messages(line, .nmap)
        #expect(messages.count == 1)
        #expect(messages[0].hasPrefix(#"{"type":"line","text":"<host>"#))
        #expect(messages[0].utf8.count < NDJSONLine.maximumMessageBytes)
    }

    @Test("a line of 16 MiB is read, and of a longer one the rest is let go", arguments: [16, 17])
    func longestLine(mebibytes: Int) {
        var reader = OutputReader(translator: LinesTranslator())
        let piece = [UInt8](repeating: 0x61, count: 1024 * 1024)
        var messages: [ProgressMessage] = []
        for _ in 0..<mebibytes { messages += reader.append(piece[...], from: .standardOutput) }
        messages += reader.append(Array("\nnext\n".utf8)[...], from: .standardOutput)
        #expect(messages.count == 2)
        #expect(messages[0].text.hasSuffix(#"a","truncated":true}"#))
        #expect(messages[1].text == #"{"type":"line","text":"next"}"#)
    }

    @Test("real nmap output is known without its name", arguments: ["nmap-services.txt", "nmap-services.xml"])
    func recognisedNmap(name: String) throws {
        let messages = Recording.messages(of: try Recording.bytes(name), by: AutoTranslator(scanID: "s"))
        #expect(messages.contains { $0.contains("serviceDetected") })
    }
}
