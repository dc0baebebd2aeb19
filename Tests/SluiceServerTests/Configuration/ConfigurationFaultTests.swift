import Logging
import Testing

@testable import SluiceServer

@Suite("Faults of a configuration file")
struct ConfigurationFaultTests {
    @Test(
        "A key that does not exist is a fault with its place and what was probably meant",
        arguments: [
            (
                "relay:\n  batch_intervall: 100ms",
                "2:3: relay.batch_intervall: unknown key, did you mean batch_interval?"
            ),
            ("relay: { batchInterval: 1s }", "1:10: relay.batchInterval: unknown key, did you mean batch_interval?"),
            ("tsl: {}", "1:1: tsl: unknown key, did you mean tls?"),
            ("max_pending: 5", "1:1: max_pending: unknown key, did you mean relay.max_pending?"),
            ("limits: { port: 5 }", "1:11: limits.port: unknown key"),
            ("nonsense: 1", "1:1: nonsense: unknown key"),
            ("clients: { adaptive: { lag: 3 } }", "1:24: clients.adaptive.lag: unknown key, did you mean lags?"),
            ("<<: { log: {} }", "1:1: <<: unknown key"),
            ("\"\": 1", "1:1: unknown key"),
        ]
    )
    func unknownKey(yaml: String, fault: String) throws {
        #expect(try ConfigurationFolder.faults(of: yaml) == ["config.yaml:" + fault])
    }

    @Test(
        "A value of another type is a fault that says what was expected",
        arguments: [
            ("listen: { port: high }", "1:11: listen.port: expected a whole number, found \"high\""),
            ("listen: { port: \"80\" }", "1:11: listen.port: expected a whole number, found the text \"80\""),
            ("listen: { port: 80.5 }", "1:11: listen.port: expected a whole number, found 80.5"),
            ("listen: { port: [80] }", "1:11: listen.port: expected a whole number, found a list"),
            ("listen: { port: }", "1:11: listen.port: expected a whole number, found nothing"),
            ("auth: { query_token: yes }", "1:9: auth.query_token: expected true or false, found yes"),
            (
                "auth: { query_token: \"true\" }",
                "1:9: auth.query_token: expected true or false, found the text \"true\""
            ),
            ("auth: { issuer: 12 }", "1:9: auth.issuer: expected text (in quotes, if it is meant as text), found 12"),
            (
                "origins: https://a.example",
                "1:1: origins: expected a list of origins such as [\"https://a.example\"], found \"https://a.example\""
            ),
            ("relay: 5", "1:1: relay: expected keys and values, found 5"),
            ("relay: [a]", "1:1: relay: expected keys and values, found a list"),
            ("- a", "1:1: expected keys and values, found a list"),
            (
                "relay: { critical: error }",
                "1:10: relay.critical: expected a list of types such as [scanStarted, error], found \"error\""
            ),
            ("relay: { critical: [{}] }", "1:21: relay.critical[0]: expected text, found a map"),
            (
                "relay: { conflate: [a] }",
                "1:10: relay.conflate: expected a map of types and their fields such as { scanProgress: [phase] }, found a list"
            ),
            (
                "relay: { conflate: { a: b } }",
                "1:22: relay.conflate[a]: expected a list of fields such as [phase], found \"b\""
            ),
            (
                "relay: { max_messages_per_second: fast }",
                "1:10: relay.max_messages_per_second: expected a number, found \"fast\""
            ),
        ]
    )
    func wrongType(yaml: String, fault: String) throws {
        #expect(try ConfigurationFolder.faults(of: yaml) == ["config.yaml:" + fault])
    }

