import SluiceRelay
import Testing

@testable import SluiceServer

@Suite("The YAML of a configuration")
struct ConfigurationDocumentTests {
    @Test(
        "What is not YAML is a fault with its line and column",
        arguments: [
            ("relay: { a: 1", "2:1: not YAML: did not find expected ',' or '}' (while parsing a flow mapping, line 1)"),
            (
                "log:\n\tlevel: info",
                "2:1: not YAML: found character that cannot start any token (while scanning for the next token, line 2)"
            ),
            ("log: \"a", "1:8: not YAML: found unexpected end of stream (while scanning a quoted scalar, line 1)"),
            ("a: *b", "1:4: not YAML: found undefined alias"),
            ("log:\n  level: \u{7}", "2:10: not YAML: control characters are not allowed"),
        ]
    )
    func syntax(yaml: String, fault: String) throws {
        #expect(try ConfigurationFolder.faults(of: yaml) == ["config.yaml:" + fault])
    }

    @Test("A byte order mark at the beginning is no part of the text, and takes no column")
    func byteOrderMark() throws {
        #expect(
            try ConfigurationFolder.load("\u{FEFF}relay: { max_pending: 5 }").configuration.relay.maximumPendingCount
                == 5
        )
        let faults = try ConfigurationFolder.faults(of: "\u{FEFF}relayy: 1\nlog: { level: loud, x: 1 }")
        #expect(
            faults.map { $0.split(separator: " ").prefix(2).joined(separator: " ") } == [
                "config.yaml:1:1: relayy:", "config.yaml:2:8: log.level:", "config.yaml:2:21: log.x:",
            ]
        )
        let twice = try ConfigurationFolder.faults(of: "\u{FEFF}log: {}\nlog: {}")
        #expect(twice == ["config.yaml:2:1: log: given twice, first in line 1"])
        let broken = "relay: { a: *b }"
        #expect(
            try ConfigurationFolder.faults(of: "\u{FEFF}" + broken) == ConfigurationFolder.faults(of: broken)
        )
    }

    @Test("A key given twice is a fault at the second, and what follows is read on")
    func duplicates() throws {
        let yaml = """
            relay:
              framing: batch
              "max_pending": 5
              framing: plain
              max_pending: 0
            log: { level: info, level: debug, level: loud }
            relay: {}
            storage: { durability: fast }
            """
        #expect(
            try ConfigurationFolder.faults(of: yaml) == [
                "config.yaml:4:3: relay.framing: given twice, first in line 2",
                "config.yaml:5:3: relay.max_pending: given twice, first in line 3",
                "config.yaml:6:21: log.level: given twice, first in line 6",
                "config.yaml:6:35: log.level: given twice, first in line 6",
                "config.yaml:7:1: relay: given twice, first in line 1",
                "config.yaml:8:12: storage.durability: expected one of none, batched, synced, found \"fast\"",
            ]
        )
    }

    @Test("So many keys given twice that they are not worth reading on still end in a fault")
    func manyDuplicates() throws {
        let yaml = (0..<100).map { "key\($0): 1\nkey\($0): 2" }.joined(separator: "\n")
        let faults = try ConfigurationFolder.faults(of: yaml)
        #expect(faults.count == 1)
        #expect(faults.allSatisfy { $0.hasSuffix("given twice") })
    }

    @Test(
        "Anchors, aliases, tags and more than one document are refused",
        arguments: [
            ("relay: &a { framing: plain }", "1:8: relay: anchors and aliases are not supported"),
            (
                "relay: { critical: &a [error], terminal: *a }",
                "1:20: relay.critical: anchors and aliases are not supported"
            ),
            ("log: { level: !!int info }", "1:15: log.level: tags are not supported"),
            ("listen: { port: !port 80 }", "1:17: listen.port: tags are not supported"),
            ("relay: !!map {}", "1:8: relay: tags are not supported"),
            ("log: {}\n---\nlog: {}", "3:1: expected one document, found another"),
            ("? [a, b]\n: 1", "1:3: expected a name as the key"),
        ]
    )
    func refused(yaml: String, fault: String) throws {
        #expect(try ConfigurationFolder.faults(of: yaml).contains("config.yaml:" + fault))
    }

    @Test("Aliases that would multiply are not followed")
    func aliasBomb() throws {
        var yaml = "a0: &a0 [x]\n"
        for level in 1...40 {
            yaml += "a\(level): &a\(level) [*a\(level - 1), *a\(level - 1)]\n"
        }
        let faults = try ConfigurationFolder.faults(of: yaml)
        #expect(faults.count == 41)
        #expect(faults.allSatisfy { $0.hasSuffix("anchors and aliases are not supported") })
    }

    @Test("Deep nesting is a fault, however deep")
    func depth() throws {
        let faults = try ConfigurationFolder.faults(of: "a: " + String(repeating: "[", count: 100_000))
        #expect(faults.count == 1)
        let closed = String(repeating: "[", count: 50) + String(repeating: "]", count: 50)
        #expect(try ConfigurationFolder.faults(of: "origins: " + closed).contains { $0.hasSuffix("nested too deep") })
    }

    @Test(
        "An empty file, and empty sections, leave every default",
        arguments: ["", "# nothing\n", "---\n", "relay:\n"]
    )
    func empty(yaml: String) throws {
        let loaded = try ConfigurationFolder.load(yaml)
        var expected = GatewayConfiguration()
        expected.listen.host = "127.0.0.1"
        expected.listen.plaintext = true
        expected.auth.ingestKeys = loaded.configuration.auth.ingestKeys
        #expect(loaded.configuration == expected)
    }

    @Test("Lines that end in CRLF, and a byte order mark, change nothing")
    func lineEnds() throws {
        let loaded = try ConfigurationFolder.load("\u{FEFF}relay:\r\n  framing: plain\r\n")
        #expect(loaded.configuration.relay.framing == .plain)
        let faults = try ConfigurationFolder.faults(of: "log:\r\n  level: info\r\n  level: debug\r\n")
        #expect(faults == ["config.yaml:3:3: log.level: given twice, first in line 2"])
    }
}
