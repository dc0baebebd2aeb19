import Logging
import NIOCore
import SluiceAdmission
import SluiceBase
import SluiceRelay
import Testing

@testable import SluiceServer

@Suite("The environment over the file")
struct ConfigurationEnvironmentTests {
    private static func with(_ variables: [String: String]) -> [String: String] {
        ConfigurationFolder.enough.merging(variables) { _, new in new }
    }

    @Test("A variable overrides its key, and others stay")
    func overrides() throws {
        let yaml = "relay: { batch_interval: 1s, max_batch_size: 7 }\nlog: { level: error }"
        let environment = Self.with([
            "SLUICE_RELAY__BATCH_INTERVAL": "50ms",
            "SLUICE_RELAY__MAX_MESSAGES_PER_SECOND": "2.5",
            "SLUICE_RELAY__CRITICAL": "[error, \"scanStarted\"]",
            "SLUICE_RELAY__CONFLATE": "{ hostProgress: [ip, port] }",
            "SLUICE_LIMITS__CONNECTIONS__WHEN_FULL": "close_oldest",
            "SLUICE_LISTEN__EVENT_LOOPS": "null",
            "SLUICE_TLS__MINIMUM_VERSION": "1.3",
            "SLUICE_AUTH__ISSUER": "12",
            "SLUICE_AUTH__AUDIENCE": "",
            "SLUICE_ORIGINS": "[\"https://A.example:443\", 'http://b.example:8080']",
            "SLUICE_LISTEN__TRUSTED_PROXIES": "[10.0.0.0/8, \"::1\"]",
            "HOME": "/root",
            "SLUICE": "not ours",
        ])
        let configuration = try ConfigurationFolder.load(yaml, environment: environment).configuration
        #expect(configuration.relay.batchInterval == .milliseconds(50))
        #expect(configuration.relay.maximumBatchCount == 7)
        #expect(configuration.relay.maximumFramesPerSecond == 2.5)
        #expect(configuration.relay.critical == ["error", "scanStarted"])
        #expect(configuration.relay.conflate == ["hostProgress": ["ip", "port"]])
        #expect(configuration.limits.connections.whenFull == .closeOldest)
        #expect(configuration.listen.eventLoops == nil)
        #expect(configuration.tls.minimumVersion == .tls13)
        #expect(configuration.auth.issuer == "12")
        #expect(configuration.auth.audience == nil)
        #expect(configuration.origins.map(\.description) == ["https://a.example", "http://b.example:8080"])
        #expect(configuration.listen.trustedProxies == [try AddressBlock("10.0.0.0/8"), try AddressBlock("::1/128")])
        #expect(configuration.log.level == .error)
    }

    @Test("Every key has a variable, and no two have the same")
    func everyKey() {
        let variables = Set(GatewayConfiguration.knownKeys.map(\.variable))
        #expect(variables.count == GatewayConfiguration.knownKeys.count)
        #expect(variables.contains("SLUICE_COMPRESSION__PERMESSAGE_DEFLATE__WINDOW_BITS"))
    }

    @Test(
        "A fault of a variable names the variable",
        arguments: [
            (
                "SLUICE_RELAY__BATCH_INTERVAL", "50",
                "expected a duration with its unit: 50ms, 50s, 50m, …, found \"50\""
            ),
            ("SLUICE_RELAY__BATCH_INTERVALL", "1", "unknown, did you mean SLUICE_RELAY__BATCH_INTERVAL?"),
            ("SLUICE_RELAY", "{}", "unknown, only keys can be set"),
            ("SLUICE_NOTHING_LIKE_IT", "1", "unknown"),
            ("SLUICE_PORT", "8443", "unknown"),
            ("SLUICE_LISTEN__PORT", "", "expected a whole number, found nothing"),
            (
                "SLUICE_ORIGINS", "[a",
                "not YAML: did not find expected ',' or ']' (while parsing a flow sequence, line 1)"
            ),
            ("SLUICE_ORIGINS", "", "expected a list of origins such as [\"https://a.example\"], found nothing"),
            (
                "SLUICE_ORIGINS", "[x]",
                "[0]: expected an origin such as https://a.example, without a path or a pattern, found \"x\""
            ),
            ("SLUICE_AUTH__KEYS", "[{ id: a, algorithm: HS256 }]", "[0]: HS256 needs secret_file"),
        ]
    )
    func fault(name: String, value: String, message: String) throws {
        let faults = try ConfigurationFolder.faults(of: "", environment: Self.with([name: value]))
        #expect(faults == ["environment: \(name): \(message)"])
    }

    @Test(
        "A variable that Kubernetes sets for a service says so, and what to do",
        arguments: [
            ("SLUICE_SERVICE_HOST", "10.96.0.7"), ("SLUICE_SERVICE_PORT", "8443"),
            ("SLUICE_SERVICE_PORT_HTTPS", "8443"),
            ("SLUICE_PORT", "tcp://10.96.0.7:8443"), ("SLUICE_PORT_8443_TCP", "tcp://10.96.0.7:8443"),
            ("SLUICE_PORT_8443_TCP_PROTO", "tcp"), ("SLUICE_PORT_8443_TCP_PORT", "8443"),
            ("SLUICE_PORT_8443_TCP_ADDR", "10.96.0.7"), ("SLUICE_GATEWAY_SERVICE_HOST", "10.96.0.8"),
            ("SLUICE_GATEWAY_PORT_53_UDP", "udp://10.96.0.8:53"),
        ]
    )
    func serviceLink(name: String, value: String) throws {
        let faults = try ConfigurationFolder.faults(of: "", environment: Self.with([name: value]))
        #expect(
            faults == [
                "environment: \(name): unknown, Kubernetes sets it for a service of that name: "
                    + "write enableServiceLinks: false into the pod's spec"
            ]
        )
    }

    @Test("What the client commands take from the environment is no key, and no fault")
    func reserved() throws {
        let environment = Self.with(["SLUICE_TOKEN": "x", "SLUICE_URL": "y", "SLUICE_CA": "z"])
        #expect(try ConfigurationFolder.faults(of: "", environment: environment) == [])
    }

    @Test("A list of the environment takes the place of the file's whole list")
    func wholeList() throws {
        let yaml = "auth: { keys: [{ id: a, algorithm: HS256, secret_file: missing }] }"
        let environment = Self.with(["SLUICE_AUTH__KEYS": "[]"])
        #expect(try ConfigurationFolder.load(yaml, environment: environment).configuration.auth.keys == [])
    }
}
