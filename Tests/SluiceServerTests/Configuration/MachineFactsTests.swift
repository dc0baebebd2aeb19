import Testing

@testable import SluiceServer

@Suite("What a configuration is to run on")
struct MachineFactsTests {
    private static func warnings(
        _ yaml: String,
        environment: [String: String] = ConfigurationFolder.enough,
        openFileLimit: Int = .max
    ) throws -> [String] {
        let folder = try ConfigurationFolder()
        folder.write(yaml, to: "config.yaml")
        let machine = MachineFacts(openFileLimit: openFileLimit, now: ConfigurationFolder.now)
        let loaded = try GatewayConfiguration.load(
            path: folder.path + "/config.yaml",
            environment: environment,
            machine: machine
        )
        return loaded.warnings.map { $0.description.replacing(folder.path + "/", with: "") }
    }

    @Test("More connections than open files is a warning, where the number stands")
    func openFiles() throws {
        let yaml = "limits:\n  connections: { total: 1000 }"
        #expect(try Self.warnings(yaml, openFileLimit: 1064) == [])
        #expect(
            try Self.warnings(yaml, openFileLimit: 1063) == [
                "config.yaml:2:18: limits.connections.total: 1000 connections need about 1064 open files, "
                    + "and ulimit -n is 1063: raise it, or lower the limit"
            ]
        )
        #expect(try Self.warnings("", openFileLimit: 256).count == 1)
    }

    @Test("The machine says how many files may be open, and what time it is")
    func limit() {
        let machine = MachineFacts.measured()
        #expect(machine.openFileLimit > 0)
        #expect(machine.now > 1_700_000_000)
    }

    @Test(
        "What can be reached from other machines without TLS or without a token is a warning",
        arguments: ["0.0.0.0", "::", "192.0.2.1", "gateway.example"]
    )
    func exposed(host: String) throws {
        let plaintext = try Self.warnings("listen:\n  host: \"\(host)\"\n  plaintext: true", environment: Self.key)
        #expect(plaintext.count == 1)
        #expect(plaintext.first?.hasPrefix("config.yaml:3:3: listen.plaintext: \(host) can be reached") == true)
        let admin = try Self.warnings("admin: { host: \"\(host)\" }")
        #expect(admin.count == 1)
        #expect(admin.first?.hasPrefix("config.yaml:1:10: admin.host: \(host) can be reached") == true)
    }

    @Test("On the loopback neither is", arguments: ["127.0.0.1", "127.0.0.53", "::1", "localhost"])
    func loopback(host: String) throws {
        let yaml = "listen: { host: \"\(host)\", plaintext: true }\nadmin: { host: \"\(host)\" }"
        #expect(try Self.warnings(yaml, environment: Self.key) == [])
    }

    private static let key = ["SLUICE_AUTH__INGEST_KEYS": ConfigurationFolder.enough["SLUICE_AUTH__INGEST_KEYS"]!]
}
