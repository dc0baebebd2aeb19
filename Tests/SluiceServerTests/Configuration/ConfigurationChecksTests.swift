import Testing

@testable import SluiceServer

@Suite("Values that do not go together")
struct ConfigurationChecksTests {
    private static let key = "{ name: a, sha256: \(String(repeating: "0", count: 64)) }"

    @Test(
        "Two given values that contradict each other are a fault",
        arguments: [
            (
                "limits: { max_message_bytes: 2MiB, max_body_bytes: 1MiB }",
                "1:11: limits.max_message_bytes: larger than limits.max_body_bytes"
            ),
            (
                "clients: { adaptive: { minimum_rate: 3 } }\nrelay: { max_messages_per_second: 2 }",
                "1:24: clients.adaptive.minimum_rate: larger than relay.max_messages_per_second"
            ),
            (
                "relay: { critical: [a], conflate: { a: [] } }",
                "1:25: relay.conflate: \"a\" is critical, so that none of it can be replaced by a newer one"
            ),
            (
                "limits: { max_message_bytes: 2MiB }\nstorage: { path: s, retention: { bytes: 1MiB } }",
                "2:34: storage.retention.bytes: smaller than limits.max_message_bytes: "
                    + "a message of that size could not be kept"
            ),
            ("listen: { port: 9464 }", "1:11: listen.port: the admin listener has the same port"),
            ("admin: { port: 8443 }", "1:10: admin.port: the public listener has the same port"),
            ("listen: { redirect_http: { port: 8443 } }", "1:28: listen.redirect_http.port: the same as listen.port"),
            ("listen: { redirect_http: { to: 443 } }", "1:11: listen.redirect_http: needs port"),
            (
                "listen: { proxy_protocol: true }",
                "1:11: listen.proxy_protocol: needs listen.trusted_proxies: nobody else may connect"
            ),
            (
                "auth: { claims: { roles: [realm_access, roles], scans: realm_access } }",
                "1:49: auth.claims.scans: realm_access cannot be a claim and lead to auth.claims.roles"
            ),
            (
                "auth: { claims: { subject: roles } }",
                "1:19: auth.claims.subject: auth.claims.roles is the same claim"
            ),
            ("auth: { claims: { roles: exp } }", "1:19: auth.claims.roles: exp has its own meaning (RFC 7519)"),
            ("auth: { claims: { roles: [] } }", "1:19: auth.claims.roles: expected from 1 to 8 names, found 0"),
            (
                "tls: { certificates: [{ certificate: a.crt }] }",
                "1:23: tls.certificates[0]: needs private_key"
            ),
            (
                "auth: { jwks: { file: missing, url: \"https://idp.example/keys\" } }",
                "1:9: auth.jwks: give file or url, not both"
            ),
        ]
    )
    func contradiction(yaml: String, fault: String) throws {
        #expect(try ConfigurationFolder.faults(of: yaml).contains("config.yaml:" + fault))
    }

    @Test("A given value that contradicts a default is a warning, where the value stands")
    func warning() throws {
        let yaml = "clients:\n  timeout: 2s\nlimits: { max_body_bytes: 1KiB }"
        let warnings = try ConfigurationFolder.load(yaml).warnings
        #expect(warnings.map(\.keyPath) == ["clients.heartbeat_interval", "limits.max_message_bytes"])
        #expect(warnings.map(\.line) == [2, 3])
    }

    @Test(
        "What is possible and unwise is a warning of its key",
        arguments: [
            ("relay: { history: { bytes: 100KiB } }", "relay.history.bytes"),
            ("clients: { max_buffered: 100KiB }", "clients.max_buffered"),
            ("limits: { memory: 256MiB }", "limits.memory"),
            ("relay: { idle_timeout: 30s }", "relay.stall_after"),
            ("auth: { leeway: 11m }", "auth.leeway"),
            ("listen: { trusted_proxies: [10.0.0.0/8, 0.0.0.0/0] }", "listen.trusted_proxies"),
            ("storage: { path: missing }", "storage.path"),
        ]
    )
    func unwise(yaml: String, keyPath: String) throws {
        #expect(try ConfigurationFolder.load(yaml).warnings.map(\.keyPath) == [keyPath])
    }

