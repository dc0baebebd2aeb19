import Foundation
import SluiceAdmission
import Testing

@testable import SluiceServer

@Suite("The example and the reference")
struct ConfigurationExampleTests {
    /// Keys without which the example could not start; they can have no default.
    private static let withoutDefault: Set<String> = [
        "tls.certificate", "tls.private_key", "auth.keys", "auth.ingest_keys",
    ]
    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()

    private static func text(of name: String) throws -> String {
        try String(contentsOf: self.root.appendingPathComponent(name), encoding: .utf8)
    }

    private static func paths(_ node: ConfigurationNode, _ prefix: String = "") -> Set<String> {
        guard case .map(let entries) = node.content else {
            return []
        }
        return entries.reduce(into: []) { paths, entry in
            let path = prefix + entry.name
            let isKey = GatewayConfiguration.knownKeys.contains { $0.path == path }
            paths.formUnion(isKey ? [path] : Self.paths(entry.value, path + "."))
        }
    }

    @Test("The example has every key, and no other")
    func everyKey() throws {
        var document = ConfigurationDocument()
        var reading = ConfigurationReading(file: "config.yaml.example", folder: "/")
        let root = try #require(document.read(try Self.text(of: "config.yaml.example"), into: &reading))
        #expect(Self.paths(root) == Set(GatewayConfiguration.knownKeys.map(\.path)))
        #expect(reading.faults == [])
    }

    @Test("The example says of every key what the code does without it")
    func everyDefault() throws {
        let folder = try ConfigurationFolder()
        folder.write(try Self.text(of: "config.yaml.example"), to: "config.yaml")
        folder.write(PEMText.certificate, to: "certs/gateway.crt")
        folder.write(PEMText.privateKey, to: "certs/gateway.key")
        folder.write(String(repeating: "x", count: 64), to: "secrets/jwt.key")
        let loaded = try folder.load([:])
        var expected = GatewayConfiguration()
        expected.tls.certificate = folder.path + "/certs/gateway.crt"
        expected.tls.privateKey = folder.path + "/certs/gateway.key"
        expected.tls.acme.folder = folder.path + "/acme"
        expected.auth.keys = [
            .init(id: "main", algorithm: .hs256, material: .secretFile(folder.path + "/secrets/jwt.key"))
        ]
        expected.auth.ingestKeys = [.init(name: "nmap", sha256: [UInt8](repeating: 0, count: 32))]
        #expect(loaded.configuration == expected)
        #expect(loaded.warnings == [])
    }

    @Test("A comment stands before every key of the example")
    func everyComment() throws {
        var previous = ""
        for line in try Self.text(of: "config.yaml.example").split(separator: "\n") {
            let name = line.trimmingCharacters(in: .whitespaces).prefix { $0 != ":" }
            let keys = GatewayConfiguration.knownKeys.filter { $0.path == name || $0.path.hasSuffix("." + name) }
            if !line.contains("#"), line.contains(":"), !keys.isEmpty {
                #expect(previous.contains("#"), "\(line)")
            }
            previous = String(line)
        }
    }

    @Test("The reference has a row with the default of every key")
    func reference() throws {
        let rows = try Self.text(of: "docs/configuration.md").split(separator: "\n").filter { $0.hasPrefix("| `") }
        var seen: Set<String> = []
        for row in rows {
            let cells = row.split(separator: "|").map { $0.trimmingCharacters(in: CharacterSet(charactersIn: " `")) }
            guard let key = GatewayConfiguration.knownKeys.first(where: { $0.path == cells[0] }) else {
                continue
            }
            seen.insert(key.path)
            if !Self.withoutDefault.contains(key.path) {
                #expect(cells[1] == key.defaultText, "\(key.path)")
            }
        }
        #expect(seen == Set(GatewayConfiguration.knownKeys.map(\.path)))
    }

    @Test("What each key does is known, and is told of no other")
    func texts() {
        #expect(Set(KeyTexts.all.keys) == Set(GatewayConfiguration.knownKeys.map(\.path)))
        #expect(KeyTexts.all.values.allSatisfy { $0.count > 10 && !$0.contains("](") })
    }
}
