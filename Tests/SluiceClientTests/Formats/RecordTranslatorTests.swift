import SluiceBase
import Testing

@testable import SluiceClient

/// What scanners write stands in `Fixtures/records`, and beside it, as `.expected`, what becomes of it, a message a line.
@Suite struct RecordTranslatorTests {
    private func messages(
        of name: String,
        _ format: ScanFormat,
        stream: ScannerStream = .standardOutput
    ) throws -> [String] {
        let bytes = try Recording.bytes("records/\(name)")
        let messages = Recording.messages(of: bytes, by: format.translator(scanID: "s"), stream: stream)
        #expect(
            messages
                == Recording.messages(of: bytes, by: format.translator(scanID: "s"), stream: stream, pieceBytes: 9999)
        )
        return messages
    }

    private func expected(_ name: String) throws -> [String] {
        String(decoding: try Recording.bytes("records/\(name).expected"), as: UTF8.self)
            .split(separator: "\n").map(String.init)
    }

    @Test(
        "what each scanner writes becomes what the table says",
        arguments: [
            ("httpx.jsonl", ScanFormat.httpx), ("httpx.txt", .httpx), ("naabu.jsonl", .naabu), ("naabu.txt", .naabu),
            ("ffuf.jsonl", .ffuf), ("ffuf.json", .ffuf), ("ffuf.txt", .ffuf), ("feroxbuster.jsonl", .feroxbuster),
            ("feroxbuster.txt", .feroxbuster), ("nikto.txt", .nikto), ("nikto.json", .nikto), ("zap.json", .zap),
            ("zap.txt", .zap), ("trivy.json", .trivy), ("grype.json", .grype), ("sarif.json", .sarif),
            ("zmap.csv", .zmap), ("zmap.txt", .zmap), ("zmap.jsonl", .zmap), ("other.txt", .auto),
        ]
    )
    func table(name: String, format: ScanFormat) throws {
        let messages = try self.messages(of: name, format)
        #expect(messages == (try self.expected(name)))
    }

    @Test(
        "documents, and what has a heading, are known without the command's name",
        arguments: [
            "httpx.jsonl", "naabu.jsonl", "ffuf.jsonl", "ffuf.json", "feroxbuster.jsonl", "nikto.txt", "nikto.json",
            "zap.json", "trivy.json", "grype.json", "sarif.json", "zmap.csv", "zmap.jsonl",
        ]
    )
    func recognised(name: String) throws {
        #expect(try self.messages(of: name, .auto) == self.expected(name))
    }

    @Test(
        "progress on standard error is known, also before the first line of output",
        arguments: [
            ("ffuf.stderr", ScanFormat.ffuf), ("zmap.stderr", .zmap), ("ffuf.stderr", .auto), ("zmap.stderr", .auto),
        ]
    )
    func progress(name: String, format: ScanFormat) throws {
        let ffuf = [
            #"{"type":"scanProgress","phase":"ffuf","percent":0.8669267446900737,"requests":40,"total":4614,"errors":0}"#,
            #"{"type":"scanProgress","phase":"ffuf","percent":100.0,"requests":4614,"total":4614,"errors":3}"#,
        ]
        let zmap = [
            #"{"type":"scanProgress","phase":"zmap","percent":5.0,"remaining":95,"found":12}"#,
            #"{"type":"scanProgress","phase":"zmap","percent":100.0,"found":40}"#,
        ]
        #expect(try self.messages(of: name, format, stream: .standardError) == (name.hasPrefix("ffuf") ? ffuf : zmap))
    }

    @Test(
        "findings of all scanners have their fields by the same names",
        arguments: [
            "nikto.txt", "nikto.json", "zap.json", "zap.txt", "trivy.json", "grype.json", "sarif.json", "ffuf.jsonl",
            "feroxbuster.jsonl", "feroxbuster.txt", "ffuf.txt", "httpx.jsonl", "httpx.txt",
        ]
    )
    func sameNames(name: String) throws {
        let known: Set<String> = [
            "type", "template", "name", "severity", "category", "protocol", "service", "product", "version", "details",
            "host", "hostname", "ip", "port", "matchedAt", "path", "file", "line", "package", "fixedVersion", "cve",
            "cwe", "cvss", "tags", "tool", "method", "parameter", "attack", "evidence", "confidence", "count", "status",
            "length", "words", "lines", "contentType", "redirect", "wildcard", "description", "remediation",
            "reference", "timestamp",
        ]
        let severities: Set<String> = ["critical", "high", "medium", "low", "info", "unknown"]
        for text in try self.expected(name) {
            let node = try JSONReader.read(Array(text.utf8))
            guard ["vulnerabilityFound", "pathFound", "serviceDetected"].contains(node["type"]?.string) else {
                continue
            }
            #expect(Set(node.members.map(\.name)).subtracting(known).isEmpty, "\(text)")
            #expect(node["severity"].map { severities.contains($0.string ?? "") } ?? true, "\(text)")
            for number in ["port", "cvss", "line", "status"] { #expect(node[number].map { $0.double != nil } ?? true) }
            for list in ["cve", "cwe", "tags"] { #expect(node[list].map { $0.strings != nil } ?? true) }
        }
    }

    @Test("a document in which something is not as its scanner writes it is kept whole")
    func oddDocument() {
        let text = #"{"matches":[{"vulnerability":{"id":"a"}},7],"descriptor":{"name":"grype"}}"#
        let messages = Recording.messages(of: Array(text.utf8), by: ScanFormat.grype.translator(scanID: "s"))
        #expect(messages == [#"{"type":"finding",\#(text.dropFirst())"#])
    }

    @Test("a document that grows beyond the limit is lines, and so is what follows of it")
    func largeDocument() {
        var reader = OutputReader(translator: ScanFormat.trivy.translator(scanID: "s"))
        let line = Array("\"\(String(repeating: "a", count: 1024 * 1024))\",\n".utf8)
        var messages = reader.append(Array("[\n{\"x\": [\n".utf8)[...], from: .standardOutput)
        #expect(messages.isEmpty)
        let count = DocumentCollector.maximumBytes / (1024 * 1024) + 3
        for _ in 0..<count { messages += reader.append(line[...], from: .standardOutput) }
        messages += reader.append(Array("]}]\n".utf8)[...], from: .standardOutput)
        messages += reader.finish()
        #expect(messages.count == count + 3)
        #expect(messages.allSatisfy { $0.type == "line" })
    }

    @Test(
        "a JSON object that no format knows is kept as its own object, whichever scanner wrote it",
        arguments: [ScanFormat.nmap, .masscan, .nuclei, .ndjson, .httpx, .sarif, .auto]
    )
    func ownObject(format: ScanFormat) {
        let text = #"{"a":1,"type":7,"seq":2}"#
        let messages = Recording.messages(of: Array(text.utf8), by: format.translator(scanID: "s"))
        #expect(messages == [#"{"type":"finding","a":1,"recordType":7,"recordSeq":2}"#])
    }

    @Test(
        "what is scanned cannot end the scan, nor post what is never dropped",
        arguments: [ScanFormat.auto, .nikto, .httpx]
    )
    func forgedEnd(format: ScanFormat) {
        let text = "A banner\n{\"type\":\"scanCompleted\",\"a\":1}\n{\"type\":\"error\"}\n"
        let messages = Recording.messages(of: Array(text.utf8), by: format.translator(scanID: "s"))
        #expect(
            messages.suffix(2) == [
                #"{"type":"finding","recordType":"scanCompleted","a":1}"#,
                #"{"type":"finding","recordType":"error"}"#,
            ]
        )
    }

    @Test("a record with members that a scanner does not write is another tool's, unless that scanner was named")
    func otherTools() {
        let text = #"{"timestamp":"t","host":"h","ip":"192.0.2.1","port":"443","tls_version":"tls13"}"#
        let kept = #"{"type":"finding",\#(text.dropFirst())"#
        #expect(Recording.messages(of: Array(text.utf8), by: ScanFormat.auto.translator(scanID: "s")) == [kept])
        #expect(Recording.messages(of: Array(text.utf8), by: ScanFormat.zmap.translator(scanID: "s")) == [kept])
        let named = Recording.messages(of: Array(text.utf8), by: ScanFormat.naabu.translator(scanID: "s"))
        #expect(named.contains { $0.contains(#""type":"portFound""#) })
    }

    /// Results of as many rules, each of which says much about each of its results.
    private static func sarif(resultCount: Int, ruleCount: Int) -> [UInt8] {
        let text = String(repeating: "x", count: 5000)
        let rules = (0..<ruleCount).map { #"{"id":"r\#($0)","shortDescription":{"text":"\#($0) \#(text)"}}"# }
        let results = (0..<resultCount).map { #"{"ruleId":"r\#($0 % ruleCount)"}"# }
        let tool = #"{"driver":{"name":"t","rules":[\#(rules.joined(separator: ","))]}}"#
        let run = #"{"tool":\#(tool),"results":[\#(results.joined(separator: ","))]}"#
        return Array("{\"version\":\"2.1.0\",\"runs\":[\(run)]}".utf8)
    }

    @Test("of a document that says little much may be made: some at a time, also where its last line does not end")
    func slices() throws {
        var reader = OutputReader(translator: ScanFormat.sarif.translator(scanID: "s"))
        var messages = reader.append(Self.sarif(resultCount: 3000, ruleCount: 30)[...], from: .standardOutput)
        #expect(messages.isEmpty && !reader.hasMore)
        var count = 0
        messages = reader.end(.standardOutput)
        repeat {
            #expect(messages.reduce(0) { $0 + $1.bytes.count } < 300_000)
            for message in messages {
                let node = try JSONReader.read(message.bytes)
                #expect(node["template"]?.string == "r\(count % 30)")
                #expect(node["description"]?.string?.hasPrefix("\(count % 30) x") == true)
                count += 1
            }
            messages = reader.more()
        } while !messages.isEmpty
        #expect(count == 3000 && !reader.hasMore && reader.finish().isEmpty)
    }

    @Test("what follows a large document comes behind all of it, whether its messages were asked for or not")
    func order() {
        let document = Self.sarif(resultCount: 200, ruleCount: 1) + Array("\nafter\n\nlast".utf8)
        let translator = ScanFormat.sarif.translator(scanID: "s")
        let messages = Recording.messages(of: document, by: translator, pieceBytes: 1 << 20)
        #expect(messages.count == 202)
        #expect(messages.prefix(200).allSatisfy { $0.hasPrefix(#"{"type":"vulnerabilityFound""#) })
        #expect(messages.suffix(2) == [#"{"type":"line","text":"after"}"#, #"{"type":"line","text":"last"}"#])
        var reader = OutputReader(translator: translator)
        let first = reader.append(document[...], from: .standardOutput)
        #expect(first.count < 200)
        #expect((first + reader.finish()).map(\.text) == messages)
    }

    @Test("a record of which more would be made than the gateway takes is a line")
    func largeRecord() throws {
        let bytes = Array(#"[{"a":"\#(String(repeating: #"\u0001"#, count: 5000))"}]"#.utf8)
        let record = try #require(try JSONReader.read(bytes).elements.first)
        let fields = (0..<20).map { RecordField("f\($0)", .text, "a") }
        let rule = RecordRule(format: .sarif, outcome: .message("t"), marks: [], fields: fields)
        var pending = PendingRecords(bytes: bytes)
        pending.append([RecordPlace(chain: [record])], by: rule, type: "t")
        let line = OutputLine(bytes: Array(bytes[1..<bytes.count - 1]))
        #expect(pending.take(bytes: 1) == [.line(line)])
        #expect(pending.isEmpty)
    }

    @Test(
        "only what is an identifier of a catalogue counts as one; a number alone where the scanner writes it so",
        arguments: [
            (#"{"ruleId":"1234"}"#, nil, nil), (#"{"ruleId":"cve-2024-12345"}"#, "CVE-2024-12345", nil),
            (#"{"ruleId":"CVE-2024-1"}"#, nil, nil), (#"{"ruleId":"CVE-CHECK"}"#, nil, nil),
            (#"{"ruleId":"CVE-2024-1234-5"}"#, nil, nil), (#"{"ruleId":"CVE-٢٠٢٤-1234"}"#, nil, nil),
            (#"{"properties":{"tags":["22","cwe","CWE-0","CWE-","external/cwe/cwe-079"]}}"#, nil, "CWE-079"),
            (#"{"properties":{"tags":["CWE-89: SQL Injection"]}}"#, nil, "CWE-89"),
        ] as [(String, String?, String?)]
    )
    func identifiers(result: String, cve: String?, cwe: String?) throws {
        let text = #"{"version":"2.1.0","runs":[{"results":[\#(result)]}]}"#
        let messages = Recording.messages(of: Array(text.utf8), by: ScanFormat.sarif.translator(scanID: "s"))
        let node = try JSONReader.read(Array((try #require(messages.first)).utf8))
        #expect(node["cve"]?.strings?.first == cve && node["cwe"]?.strings?.first == cwe)
    }

    @Test(
        "ZAP writes the numbers of weaknesses, and -1 for none",
        arguments: [("79", "CWE-79"), ("-1", nil), ("0", nil)] as [(String, String?)]
    )
    func numbers(cweid: String, cwe: String?) throws {
        let alert = #"{"name":"a","cweid":"\#(cweid)","instances":[]}"#
        let text = ##"{"@version":"2","site":[{"@name":"http://a","alerts":[\##(alert)]}]}"##
        let messages = Recording.messages(of: Array(text.utf8), by: ScanFormat.zap.translator(scanID: "s"))
        let node = try JSONReader.read(Array((try #require(messages.first)).utf8))
        #expect(node["cwe"]?.strings?.first == cwe)
    }

    @Test("empty lines within a document count towards the limit")
    func emptyLines() {
        var collector = DocumentCollector()
        _ = collector.append(OutputLine(bytes: Array("{".utf8)))
        var released: [OutputLine] = []
        for _ in 0...(DocumentCollector.maximumBytes / 64) where released.isEmpty {
            released = collector.append(OutputLine(bytes: [])).released
        }
        #expect(released.count > 1000)
    }

    @Test("of more than the gateway takes as one message, a kept object is a line")
    func largeObject() {
        let text = #"{"a":"\#(String(repeating: "b", count: 256 * 1024))"}"#
        let messages = Recording.messages(of: Array(text.utf8), by: ScanFormat.ndjson.translator(scanID: "s"))
        #expect(messages.count == 1)
        #expect(messages.allSatisfy { $0.hasPrefix(#"{"type":"line""#) && $0.hasSuffix(#""truncated":true}"#) })
    }
}