    @Test(
        "A time beyond all sense is a fault",
        arguments: [
            ("relay: { batch_interval: 2h }", "relay.batch_interval: expected at most 1h, found \"2h\""),
            ("shutdown: { grace: 10d }", "shutdown.grace: expected at most 1h, found \"10d\""),
            ("clients: { timeout: 25h }", "clients.timeout: expected at most 1d, found \"25h\""),
            ("clients: { heartbeat_interval: 2d }", "clients.heartbeat_interval: expected at most 1d, found \"2d\""),
            ("auth: { leeway: 2d }", "auth.leeway: expected at most 1d, found \"2d\""),
            (
                "limits: { timeouts: { handshake: 2d } }",
                "limits.timeouts.handshake: expected at most 1d, found \"2d\""
            ),
            (
                "limits: { timeouts: { stream_idle: 3650d } }",
                "limits.timeouts.stream_idle: expected at most 1d, found \"3650d\""
            ),
        ]
    )
    func beyondSense(yaml: String, fault: String) throws {
        let faults = try ConfigurationFolder.faults(of: yaml)
        #expect(faults.count == 1)
        #expect(faults.first?.hasSuffix(": " + fault) == true)
    }

    @Test(
        "The mark of memory is auto, a size, or nothing",
        arguments: [
            ("auto", GatewayConfiguration.Limits.Memory.automatic), ("\"auto\"", .automatic),
            ("4GiB", .bytes(4 << 30)), ("1048576", .bytes(1 << 20)), ("null", .unlimited), ("~", .unlimited),
        ]
    )
    func memory(text: String, expected: GatewayConfiguration.Limits.Memory) throws {
        let yaml = "limits: { memory: \(text) }\ncompression: { memory: 1KiB }"
        #expect(try ConfigurationFolder.load(yaml).configuration.limits.memory == expected)
        let environment = ConfigurationFolder.enough.merging(["SLUICE_LIMITS__MEMORY": "auto"]) { $1 }
        #expect(try ConfigurationFolder.load(yaml, environment: environment).configuration.limits.memory == .automatic)
    }

    @Test(
        "What is no mark of memory is a fault that says what one is",
        arguments: [
            ("lots", "expected auto, a size such as 4GiB, or null, found \"lots\""),
            ("0", "expected at least 1, found 0"),
            ("-1GiB", "expected at least 1, found \"-1GiB\""),
            ("[]", "expected a size such as 256KiB or 4MiB, found a list"),
        ]
    )
    func noMemory(text: String, message: String) throws {
        let faults = try ConfigurationFolder.faults(of: "limits: { memory: \(text) }")
        #expect(faults == ["config.yaml:1:11: limits.memory: \(message)"])
    }

