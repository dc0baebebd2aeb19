import SluiceBase
import Testing

@testable import SluiceClient

@Suite struct NmapTranslatorTests {
    private static let service = """
        {"type":"serviceDetected","ip":"127.0.0.1","port":18941,"protocol":"tcp","service":"http",\
        "product":"SimpleHTTPServer","version":"0.6","details":"Python 3.11.7"}
        """
    private static let host = #"{"type":"hostDiscovered","ip":"127.0.0.1","hostname":"localhost"}"#

    /// What comes of recordings but for the lines that nmap alone understands.
    private func messages(_ names: String...) throws -> [String] {
        let bytes = try names.flatMap { try Recording.bytes($0) }
        return Recording.messages(of: bytes, by: NmapTranslator()).filter { !$0.hasPrefix(#"{"type":"line""#) }
    }

    private func lines(_ name: String) throws -> [String] {
        try Recording.messages(of: try Recording.bytes(name), by: NmapTranslator())
            .compactMap { try JSONReader.read(Array($0.utf8)) }
            .filter { $0["type"]?.string == "line" }
            .compactMap { $0["text"]?.string }
    }

    @Test("a recorded XML report becomes phases, a host, its open port and the service behind it")
    func xmlReport() throws {
        #expect(
            try self.messages("nmap-services.xml") == [
                #"{"type":"phaseStarted","phase":"SYN Stealth Scan"}"#,
                #"{"type":"scanProgress","phase":"SYN Stealth Scan","percent":100.0}"#,
                #"{"type":"phaseStarted","phase":"Service scan"}"#,
                #"{"type":"scanProgress","phase":"Service scan","percent":0.0}"#,
                #"{"type":"scanProgress","phase":"Service scan","percent":100.0}"#,
                #"{"type":"phaseStarted","phase":"NSE"}"#,
                #"{"type":"scanProgress","phase":"NSE","percent":100.0}"#,
                #"{"type":"phaseStarted","phase":"NSE"}"#,
                #"{"type":"scanProgress","phase":"NSE","percent":100.0}"#,
                Self.host,
                #"{"type":"portFound","ip":"127.0.0.1","port":18941,"protocol":"tcp","state":"open","service":"http"}"#,
                Self.service,
            ]
        )
    }

    @Test("the normal output tells a port when nmap finds it, and not again in the report")
    func normalOutput() throws {
        #expect(
            try self.messages("nmap-services.txt") == [
                #"{"type":"phaseStarted","phase":"SYN Stealth Scan"}"#,
                Self.host,
                #"{"type":"portFound","ip":"127.0.0.1","port":18941,"protocol":"tcp","state":"open"}"#,
                #"{"type":"scanProgress","phase":"SYN Stealth Scan","percent":100.0}"#,
                #"{"type":"phaseStarted","phase":"Service scan"}"#,
                #"{"type":"scanProgress","phase":"Service scan","percent":100.0}"#,
                #"{"type":"phaseStarted","phase":"NSE"}"#,
                #"{"type":"scanProgress","phase":"NSE","percent":100.0}"#,
                #"{"type":"phaseStarted","phase":"NSE"}"#,
                #"{"type":"scanProgress","phase":"NSE","percent":100.0}"#,
                Self.service,
            ]
        )
    }

    @Test("both outputs together say each thing once")
    func bothOutputs() throws {
        let findings = try self.messages("nmap-services.txt", "nmap-services.xml")
            .filter { !$0.contains("scanProgress") }
        #expect(findings.count == 7)
        #expect(Set(findings).count == 6, "the two NSE phases are alike")
        #expect(findings.filter { $0.contains("portFound") }.count == 1)
        #expect(findings.filter { $0.contains("serviceDetected") }.count == 1)
    }