    @Test(
        "An impossible value is a fault that says what would be possible",
        arguments: [
            ("listen: { port: 65536 }", "1:11: listen.port: expected at most 65535, found 65536"),
            ("listen: { port: -1 }", "1:11: listen.port: expected at least 0, found -1"),
            ("listen: { event_loops: 0 }", "1:11: listen.event_loops: expected at least 1, found 0"),
            (
                "listen: { host: \"[::1]:80\" }",
                "1:11: listen.host: expected an address or a name, without brackets, port or path, found \"[::1]:80\""
            ),
            (
                "listen: { trusted_proxies: [10.0.0.0/33] }",
                "1:29: listen.trusted_proxies[0]: expected a prefix length from 0 to 32, found \"10.0.0.0/33\""
            ),
            (
                "listen: { trusted_proxies: [10.0.0.1/8] }",
                "1:29: listen.trusted_proxies[0]: expected no bits beyond the prefix of 8, found \"10.0.0.1/8\""
            ),
            (
                "listen: { trusted_proxies: [proxy] }",
                "1:29: listen.trusted_proxies[0]: expected addresses such as 10.0.0.0/8 or fd00::/8, found \"proxy\""
            ),
            ("tls: { minimum_version: 1.1 }", "1:8: tls.minimum_version: expected one of 1.2, 1.3, found 1.1"),
            ("relay: { max_batch_size: 0 }", "1:10: relay.max_batch_size: expected at least 1, found 0"),
            ("relay: { batch_interval: -5ms }", "1:10: relay.batch_interval: expected at least 0, found \"-5ms\""),
            ("relay: { idle_timeout: 0 }", "1:10: relay.idle_timeout: expected at least 1ms, found 0"),
            ("relay: { idle_timeout: 4000d }", "1:10: relay.idle_timeout: expected at most 3650d, found \"4000d\""),
            (
                "relay: { max_messages_per_second: -1 }",
                "1:10: relay.max_messages_per_second: expected 0, or at least 0.1, found -1"
            ),
            ("relay: { framing: batched }", "1:10: relay.framing: expected one of batch, plain, found \"batched\""),
            ("relay: { history: { bytes: -1KiB } }", "1:21: relay.history.bytes: expected at least 1, found \"-1KiB\""),
            (
                "relay: { critical: [\"a\\nb\"] }",
                "1:21: relay.critical[0]: expected text, on one line and not empty, found \"a\\nb\""
            ),
            (
                "compression: { permessage_deflate: { window_bits: 8 } }",
                "1:38: compression.permessage_deflate.window_bits: expected at least 9, found 8"
            ),
            (
                "compression: { permessage_deflate: { level: 10 } }",
                "1:38: compression.permessage_deflate.level: expected at most 9, found 10"
            ),
            ("limits: { handshakes: { rate: 0 } }", "1:25: limits.handshakes.rate: expected at least 0.001, found 0"),
            ("shutdown: { grace: 2h }", "1:13: shutdown.grace: expected at most 1h, found \"2h\""),
            ("limits: { ingest: { burst: 0 } }", "1:21: limits.ingest.burst: expected at least 1, found 0"),
            (
                "limits: { connections: { when_full: drop } }",
                "1:26: limits.connections.when_full: expected one of refuse, close_oldest, found \"drop\""
            ),
            (
                "storage: { durability: fast }",
                "1:12: storage.durability: expected one of none, batched, synced, found \"fast\""
            ),
            (
                "log: { level: loud }",
                "1:8: log.level: expected one of trace, debug, info, notice, warning, error, critical, found \"loud\""
            ),
            (
                "origins: [\"https://a.example/path\"]",
                "1:11: origins[0]: expected an origin such as https://a.example, without a path or a pattern, found \"https://a.example/path\""
            ),
            (
                "origins: [\"*\"]",
                "1:11: origins[0]: expected an origin such as https://a.example, without a path or a pattern, found \"*\""
            ),
            (
                "origins: [\"https://a.example\", \"wss://a.example\"]",
                "1:32: origins[1]: expected the origin of a page, https:// or http:// for sockets too, or the scheme of an app, found \"wss://a.example\""
            ),
            (
                "origins: [\"https://a.example:\"]",
                "1:11: origins[0]: expected a port from 1 to 65535, or none, found \"https://a.example:\""
            ),
            (
                "origins: [\"https://a.example:65536\"]",
                "1:11: origins[0]: expected a port from 1 to 65535, or none, found \"https://a.example:65536\""
            ),
            (
                "origins: [\"http://127.1\"]",
                "1:11: origins[0]: expected the address as browsers write it, such as 127.0.0.1 or [::1], found \"http://127.1\""
            ),
            (
                "origins: [\"null\"]",
                "1:11: origins[0]: expected an origin: null is what sandboxed pages and local files send, and anybody can have it, found \"null\""
            ),
            (
                "listen: { trusted_proxies: [10.0.0.0/08] }",
                "1:29: listen.trusted_proxies[0]: expected a prefix length from 0 to 32, found \"10.0.0.0/08\""
            ),
            (
                "listen: { trusted_proxies: [10.0.0.1/8] }",
                "1:29: listen.trusted_proxies[0]: expected no bits beyond the prefix of 8, found \"10.0.0.1/8\""
            ),
            (
                "auth: { cookie: \"a b\" }",
                "1:9: auth.cookie: expected a name of letters, digits and !#$%&'*+-.^_`|~, found \"a b\""
            ),
            (
                "auth: { jwks: { url: \"file:///etc\" } }",
                "1:17: auth.jwks.url: expected an address that begins with https:// or http://, found \"file:///etc\""
            ),
            (
                "auth: { jwks: { url: \"https://idp.example:99999/keys\" } }",
                "1:17: auth.jwks.url: expected an address with a host, perhaps a port from 1 to 65535, and no user's name, found \"https://idp.example:99999/keys\""
            ),
            (
                "auth: { jwks: { url: \"https://u:p@idp.example/keys\" } }",
                "1:17: auth.jwks.url: expected an address with a host, perhaps a port from 1 to 65535, and no user's name, found \"https://u:p@idp.example/keys\""
            ),
        ]
    )
    func impossibleValue(yaml: String, fault: String) throws {
        #expect(try ConfigurationFolder.faults(of: yaml) == ["config.yaml:" + fault])
    }