    @Test("Without TLS a certificate is not needed, and without a certificate there is no TLS")
    func certificate() throws {
        let auth = "auth: { ingest_keys: [\(Self.key)] }\n"
        #expect(try ConfigurationFolder.faults(of: auth + "listen: { plaintext: true }", environment: [:]) == [])
        #expect(
            try ConfigurationFolder.faults(of: auth + "tls:\n  certificate: null", environment: [:]) == [
                "config.yaml:2:1: tls.private_key: needed, unless listen.plaintext is true",
                "config.yaml:3:3: tls.certificate: needed, unless listen.plaintext is true",
            ]
        )
    }

    @Test("A gateway that nobody could use does not start")
    func credentials() throws {
        let yaml = "listen: { plaintext: true }\nauth: { keys: [] }"
        #expect(
            try ConfigurationFolder.faults(of: yaml, environment: [:]) == [
                "config.yaml:2:1: auth: nobody could come in: give keys, jwks, oidc, forward or ingest_keys"
            ]
        )
    }

    @Test("A key set that comes without TLS is a warning, but on the loopback")
    func plaintextKeySet() throws {
        let far = try ConfigurationFolder.load("auth: { jwks: { url: \"http://idp.example/keys\" } }")
        #expect(far.warnings.map(\.keyPath) == ["auth.jwks.url"])
        for host in ["127.0.0.1:8080", "127.9.9.9", "localhost", "[::1]:8080"] {
            #expect(try ConfigurationFolder.load("auth: { jwks: { url: \"http://\(host)/keys\" } }").warnings == [])
        }
        for host in ["127.evil.example", "localhost.evil.example"] {
            #expect(try ConfigurationFolder.load("auth: { jwks: { url: \"HTTP://\(host)/k\" } }").warnings.count == 1)
        }
    }

    @Test(
        "A pattern that can match a scan's id is good, and one that cannot is a fault",
        arguments: [
            ("team-7-*", true), ("*", true), ("team-?", true), ("?", true), (".*", true), ("..?", true), ("a", true),
            (String(repeating: "a", count: 128) + "*", true), (String(repeating: "a", count: 129), false),
            (".", false), ("..", false), ("stats", false), ("stat?", true), ("a b", false), ("a/*", false),
        ]
    )
    func scanGlob(pattern: String, isGood: Bool) throws {
        let key = "{ name: a, sha256: \(String(repeating: "0", count: 64)), scans: [\"\(pattern)\"] }"
        let yaml = "auth: { ingest_keys: [\(key)] }"
        #expect(try ConfigurationFolder.faults(of: yaml).isEmpty == isGood)
    }

    @Test(
        "Keys in lists have their own faults",
        arguments: [
            (
                "keys: [{ id: a, algorithm: HS257, secret_file: k }]",
                "auth.keys[0].algorithm: expected one of HS256, HS384, HS512, RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA, found \"HS257\""
            ),
            ("keys: [{ algorithm: HS256, secret_file: k }]", "auth.keys[0]: needs id"),
            ("keys: [{ id: a, secret_file: k }]", "auth.keys[0]: needs algorithm"),
            ("keys: [{ id: a, algorithm: HS256 }]", "auth.keys[0]: HS256 needs secret_file"),
            (
                "keys: [{ id: a, algorithm: HS256, public_key: k }]",
                "auth.keys[0].public_key: HS256 takes secret_file instead"
            ),
            (
                "keys: [{ id: a, algorithm: EdDSA, secret_file: k }]",
                "auth.keys[0].secret_file: EdDSA takes public_key instead"
            ),
            (
                "keys: [{ id: a, algorithm: HS256, secret_file: k, scret: x }]",
                "auth.keys[0].scret: unknown key, expected one of id, algorithm, secret_file, public_key"
            ),
            (
                "keys: [{ id: a, algorithm: HS256, secret_fil: k }]",
                "auth.keys[0].secret_fil: unknown key, did you mean secret_file?"
            ),
            ("keys: [a]", "auth.keys[0]: expected a key such as { id: …, algorithm: …, … }, found \"a\""),
            ("keys: {}", "auth.keys: expected a list of keys, found a map"),
            (
                "ingest_keys: [{ name: a, sha256: hunter2 }]",
                "auth.ingest_keys[0].sha256: expected 64 hexadecimal digits (sluice key prints them), found 7 characters"
            ),
            ("ingest_keys: [{ name: a }]", "auth.ingest_keys[0]: needs sha256"),
            ("ingest_keys: [\(key), \(key)]", "auth.ingest_keys[1].name: an earlier key has the name \"a\""),
            (
                "ingest_keys: [{ name: a, sha256: \(String(repeating: "0", count: 64)), scans: [\"a/b\"] }]",
                "auth.ingest_keys[0].scans[0]: expected at most 128 of letters, digits, \".\", \"_\", \"~\", \"-\", \"*\" and \"?\", and not \".\", \"..\" or \"stats\", found \"a/b\""
            ),
        ]
    )
    func keyFaults(yaml: String, fault: String) throws {
        let environment = ["SLUICE_LISTEN__PLAINTEXT": "true"]
        let faults = try ConfigurationFolder.faults(of: "auth: { \(yaml) }", environment: environment)
        #expect(faults.contains { $0.hasSuffix(": " + fault) })
        #expect(!faults.contains { $0.contains("hunter2") })
    }

    @Test("Two keys of the same id are a fault of the second")
    func sameID() throws {
        let folder = try ConfigurationFolder()
        folder.write(String(repeating: "k", count: 64), to: "k")
        folder.write(
            """
            auth:
              keys:
                - { id: a, algorithm: HS256, secret_file: k }
                - { id: a, algorithm: HS512, secret_file: k }
            """,
            to: "config.yaml"
        )
        #expect(folder.faults() == ["config.yaml:4:9: auth.keys[1].id: an earlier key has the id \"a\""])
    }
}