    @Test("progress comes with the estimate of the time that remains", arguments: ["xml", "txt"])
    func progress(format: String) throws {
        let progress = try self.messages("nmap-progress.\(format)").filter { $0.contains("scanProgress") }
        #expect(progress.count == 5)
        #expect(
            progress[3]
                == #"{"type":"scanProgress","phase":"SYN Stealth Scan","percent":83.87,"remaining":1}"#
        )
        #expect(progress[4] == #"{"type":"scanProgress","phase":"SYN Stealth Scan","percent":100.0}"#)
    }

    @Test("lines of statistics become stats messages")
    func statistics() throws {
        let stats = try self.messages("nmap-progress.txt").filter { $0.contains(#""stats""#) }
        #expect(stats.first == #"{"type":"stats","elapsed":1,"hostsCompleted":0,"hostsUp":1}"#)
        #expect(stats.count == 4)
    }

    @Test("closed ports are not told, neither by the table nor by the XML")
    func closedPorts() throws {
        #expect(try self.messages("nmap-progress.xml", "nmap-progress.txt").allSatisfy { !$0.contains("portFound") })
        #expect(try self.messages("nmap-ports.xml").filter { $0.contains("portFound") }.count == 1)
    }

    @Test("each host of a ping scan is told, with or without a name")
    func hosts() throws {
        let hosts = try self.messages("nmap-hosts.xml").filter { $0.contains("hostDiscovered") }
        #expect(
            hosts == [
                Self.host,
                #"{"type":"hostDiscovered","ip":"127.0.0.2"}"#,
                #"{"type":"hostDiscovered","ip":"127.0.0.3"}"#,
            ]
        )
    }

    @Test("a table without versions tells ports of each host")
    func twoHosts() throws {
        #expect(
            try self.messages("nmap-two-hosts.txt") == [
                Self.host,
                #"{"type":"portFound","ip":"127.0.0.1","port":18941,"protocol":"tcp","state":"open","service":"unknown"}"#,
                #"{"type":"hostDiscovered","ip":"127.0.0.2"}"#,
            ]
        )
    }

    @Test("what nmap says besides stays a line, and no XML does")
    func besides() throws {
        #expect(
            try self.lines("nmap-two-hosts.txt") == [
                "Starting Nmap 7.93 ( https://nmap.org ) at 2026-11-23 05:38 UTC",
                "Nmap done: 2 IP addresses (2 hosts up) scanned in 0.07 seconds",
            ]
        )
        #expect(try self.lines("nmap-services.txt").contains("Scanning 1 service on localhost (127.0.0.1)"))
        for name in ["nmap-services.xml", "nmap-progress.xml", "nmap-ports.xml", "nmap-hosts.xml"] {
            #expect(try self.lines(name) == [])
        }
    }

    @Test("a scan that nmap refuses says why")
    func refusedScan() throws {
        #expect(try self.messages("nmap-refused.txt") == [])
        #expect(
            try self.lines("nmap-refused.txt") == [
                "Ports specified must be between 0 and 65535 inclusive", "QUITTING!",
                "Ports specified must be between 0 and 65535 inclusive",
            ]
        )
    }

    @Test("the greppable output tells hosts, their open ports and what is behind them")
    func greppable() throws {
        #expect(
            try self.messages("nmap-greppable.txt") == [
                Self.host,
                #"{"type":"portFound","ip":"127.0.0.1","port":18941,"protocol":"tcp","state":"open","service":"http"}"#,
                Self.service,
                #"{"type":"hostDiscovered","ip":"127.0.0.2"}"#,
            ]
        )
        #expect(try self.lines("nmap-greppable.txt").map { $0.prefix(11) } == ["# Nmap 7.93", "# Nmap done"])
    }

    @Test(
        "greppable fields are read, and what is in none is a line",
        arguments: [
            (
                "Host: 10.0.0.1 (a.example)\tPorts: 22/open/tcp//ssh//OpenSSH 9.2p1, x (protocol 2.0)/, 53/open|filtered/udp//domain?///"
                    + "\tIgnored State: closed (998)\tOS: Linux 5.0|Linux 4\tSeq Index: 256\tIP ID Seq: All zeros",
                [
                    #"{"type":"hostDiscovered","ip":"10.0.0.1","hostname":"a.example"}"#,
                    #"{"type":"portFound","ip":"10.0.0.1","port":22,"protocol":"tcp","state":"open","service":"ssh"}"#,
                    #"{"type":"serviceDetected","ip":"10.0.0.1","port":22,"protocol":"tcp","service":"ssh","product":"OpenSSH","version":"9.2p1, x","details":"protocol 2.0"}"#,
                    #"{"type":"portFound","ip":"10.0.0.1","port":53,"protocol":"udp","state":"open|filtered","service":"domain"}"#,
                    #"{"type":"osDetected","ip":"10.0.0.1","name":"Linux 5.0"}"#,
                ]
            ),
            (
                "Host: 10.0.0.1 ()\tProtocols: 1/open/icmp/, 6/closed/tcp/",
                [
                    #"{"type":"hostDiscovered","ip":"10.0.0.1"}"#,
                    #"{"type":"portFound","ip":"10.0.0.1","port":1,"protocol":"ip","state":"open","service":"icmp"}"#,
                ]
            ),
            ("Host: 10.0.0.9 ()\tStatus: Down", []),
            ("Host: 10.0.0.9 ()\tPorts: \tIgnored State: closed (1000)", []),
        ]
    )
    func greppableFields(line: String, messages: [String]) {
        #expect(Recording.messages(of: Array(line.utf8), by: NmapTranslator()) == messages)
    }

    @Test("a script of the whole scan is told without a host")
    func scanScript() {
        #expect(
            Recording.messages(
                of: Array(#"<prescript><script id="broadcast-ping" output="IP: 10.0.0.1"/></prescript>"#.utf8),
                by: NmapTranslator()
            ) == [#"{"type":"scriptOutput","script":"broadcast-ping","output":"IP: 10.0.0.1"}"#]
        )
    }

    @Test("entities, scripts, operating systems and MAC addresses are read")
    func details() {
        let report = """
            <host><status state="up"/>
            <address addr="10.0.0.9" addrtype="ipv4"/>
            <address addr="00:11:22:33:44:55" addrtype="mac" vendor="A &amp; B &#x41;&quot;"/>
            <ports><port protocol="tcp" portid="443"><state state="open"/><service name="http" tunnel="ssl" \
            product="nginx" method="probed"/><script id="http-title" output="&lt;x&gt;&#xa;2"/></port>
            <port protocol="udp" portid="53"><state state="open|filtered"/></port>
            </ports>
            <os><osmatch name="Linux 5" accuracy="97"/><osmatch name="Linux 4" accuracy="90"/></os>
            </host>
            """
        #expect(
            Recording.messages(of: Array(report.utf8), by: NmapTranslator()) == [
                #"{"type":"hostDiscovered","ip":"10.0.0.9","mac":"00:11:22:33:44:55","vendor":"A & B A\""}"#,
                #"{"type":"portFound","ip":"10.0.0.9","port":443,"protocol":"tcp","state":"open","service":"http"}"#,
                #"{"type":"scriptOutput","ip":"10.0.0.9","port":443,"protocol":"tcp","script":"http-title","output":"<x>\n2"}"#,
                #"{"type":"serviceDetected","ip":"10.0.0.9","port":443,"protocol":"tcp","service":"https","product":"nginx"}"#,
                #"{"type":"portFound","ip":"10.0.0.9","port":53,"protocol":"udp","state":"open|filtered"}"#,
                #"{"type":"osDetected","ip":"10.0.0.9","name":"Linux 5","accuracy":97}"#,
            ]
        )
    }

    @Test(
        "lines are told as they come: the first lines make the first messages",
        arguments: [
            "nmap-services.xml", "nmap-services.txt", "nmap-progress.txt",
        ]
    )
    func streaming(name: String) throws {
        let bytes = try Recording.bytes(name)
        let whole = Recording.messages(of: bytes, by: NmapTranslator())
        for end in bytes.indices where bytes[end] == 0x0A {
            let first = Recording.messages(of: Array(bytes[...end]), by: NmapTranslator(), pieceBytes: 4096)
            #expect(whole.starts(with: first))
        }
    }

    @Test("bytes turned at random make no crash and only valid JSON")
    func damagedReports() throws {
        var random = SystemRandomNumberGenerator()
        for name in ["nmap-services.xml", "nmap-services.txt", "nmap-progress.txt"] {
            let bytes = try Recording.bytes(name)
            for _ in 0..<50 {
                var damaged = bytes
                for _ in 0..<20 {
                    damaged[Int.random(in: damaged.indices, using: &random)] = .random(in: 0...255, using: &random)
                }
                for message in Recording.messages(of: damaged, by: NmapTranslator(), pieceBytes: 4096) {
                    #expect(throws: Never.self) { try JSONReader.read(Array(message.utf8)) }
                }
            }
        }
    }
}