    @Test("All faults come in one go, in the order of the file")
    func allAtOnce() throws {
        let yaml = """
            listen:
              port: 99999
              event_loops: maybe
            relay:
              batch_intervall: 100ms
              max_batch_size: 0
            log: { level: loud, colour: red }
            """
        let environment = ["SLUICE_RELAY__FRAMING": "heap", "SLUICE_RELAY_FRAMING": "plain"]
        #expect(
            try ConfigurationFolder.faults(of: yaml, environment: environment) == [
                "config.yaml: auth: nobody could come in: give keys, jwks, oidc, forward or ingest_keys",
                "config.yaml: tls.certificate: needed, unless listen.plaintext is true",
                "config.yaml: tls.private_key: needed, unless listen.plaintext is true",
                "config.yaml:2:3: listen.port: expected at most 65535, found 99999",
                "config.yaml:3:3: listen.event_loops: expected a whole number, found \"maybe\"",
                "config.yaml:5:3: relay.batch_intervall: unknown key, did you mean batch_interval?",
                "config.yaml:6:3: relay.max_batch_size: expected at least 1, found 0",
                "config.yaml:7:8: log.level: expected one of trace, debug, info, notice, warning, error, critical, "
                    + "found \"loud\"",
                "config.yaml:7:21: log.colour: unknown key",
                "environment: SLUICE_RELAY_FRAMING: unknown, did you mean SLUICE_RELAY__FRAMING?",
                "environment: SLUICE_RELAY__FRAMING: expected one of batch, plain, found \"heap\"",
            ]
        )
    }

    @Test("A name from the file cannot act on a terminal either")
    func shownName() throws {
        let faults = try ConfigurationFolder.faults(of: "\"a\\e[2J\\nb\": 1")
        #expect(faults == ["config.yaml:1:1: a\\u001b[2J\\nb: unknown key"])
    }

    @Test("What a fault shows of a value is bounded and cannot act on a terminal")
    func shownValue() throws {
        let yaml = "log: { level: \"\\e[2J\(String(repeating: "x", count: 1000))\" }"
        let fault = try ConfigurationFolder.faults(of: yaml)[0]
        #expect(fault.hasSuffix("found \"\\u001b[2J\(String(repeating: "x", count: 56))…\""))
    }

    @Test("For a log that programs read, a fault's place stands in fields")
    func metadata() throws {
        let folder = try ConfigurationFolder()
        folder.write("log: { levell: info }", to: "config.yaml")
        let environment = ConfigurationFolder.enough.merging(["SLUICE_ORIGINS": "[1]"]) { _, new in new }
        let faults = #expect(throws: ConfigurationFaults.self) { _ = try folder.load(environment) }?.faults ?? []
        #expect(
            faults.map(\.metadata) == [
                [
                    "file": "\(folder.path)/config.yaml", "line": .stringConvertible(1),
                    "column": .stringConvertible(8),
                    "key": "log.levell",
                ],
                ["variable": "SLUICE_ORIGINS", "key": "[0]"],
            ]
        )
    }
}
